// Side by side: the same photograph with other vessels, panned and zoomed in sync with the first.

import * as api from "./api.js";
import { Camera } from "./camera.js";
import { $ } from "./page.js";
import { longestOf } from "./tiles.js";

const MAP = { false: [0.835, 0.369, 0], missed: [0.337, 0.706, 0.914], found: [0.784, 0.784, 0.784] };
const HERE = 1, THERE = 2;  // bits of the map of differences

export class Beside {
  // `state` holds the open photograph, its display settings and map; `make` creates a renderer for a canvas.
  constructor({ camera, state, make, say, redraw }) {
    Object.assign(this, { first: camera, state, make, say, redraw });
    Object.assign(this, { key: "", choices: [], shown: false, other: null, photo: null, stale: true, renderer: null, timer: 0 });
    this.stage = $("beside");
    this.camera = new Camera(this.stage, () => { if (!this.following) this.first.set({ x: this.camera.x, y: this.camera.y, zoom: this.camera.zoom }); });
    $("with").addEventListener("change", (event) => this.choose(event.target.value));
    $("differ").addEventListener("change", () => { this.stale = true; this.draw(this.look); });
    $("other-file").addEventListener("change", (event) => { this.send(event.target.files[0]); event.target.value = ""; });
    this.controls();
  }

  // A photograph has been opened; fetch what it can be compared with.
  async open(entry, bitmap, wanted) {
    const kept = this.shown ? this.name : "";
    this.id = entry.id;
    this.photo = bitmap;
    this.close();
    this.choices = [];
    try {
      const choices = await api.others(entry.id);
      if (this.id !== entry.id) return;
      this.choices = choices;
      const again = choices.find((one) => one.key === wanted || one.name === kept);
      this.controls();
      if (again) await this.choose(again.key);
    } catch (error) { if (this.id === entry.id) this.say(error.message); }
  }

  leave() {
    this.id = null;
    this.choices = [];
    this.close();
  }

  // The part of a link to this view; files are lost with the session.
  get linked() { return this.shown && !this.key.startsWith("file-") ? this.key : ""; }

  // The first photograph is shown in another view.
  view(bitmap) {
    this.photo = bitmap;
    this.renderer?.setPhoto(bitmap);
    this.draw(this.look);
  }

  get name() { return this.choices.find((one) => one.key === this.key)?.name ?? ""; }

  toggle() {
    if (this.shown) return this.choose("");
    const first = this.choices.find((one) => one.key === this.last) ?? this.choices[0];
    if (first) this.choose(first.key);
    else this.say("Nothing to compare with; choose a mask file.");
  }

  async choose(key) {
    if (key === "file") { $("with").value = this.key; $("other-file").click(); return; }
    if (!key) { this.close(); return; }
    const { id } = this, { name } = this.choices.find((one) => one.key === key);
    this.key = this.last = key;
    $("agreement").textContent = `${name}: computing …`;
    this.controls();
    try {
      const longest = longestOf(this.state.renderer, this.state.open.found);
      const compared = await api.other(id, key);
      const levels = await api.map(id, `others/${encodeURIComponent(key)}/map`, longest, Uint16Array);
      if (this.id !== id || this.key !== key) return;
      this.other = { ...compared, ...levels };
      this.show();
    } catch (error) {
      if (this.id !== id || this.key !== key) return;
      this.close();
      this.say(error.message);
    }
  }

  async send(file) {
    if (!file || !this.id) return;
    const { id } = this;
    try {
      const made = await api.sendOther(id, file);
      if (this.id !== id) return;
      this.choices.push(made);
      await this.choose(made.key);
    } catch (error) { this.say(`${file.name}: ${error.message}`); }
  }

  show() {
    this.shown = true;
    this.stage.hidden = false;
    this.camera.measure();
    this.renderer ??= this.make($("beside-canvas"));
    this.renderer.setPhoto(this.photo);
    this.stale = true;
    this.agree();
    this.controls();
    this.redraw();
  }

