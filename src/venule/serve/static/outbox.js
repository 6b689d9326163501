// Strokes until the server has saved them: sent in order, kept in the browser meanwhile.

import * as api from "./api.js";
import { decode, encode, fromText, merged, toText } from "./strokes.js";

const KINDS = { mask: Uint8Array, types: Uint8Array, probability: Uint16Array };

export class Outbox {
  // `sent` is called after each step, `conflict` with the reason if another window was first.
  constructor(id, { prediction, revision = 0, saved_as = null, said, sent, saved, conflict }) {
    Object.assign(this, { id, prediction, revision, file: saved_as, said, sent, saved, conflict, items: [], sending: null, stopped: false, kept: true });
    if (id) addEventListener("beforeunload", (event) => { if (this.items.length && (this.stopped || !this.kept)) event.preventDefault(); });
  }

  at({ revision, saved }) { Object.assign(this, { revision, file: saved, stopped: false }); this.sent(revision); }

  leave() { Object.assign(this, { items: [], left: () => [], gone: true }); }

  // Strokes belong to one prediction: a server may have another of that name, even of another eye.
  get key() { return `stroke ${this.id} ${this.prediction}`; }

  // Whether the browser keeps strokes drawn on another prediction of that name.
  get others() { return Object.keys(localStorage).some((key) => key.startsWith(`stroke ${this.id} `) && key !== this.key); }

  // {layer, tool, at, values} or {layer: "disc", tool, disc}. While one is being sent, those that follow on
  // the same layer are merged: an unreachable server costs no more memory than the layer has.
  push(item) {
    const last = this.items.at(-1);
    if (last && last !== this.sending && last.layer === item.layer) {
      last.tool = item.tool;
      if (item.layer === "disc") last.disc = item.disc; else Object.assign(last, merged(last, item));
    } else this.items.push(item);
    this.keep();
    this.flush();
  }

  keep() {
    try {
      if (!this.items.length) localStorage.removeItem(this.key);
      else localStorage.setItem(this.key, JSON.stringify(this.items.map(({ layer, tool, disc, ...stroke }) => ({ layer, tool, disc, bytes: layer === "disc" ? "" : toText(encode(stroke)) }))));
      this.kept = true;
    } catch {
      if (this.kept) this.said("The browser's storage is full: closing this page would lose unsaved strokes.");
      this.kept = false;
    }
  }

  // Strokes left unsaved by a closed page or a stopped server.
  left() {
    let kept = null;
    try { kept = JSON.parse(localStorage.getItem(this.key)); } catch { /* not ours */ }
    if (!Array.isArray(kept)) return [];
    return kept.map(({ layer, tool, disc, bytes }) => (layer === "disc" ? { layer, tool, disc } : { layer, tool, ...decode(fromText(bytes), KINDS[layer]) }));
  }

  async flush() {
    if (this.sending) return;
    while (this.items.length) {
      const item = (this.sending = this.items[0]), on = { base: this.revision, prediction: this.prediction };
      try {
        const status = item.layer === "disc"
          ? await api.disc(this.id, item.disc, on)
          : await api.stroke(this.id, { layer: item.layer, tool: item.tool, ...on }, encode(item));
        if (this.gone) return;
        this.items.shift();
        this.keep();
        this.at(status);
      } catch (error) {
        if (this.gone) return;
        if (error.status === 409) { this.sending = null; this.conflict(error.message); return; }
        this.stopped = true;
        this.said(`Not saved yet: ${error.message}`);
        this.sent(this.revision);
        if (error.status === 404 && !(await this.reopened(this.id))) break;
        if (![0, 404, 429, 507].includes(error.status)) break;
        await new Promise((done) => setTimeout(done, 2000));
        if (this.gone) return;
      }
    }
    this.sending = null;
    if (!this.items.length) this.saved();
  }

  // A restarted server opens the photograph again, if it has it.
  async reopened(id) {
    try {
      await api.analyse(id);
      return true;
    } catch (error) {
      if (error.status === 404) this.said("The server does not have this photograph: unsaved strokes are kept by this page, and by the browser until its folder is served again.");
      return error.status !== 404;
    }
  }
}
