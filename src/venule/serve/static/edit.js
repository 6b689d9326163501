// Corrections: tools that change the maps of a photograph, stroke by stroke, with undo and redo.

import * as api from "./api.js";
import { resume, takeFile } from "./bring.js";
import { covered, Ring } from "./brush.js";
import { fill, follow, pick } from "./click.js";
import { beginDisc, DiscTool, endDisc } from "./disc.js";
import { UndoHistory } from "./history.js";
import { Outbox } from "./outbox.js";
import { boxOf, FULL, raised } from "./strokes.js";

const TIMES = 4;  // factor by which one stroke multiplies the odds of a vessel
const TYPES = { artery: 1, vein: 2, none: 0 };
const SIZED = { paint: 6, erase: 12, path: 3, soft: 16 };

export const TOOLS = ["paint", "erase", "soft", "path", "fill", "artery", "vein", "disc"];

export class Editor {
  constructor({ stage, camera, state, redraw, say, changed }) {
    Object.assign(this, { stage, camera, state, redraw, say, changed });
    this.tool = "";
    this.tree = true;  // branches of a vessel get the same type
    this.sizes = { ...SIZED };
    this.ring = new Ring(camera, document.getElementById("ring"));
    this.handles = new DiscTool(camera, document.getElementById("marks"));
    this.reset();
    stage.addEventListener("pointerdown", (event) => this.down(event), { capture: true });
    stage.addEventListener("pointermove", (event) => this.move(event), { capture: true });
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => this.up(event), { capture: true });
    stage.addEventListener("pointerleave", () => this.hover(null));
    stage.addEventListener("contextmenu", (event) => { if (this.tool) event.preventDefault(); });
    stage.addEventListener("dblclick", (event) => { if (this.tool) event.stopImmediatePropagation(); }, { capture: true });
    stage.addEventListener("wheel", (event) => { if (this.tool && event.altKey) { event.preventDefault(); this.resize(event.deltaY < 0 ? 1 : -1); } }, { passive: false });
    this.channel = "BroadcastChannel" in window ? new BroadcastChannel("venule") : null;
    this.channel?.addEventListener("message", ({ data }) => {
      if (data.id === this.id && data.revision > this.revision) this.elsewhere();
    });
  }

  get revision() { return this.outbox.revision; }
  get queue() { return this.outbox.items; }
  get done() { return this.history.done; }
  get undone() { return this.history.undone; }

  reset() {
    this.outbox = new Outbox(null, {});  // the previous outbox continues until all is saved
    Object.assign(this, { id: null, map: null, types: null, field: null, stroke: null, history: new UndoHistory(), from: null, offered: false, reading: false });
  }

  // A photograph has been opened; `map` holds its levels, which strokes change.
  async open(id, map, threshold) {
    this.reset();
    Object.assign(this, { id, threshold });
    const { prediction } = this.state.open.found;
    const whole = map.width === this.state.open?.found.width && map.height === this.state.open?.found.height;
    const [status, field] = await Promise.all([api.correction(id), whole ? api.map(id, "field", map.width > map.height ? map.width : map.height, Uint8Array) : null]);
    if (this.id !== id) return;
    Object.assign(this, { map, field: field?.values, seen: whole ? new Uint8Array(map.values.length) : null, offered: status.offered });
    this.outbox = this.outboxOf(id, prediction, status);
    if (!this.offered && this.whole) resume(this);
    this.changed();
  }

  outboxOf(id, prediction, status) {
    const box = new Outbox(id, {
      prediction,
      revision: status.revision, saved_as: status.saved,
      said: (text) => this.say(text),
      sent: (revision) => { this.channel?.postMessage({ id, revision }); if (this.outbox === box) this.changed(); },
      saved: () => { if (this.outbox === box) this.state.measure(); },
      conflict: (reason) => { if (this.outbox === box) this.elsewhere(`Not saved: ${reason}.`); },
    });
    return box;
  }

  get whole() { const found = this.state.open?.found; return Boolean(found && this.map && this.map.width === found.width && this.map.height === found.height); }

  // A photograph is open, but only a reduced image of it has been loaded.
  get small() { return Boolean(this.map) && !this.whole; }

  choose(tool) {
    if (tool && !this.whole) return this.say(this.small ? "Too large to be corrected here." : "Open a photograph first.");
    this.end();
    this.from = null;
    this.tool = tool === this.tool ? "" : tool;
    this.stage.dataset.tool = this.tool;
    if (this.tool) this.state.atThreshold();
    if (this.tool in TYPES) api.branch(this.id, [0, 0], "none", false).catch(() => {});  // traces the vessels before the first click
    this.hover(null);
    this.handles.show(this.tool === "disc" ? this.disc : null);
    this.changed();
  }

  get kind() { return this.tool in SIZED ? this.tool : "paint"; }
  resize(by) { this.sizes[this.kind] = Math.min(200, Math.max(1, this.sizes[this.kind] + by)); this.hover(this.last); this.changed(); }

  // Pointer

  down(event) {
    if (!this.tool || event.shiftKey || event.button === 1 || this.offered || this.reading || !this.map) return;
    event.preventDefault();  // the camera does not move
    this.stage.setPointerCapture(event.pointerId);
    const at = this.place(event), against = event.ctrlKey || event.button === 2, erasing = this.tool === "erase" || against;
    if (this.tool === "fill") return fill(this, at, erasing);
    if (this.tool === "path") return follow(this, at, erasing);
    if (this.tool in TYPES) return pick(this, at, against ? "none" : this.tool, this.tree && !event.altKey);
    if (this.tool === "disc") return beginDisc(this, event, at, against);
    if (this.tool === "soft") this.begin("probability", against ? "unlikelier" : "likelier", this.sizes.soft);
    else this.begin("mask", erasing ? "erase" : "paint", erasing && this.tool !== "erase" ? this.sizes.paint : this.sizes[this.kind]);
    this.stroke.pointer = event.pointerId;
    this.dab(at, at);
  }

  move(event) {
    this.last = event;
    if (this.tool) this.hover(event);
    const stroke = this.stroke;
    if (!stroke || stroke.pointer !== event.pointerId) return;
    event.stopPropagation();
    if (event.shiftKey) {  // pan during a stroke
      if (stroke.pan) this.camera.pan(stroke.pan[0] - event.clientX, stroke.pan[1] - event.clientY);
      stroke.pan = [event.clientX, event.clientY];
      stroke.at = null;
      return;
    }
    stroke.pan = null;
    if (stroke.layer === "disc") return this.setDisc(this.handles.at(this.place(event)));
    const steps = event.getCoalescedEvents?.() ?? [];
    for (const step of steps.length ? steps : [event]) { const at = this.place(step); this.dab(stroke.at ?? at, at); }
  }

  up(event) { if (this.stroke?.pointer === event.pointerId) this.end(); }

  place(event) { return this.camera.place(event.clientX, event.clientY); }

  // Strokes

  values(layer) { return layer === "types" ? this.types.values : this.map.values; }

  begin(layer, tool, size = 1) { this.end(); this.stroke = { layer, tool, size, places: [], before: [], from: new Map(), at: null }; }

  // The pixels that the brush covers between two positions.
  dab(from, to) {
    const { map, stroke } = this, value = stroke.tool === "erase" ? 0 : FULL;
    const box = covered(map, stroke.size, from, to, stroke.layer === "probability" ? (at, depth) => this.soften(at, Math.round(255 * depth)) : (at) => this.set(at, value));
    stroke.at = to;
    this.touched(stroke.layer, box);
  }

  set(at, value) {
    const { stroke, seen, field } = this, values = this.values(stroke.layer);
    if (seen[at]) { values[at] = value; return; }
    if (!field[at] || (stroke.layer === "mask" ? (values[at] >= this.threshold) === (value > 0) : values[at] === value)) return;
    seen[at] = 1;
    stroke.places.push(at);
    stroke.before.push(values[at]);
    values[at] = value;
  }

  // At its centre a stroke multiplies the odds by TIMES, towards its rim by less; once per stroke and pixel.
  soften(at, weight) {
    const { stroke, seen, field, map: { values } } = this;
    if (weight <= seen[at] || !field[at]) return;
    if (!seen[at]) { stroke.from.set(at, values[at]); stroke.places.push(at); stroke.before.push(values[at]); }
    seen[at] = weight;
    values[at] = raised(stroke.from.get(at), TIMES ** ((stroke.tool === "likelier" ? weight : -weight) / 255));
  }

  touched(layer, [left, top, right, bottom]) {
    if (right <= left || bottom <= top) return;
    this.state.renderer[layer === "types" ? "touchTypes" : "touch"](left, top, right, bottom);
    this.redraw([left, top, right, bottom]);
  }

  end() {
    const stroke = this.stroke;
    this.stroke = null;
    if (!stroke) return;
    if (stroke.layer === "disc") return endDisc(this, stroke);
    const at = Uint32Array.from(stroke.places), values = this.values(stroke.layer);
    for (const place of at) this.seen[place] = 0;
    if (!at.length) return;
    const before = values.constructor.from(stroke.before), after = values.constructor.from(at, (place) => values[place]);
    this.history.remember([{ layer: stroke.layer, at, before, after }]);
    this.send(stroke.layer, at, stroke.tool);
    this.changed();
  }

  undo() { this.end(); this.swap("undo"); }
  redo() { this.end(); this.swap("redo"); }

  swap(tool) {
    const parts = this.reading ? null : this.history[tool]();
    if (!parts) return;
    for (const { layer, at, values } of parts) {
      if (layer === "disc") { this.setDisc(values); this.outbox.push({ layer, tool, disc: values }); continue; }
      this.put(layer, at, values);
      this.send(layer, at, tool);
    }
    this.changed();
  }

  put(layer, at, values) {
    const map = this.values(layer);
    for (let i = 0; i < at.length; i++) map[at[i]] = values[i];
    if (at.length) this.touched(layer, boxOf(at, this.map.width));
  }

  send(layer, at, tool) {
    const { threshold } = this, values = this.values(layer);
    const sent = layer === "mask" ? Uint8Array.from(at, (place) => (values[place] >= threshold ? 1 : 0)) : values.constructor.from(at, (place) => values[place]);
    this.outbox.push({ layer, tool, at, values: sent });
  }

  // The map of types; an empty one if there is none.
  typed() {
    if (this.types) return;
    const { width, height } = this.map;
    this.setTypes({ values: new Uint8Array(width * height), width, height });
    this.state.open.found.has_types = true;
    this.state.renderer.setTypes(this.types);
    this.changed();
  }

  // Types have come from the server; unsaved changes take precedence.
  setTypes(map) {
    this.types = map;
    for (const { layer, at, values } of this.queue) if (layer === "types") at.forEach((place, i) => { map.values[place] = values[i]; });
  }

  // The optic disc

  get disc() { return this.state.open?.found.disc ?? null; }

  setDisc(disc) {
    this.state.open.found.disc = disc && { ...disc, confidence: 1 };
    this.state.mark();
  }

  // The server has updated the photograph's findings; an unsaved disc takes precedence.
  adopt(found) {
    const unsaved = this.queue.filter(({ layer }) => layer === "disc").at(-1);
    if (this.stroke?.layer === "disc") found.disc = this.disc; else if (unsaved) found.disc = unsaved.disc;
  }

  take(file) { return takeFile(this, file); }

  elsewhere(reason = "This photograph was corrected in another window. Open it again to continue from there.") {
    const unsaved = this.queue.length ? " Unsaved strokes are kept by the browser." : "";
    this.say(`${reason}${unsaved}`);
    this.outbox.leave();  // the browser keeps unsaved strokes until the photograph is opened again
    Object.assign(this, { tool: "", offered: false, map: null, stroke: null });
    this.stage.dataset.tool = "";
    this.changed();
    dispatchEvent(new CustomEvent("elsewhere", { detail: this.id }));
  }

  hover(event) { this.ring.show(this.tool in SIZED ? event : null, this.sizes[this.kind]); }

  // The view has moved.
  moved() { this.handles.show(this.tool === "disc" ? this.disc : null); }
}
