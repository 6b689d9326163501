// Brush, eraser, path and fill on the map of levels; each stroke is sent as it ends and can be undone.

import * as api from "./api.js";

const FULL = 65535;
const MOST = 128 * 2 ** 20;  // bytes of strokes that can be undone
const SPREAD = 0.4;          // share of the threshold down to which the fill tool spreads

export class Editor {
  constructor({ stage, camera, state, redraw, say, changed }) {
    Object.assign(this, { stage, camera, state, redraw, say, changed });
    this.tool = "";
    this.sizes = { paint: 6, erase: 12, path: 3 };
    this.reset();
    stage.addEventListener("pointerdown", (event) => this.down(event), { capture: true });
    stage.addEventListener("pointermove", (event) => this.move(event), { capture: true });
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => this.up(event), { capture: true });
    stage.addEventListener("pointerleave", () => this.hover(null));
    stage.addEventListener("contextmenu", (event) => { if (this.tool) event.preventDefault(); });
    stage.addEventListener("wheel", (event) => { if (this.tool && event.altKey) { event.preventDefault(); this.resize(event.deltaY < 0 ? 1 : -1); } }, { passive: false });
    this.channel = "BroadcastChannel" in window ? new BroadcastChannel("venule") : null;
    this.channel?.addEventListener("message", ({ data }) => {
      if (data.id === this.id && data.revision > this.revision) this.elsewhere();
    });
    addEventListener("beforeunload", (event) => { if (this.queue.length && this.stopped) event.preventDefault(); });
  }

  reset() {
    Object.assign(this, { id: null, map: null, revision: 0, stroke: null, done: [], undone: [], queue: [], sending: false, stopped: false, from: null, saved: null });
  }

  // A photograph has been opened; `map` holds its levels, which strokes change.
  async open(id, map, threshold) {
    this.reset();
    Object.assign(this, { id, map, threshold });
    const status = await api.correction(id);
    if (this.id !== id) return;
    this.revision = status.revision;
    this.saved = status.saved;
    this.offered = status.offered;
    this.resume();
    this.changed();
  }

  get whole() { const found = this.state.open?.found; return Boolean(found && this.map && this.map.width === found.width && this.map.height === found.height); }

  choose(tool) {
    if (tool && !this.whole) return this.say(this.map ? "Too large to be corrected here." : "Open a photograph first.");
    this.end();
    this.from = null;
    this.tool = tool === this.tool ? "" : tool;
    this.stage.dataset.tool = this.tool;
    this.hover(null);
    this.changed();
  }

  get kind() { return this.tool === "erase" ? "erase" : this.tool === "path" ? "path" : "paint"; }
  resize(by) { this.sizes[this.kind] = Math.min(200, Math.max(1, this.sizes[this.kind] + by)); this.hover(this.last); this.changed(); }

  down(event) {
    if (!this.tool || event.shiftKey || event.button === 1 || this.offered) return;
    event.preventDefault();  // the camera stays where it is
    this.stage.setPointerCapture(event.pointerId);
    const at = this.place(event), erasing = this.tool === "erase" || event.ctrlKey || event.button === 2;
    if (this.tool === "fill") return this.fill(at, erasing);
    if (this.tool === "path") return this.follow(at, erasing);
    this.begin(erasing ? "erase" : "paint", erasing && this.tool !== "erase" ? this.sizes.paint : this.sizes[this.kind]);
    this.stroke.pointer = event.pointerId;
    this.dab(at, at);
  }

  move(event) {
    this.last = event;
    if (this.tool) this.hover(event);
    const stroke = this.stroke;
    if (!stroke || stroke.pointer !== event.pointerId) return;
    event.stopPropagation();
    if (event.shiftKey) {  // pan in the middle of a stroke
      if (stroke.pan) this.camera.pan(stroke.pan[0] - event.clientX, stroke.pan[1] - event.clientY);
      stroke.pan = [event.clientX, event.clientY];
      stroke.at = null;
      return;
    }
    stroke.pan = null;
    const steps = event.getCoalescedEvents?.() ?? [];
    for (const step of steps.length ? steps : [event]) { const at = this.place(step); this.dab(stroke.at ?? at, at); }
  }

  up(event) { if (this.stroke?.pointer === event.pointerId) this.end(); }

  place(event) { return this.camera.place(event.clientX, event.clientY); }

  // Strokes

  begin(kind, size) { this.stroke = { kind, size, rows: new Map(), box: [Infinity, Infinity, -1, -1], at: null }; }

  // A disc moved from one place to another; of size 1 it is one pixel.
  dab(from, to) {
    const { map, stroke } = this, radius = stroke.size / 2, value = stroke.kind === "erase" ? 0 : FULL;
    const [x0, y0] = from, [x1, y1] = to, dx = x1 - x0, dy = y1 - y0, long = dx * dx + dy * dy;
    const left = Math.max(0, Math.floor(Math.min(x0, x1) - radius)), right = Math.min(map.width, Math.ceil(Math.max(x0, x1) + radius) + 1);
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - radius)), bottom = Math.min(map.height, Math.ceil(Math.max(y0, y1) + radius) + 1);
    const reach = Math.max(radius, 0.501) ** 2;
    let [l, t, r, b] = [Infinity, Infinity, -1, -1];
    for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) {
      const u = x + 0.5 - x0, v = y + 0.5 - y0, along = long ? Math.min(1, Math.max(0, (u * dx + v * dy) / long)) : 0;
      const apart = stroke.size <= 1 && !long ? (Math.floor(x0) === x && Math.floor(y0) === y ? 0 : 1e9) : (u - along * dx) ** 2 + (v - along * dy) ** 2;
      if (apart > reach) continue;
      this.set(y * map.width + x, value);
      l = Math.min(l, x); r = Math.max(r, x); t = Math.min(t, y); b = Math.max(b, y);
    }
    stroke.at = to;
    this.touched(l, t, r + 1, b + 1);
  }

  set(at, value) {
    const { values } = this.map;
    if (values[at] === value) return;
    if (!this.stroke.rows.has(at)) this.stroke.rows.set(at, values[at]);
    values[at] = value;
  }

  touched(left, top, right, bottom) {
    if (right <= left || bottom <= top) return;
    const box = this.stroke.box;
    this.stroke.box = [Math.min(box[0], left), Math.min(box[1], top), Math.max(box[2], right), Math.max(box[3], bottom)];
    this.state.renderer.touch(left, top, right, bottom);
    this.redraw();
  }

  end() {
    const stroke = this.stroke;
    this.stroke = null;
    if (!stroke || !stroke.rows.size) return;
    const at = Uint32Array.from(stroke.rows.keys()), before = Uint16Array.from(stroke.rows.values());
    const after = Uint16Array.from(at, (place) => this.map.values[place]);
    this.done.push({ at, before, after, box: stroke.box });
    this.undone = [];
    let bytes = this.done.reduce((sum, one) => sum + 8 * one.at.length, 0);
    while (bytes > MOST && this.done.length > 1) bytes -= 8 * this.done.shift().at.length;
    this.send(stroke.box, stroke.kind);
    this.changed();
  }

  undo() { this.end(); this.swap(this.done, this.undone, "before", "undo"); }
  redo() { this.end(); this.swap(this.undone, this.done, "after", "redo"); }

  swap(from, to, which, tool) {
    const one = from.pop();
    if (!one) return;
    one.at.forEach((place, index) => { this.map.values[place] = one[which][index]; });
    to.push(one);
    this.state.renderer.touch(...one.box);
    this.redraw();
    this.send(one.box, tool);
    this.changed();
  }

  // The path tool: a click begins, the next follows the vessel to there and begins again.
  async follow(at, erasing) {
    const here = at.map((part, axis) => Math.min(Math.max(0, Math.floor(part)), (axis ? this.map.height : this.map.width) - 1));
    const from = this.from;
    this.from = here;
    this.changed();
    if (!from) return this.say("Now click where the vessel leads to.");
    try {
      const places = await api.path(this.id, from, here);
      if (!places.length) return;
      this.begin(erasing ? "erase" : "path", this.sizes.path);
      for (let i = 0; i < places.length; i++) {
        const [a, b] = [places[Math.max(0, i - 1)], places[i]].map(([x, y]) => [x + 0.5, y + 0.5]);
        this.dab(a, b);
      }
      this.end();
    } catch (error) { this.say(error.message); }
  }

  // The fill tool takes a component away, or adds what is connected and half as likely as a vessel.
  fill([px, py], erasing) {
    const { map } = this, x = Math.floor(px), y = Math.floor(py), t = this.threshold;
    if (x < 0 || y < 0 || x >= map.width || y >= map.height) return;
    const least = erasing ? t : Math.max(1, SPREAD * t), start = y * map.width + x;
    if (map.values[start] < least) return this.say(erasing ? "No vessel is there." : "Too unlikely a vessel to be filled; use the brush.");
    this.begin(erasing ? "erase" : "fill", 1);
    const value = erasing ? 0 : FULL, waiting = [start], seen = new Uint8Array(map.values.length);
    seen[start] = 1;
    let [l, t0, r, b] = [x, y, x, y];
    while (waiting.length) {
      const at = waiting.pop(), cx = at % map.width, cy = (at - cx) / map.width;
      l = Math.min(l, cx); r = Math.max(r, cx); t0 = Math.min(t0, cy); b = Math.max(b, cy);
      for (let v = Math.max(0, cy - 1); v <= Math.min(map.height - 1, cy + 1); v++) for (let u = Math.max(0, cx - 1); u <= Math.min(map.width - 1, cx + 1); u++) {
        const next = v * map.width + u;
        if (!seen[next] && map.values[next] >= least) { seen[next] = 1; waiting.push(next); }
      }
      this.set(at, value);
    }
    this.touched(l, t0, r + 1, b + 1);
    this.end();
  }

  // What has been drawn is kept in the browser until the server has saved it.

  get key() { return `stroke ${this.id}`; }

  keep() {
    try {
      if (this.queue.length) localStorage.setItem(this.key, JSON.stringify(this.queue.map(({ box, tool, bits }) => ({ box, tool, bits: btoa(letters(bits)) }))));
      else localStorage.removeItem(this.key);
    } catch { /* the browser keeps no more; the page still has it */ }
  }

  // Strokes that a closed tab or a stopped server left unsaved are drawn and sent again.
  resume() {
    let kept = null;
    try { kept = JSON.parse(localStorage.getItem(this.key)); } catch { /* not ours */ }
    if (!Array.isArray(kept) || !kept.length || !this.whole || this.offered) return;
    for (const { box, tool, bits } of kept) {
      const bytes = Uint8Array.from(atob(bits), (letter) => letter.charCodeAt(0));
      const [left, top, right, bottom] = box;
      let place = 0;
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++, place++) {
        const inside = (bytes[place >> 3] >> (7 - (place & 7))) & 1, at = y * this.map.width + x;
        if (inside !== Number(this.map.values[at] >= this.threshold)) this.map.values[at] = inside ? FULL : 0;
      }
      this.state.renderer.touch(left, top, right, bottom);
      this.queue.push({ box, tool, bits: bytes });
    }
    this.redraw();
    this.say("Strokes that were not saved have been found again.");
    this.flush();
  }

  send(box, tool) {
    const [left, top, right, bottom] = box, bits = new Uint8Array(Math.ceil(((right - left) * (bottom - top)) / 8));
    let place = 0;
    for (let y = top; y < bottom; y++) for (let x = left; x < right; x++, place++) {
      if (this.map.values[y * this.map.width + x] >= this.threshold) bits[place >> 3] |= 128 >> (place & 7);
    }
    this.queue.push({ box, tool, bits });
    this.keep();
    this.flush();
  }

  async flush() {
    if (this.sending) return;
    this.sending = true;
    const { id } = this;
    while (this.queue.length && this.id === id) {
      const { box: [left, top, right, bottom], tool, bits } = this.queue[0];
      try {
        const status = await api.stroke(id, { left, top, width: right - left, height: bottom - top, base: this.revision, tool }, bits);
        if (this.id !== id) break;
        this.queue.shift();
        this.revision = status.revision;
        this.saved = status.saved;
        this.stopped = false;
        this.keep();
        this.channel?.postMessage({ id, revision: this.revision });
      } catch (error) {
        if (this.id !== id) break;
        if (error.status === 409) { this.elsewhere(); break; }
        this.stopped = true;
        this.say(`Not saved yet: ${error.message}`);
        this.changed();
        if (error.status !== 0 && error.status !== 507 && error.status !== 429) break;
        await new Promise((done) => setTimeout(done, 2000));
        continue;
      }
      this.changed();
      if (!this.queue.length) this.state.measure();
    }
    this.sending = false;
  }

  elsewhere() {
    this.say("This photograph has been corrected in another window. Open it again to go on there.");
    this.queue = [];
    this.keep();
    this.tool = "";
    this.stage.dataset.tool = "";
    this.offered = false;
    this.map = null;
    this.changed();
    dispatchEvent(new CustomEvent("elsewhere", { detail: this.id }));
  }

  // The cursor: a ring, dark and light, of the brush's size.
  hover(event) {
    const ring = document.getElementById("ring"), kind = this.tool;
    const shown = event && kind && kind !== "fill";
    ring.hidden = !shown;
    if (!shown) return;
    const box = this.stage.getBoundingClientRect(), size = Math.max(3, (this.sizes[this.kind] * this.camera.zoom) / this.camera.scale);
    Object.assign(ring.style, { left: `${event.clientX - box.left}px`, top: `${event.clientY - box.top}px`, width: `${size}px`, height: `${size}px` });
  }
}

function letters(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}