  close() {
    const was = this.shown;
    Object.assign(this, { shown: false, key: "", other: null });
    this.stage.hidden = true;
    $("agreement").textContent = "";
    this.controls();
    if (was) { this.renderer?.clear(); this.redraw(); }
  }

  // A stroke has ended: update the differences.
  edited() {
    if (!this.shown || !$("differ").checked) return;
    this.stale = true;
    this.redraw();
  }

  // The first mask has been corrected: fetch the scores again.
  async corrected() {
    this.stale = true;
    if (!this.shown) return;
    const { id, key } = this;
    try {
      const compared = await api.other(id, key);
      if (this.id === id && this.key === key && this.other) { Object.assign(this.other, compared, { values: this.other.values }); this.agree(); }
    } catch (error) { this.say(error.message); }
  }

  agree() {
    const { name, kind, dice, sensitivity, specificity } = this.other;
    const part = (label, value) => (value === null ? "" : `${label} ${value.toFixed(3)}`);
    const all = [part("Dice", dice), kind === "map" ? part("sensitivity", sensitivity) : "", kind === "map" ? part("specificity", specificity) : ""];
    $("agreement").textContent = `${name}: ${all.filter(Boolean).join(", ") || "no vessel in either"}`;
    $("beside-name").textContent = name;
  }

  controls() {
    const options = [["", "Nothing"], ...this.choices.map((one) => [one.key, one.kind === "model" ? `Model ${one.name}` : one.name]), ["file", "A mask file …"]];
    $("with").replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    $("with").value = this.key;
    $("with").disabled = !this.id;
    for (const id of ["differ", "side"]) $(id).disabled = !this.id || (id === "differ" && !this.shown);
    $("differ").closest(".field").classList.toggle("off", !this.shown);
    $("legend").hidden = !(this.shown && $("differ").checked);
    $("side").setAttribute("aria-pressed", this.shown);
    $("own-name").hidden = !this.shown;
    $("own-name").textContent = this.state.open?.found?.model ?? "";
  }

  // Drawn after the first, which owns the camera; `look` holds its display settings.
  draw(look) {
    this.look = look;
    $("legend").hidden = !(this.shown && $("differ").checked);
    if (!this.shown || !this.other || !look) return;
    const { camera, first, renderer } = this, { canvas } = renderer, { box } = camera;
    this.following = true;
    Object.assign(camera, { x: first.x, y: first.y, zoom: first.zoom, width: first.width, height: first.height });
    this.following = false;
    const width = Math.max(1, Math.round(box.width * camera.scale)), height = Math.max(1, Math.round(box.height * camera.scale));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const differ = $("differ").checked;
    this.fill(differ, look.threshold);
    const colors = differ ? { artery: MAP.false, vein: MAP.missed, both: MAP.found } : {};
    renderer.draw(camera, { ...look, ...colors, threshold: differ ? 1 : this.other.threshold_level, typed: differ, outlined: look.outlined && !differ, doubting: false, tinted: false, dimmed: differ, split: 0, opacity: differ ? Math.max(look.opacity, 0.8) : look.opacity });
  }

  // The other levels, or where the two masks differ; recomputed only when one of them has changed.
  fill(differ, threshold) {
    const wanted = `${this.id} ${this.key} ${differ} ${differ ? threshold : ""}`;
    if (!this.stale && this.filled === wanted) return;
    const { other, renderer } = this;
    Object.assign(this, { stale: false, filled: wanted });
    if (!differ) { renderer.setTypes(null); renderer.setLevels({ values: other.values.slice(), width: other.width, height: other.height }); return; }
    const own = this.state.map.values, { values, width, height, threshold_level: least } = other;
    const bits = new Uint8Array(values.length), either = new Uint16Array(values.length);
    for (let at = 0; at < bits.length; at++) {
      const both = (own[at] >= threshold ? HERE : 0) | (values[at] >= least ? THERE : 0);
      bits[at] = both;
      either[at] = both ? 65535 : 0;
    }
    renderer.setLevels({ values: either, width, height });
    renderer.setTypes({ values: bits, width, height });
  }
}
