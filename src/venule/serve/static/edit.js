// Corrections: tools that change the maps of a photograph, stroke by stroke, with undo and redo.

import * as api from "./api.js";
import { resume, takeFile } from "./bring.js";
import { DiscTool, ordered } from "./disc.js";
import { Outbox } from "./outbox.js";
import { boxOf, FULL, raised } from "./strokes.js";

const MOST = 128 * 2 ** 20;  // bytes of strokes that can be undone or done again
const SPREAD = 0.4;          // share of the threshold down to which the fill tool spreads
const TIMES = 4;             // what one stroke multiplies the odds of a vessel by
const TYPES = { artery: 1, vein: 2, none: 0 };
const SIZED = { paint: 6, erase: 12, path: 3, soft: 16 };

export const TOOLS = ["paint", "erase", "soft", "path", "fill", "artery", "vein", "disc"];

export class Editor {
  constructor({ stage, camera, state, redraw, say, changed }) {
    Object.assign(this, { stage, camera, state, redraw, say, changed });
    this.tool = "";
    this.tree = true;  // what branches from a vessel becomes its type, too
    this.sizes = { ...SIZED };
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

  reset() {
    this.outbox = new Outbox(null, {});  // the one before goes on until all is saved
    Object.assign(this, { id: null, map: null, types: null, field: null, stroke: null, done: [], undone: [], from: null, offered: false, reading: false });
  }

  // A photograph has been opened; `map` holds its levels, which strokes change.
  async open(id, map, threshold) {
    this.reset();
    Object.assign(this, { id, threshold });
    const whole = map.width === this.state.open?.found.width && map.height === this.state.open?.found.height;
    const [status, field] = await Promise.all([api.correction(id), whole ? api.map(id, "field", map.width > map.height ? map.width : map.height, Uint8Array) : null]);
    if (this.id !== id) return;
    Object.assign(this, { map, field: field?.values, seen: whole ? new Uint8Array(map.values.length) : null, offered: status.offered });
    this.outbox = this.outboxOf(id, status);
    if (!this.offered && this.whole) resume(this);
    this.changed();
  }

  outboxOf(id, status) {
    const box = new Outbox(id, {
      revision: status.revision, saved_as: status.saved,
      said: (text) => this.say(text),
      sent: (revision) => { this.channel?.postMessage({ id, revision }); if (this.outbox === box) this.changed(); },
      saved: () => { if (this.outbox === box) this.state.measure(); },
      conflict: () => { if (this.outbox === box) this.elsewhere(); },
    });
    return box;
  }

  get whole() { const found = this.state.open?.found; return Boolean(found && this.map && this.map.width === found.width && this.map.height === found.height); }

  // A photograph is there, but only a small one of it has been loaded.
  get small() { return Boolean(this.map) && !this.whole; }

  choose(tool) {
    if (tool && !this.whole) return this.say(this.small ? "Too large to be corrected here." : "Open a photograph first.");
    this.end();
    this.from = null;
    this.tool = tool === this.tool ? "" : tool;
    this.stage.dataset.tool = this.tool;
    if (this.tool) this.state.atThreshold();
    if (this.tool in TYPES) api.branch(this.id, [0, 0], "none", false).catch(() => {});  // traces the vessels ahead of the click
    this.hover(null);
    this.handles.show(this.tool === "disc" ? this.disc : null);
    this.changed();
  }

  get kind() { return this.tool in SIZED ? this.tool : "paint"; }
  resize(by) { this.sizes[this.kind] = Math.min(200, Math.max(1, this.sizes[this.kind] + by)); this.hover(this.last); this.changed(); }

  // Pointer

  down(event) {
    if (!this.tool || event.shiftKey || event.button === 1 || this.offered || this.reading || !this.map) return;
    event.preventDefault();  // the camera stays where it is
    this.stage.setPointerCapture(event.pointerId);
    const at = this.place(event), against = event.ctrlKey || event.button === 2, erasing = this.tool === "erase" || against;
    if (this.tool === "fill") return this.fill(at, erasing);
    if (this.tool === "path") return this.follow(at, erasing);
    if (this.tool in TYPES) return this.pick(at, against ? "none" : this.tool, this.tree && !event.altKey);
    if (this.tool === "disc") return this.beginDisc(event, at, against);
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
    if (event.shiftKey) {  // pan in the middle of a stroke
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

  // A disc moved from one place to another; of size 1 it is one pixel.
  dab(from, to) {
    const { map, stroke } = this, radius = stroke.size / 2, soft = stroke.layer === "probability";
    const [x0, y0] = from, [x1, y1] = to, dx = x1 - x0, dy = y1 - y0, long = dx * dx + dy * dy;
    const left = Math.max(0, Math.floor(Math.min(x0, x1) - radius)), right = Math.min(map.width, Math.ceil(Math.max(x0, x1) + radius) + 1);
    const top = Math.max(0, Math.floor(Math.min(y0, y1) - radius)), bottom = Math.min(map.height, Math.ceil(Math.max(y0, y1) + radius) + 1);
    const reach = Math.max(radius, 0.501) ** 2, value = stroke.tool === "erase" ? 0 : FULL;
    let [l, t, r, b] = [Infinity, Infinity, -1, -1];
    for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) {
      const u = x + 0.5 - x0, v = y + 0.5 - y0, along = long ? Math.min(1, Math.max(0, (u * dx + v * dy) / long)) : 0;
      const apart = stroke.size <= 1 && !long ? (Math.floor(x0) === x && Math.floor(y0) === y ? 0 : 1e9) : (u - along * dx) ** 2 + (v - along * dy) ** 2;
      if (apart > reach) continue;
      if (soft) this.soften(y * map.width + x, Math.round(255 * (1 - apart / reach))); else this.set(y * map.width + x, value);
      l = Math.min(l, x); r = Math.max(r, x); t = Math.min(t, y); b = Math.max(b, y);
    }
    stroke.at = to;
    this.touched(stroke.layer, [l, t, r + 1, b + 1]);
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

  // In its middle a stroke multiplies the odds by TIMES, towards its rim by less; once, however often it comes by.
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
    if (stroke.layer === "disc") return this.endDisc(stroke);
    const at = Uint32Array.from(stroke.places), values = this.values(stroke.layer);
    for (const place of at) this.seen[place] = 0;
    if (!at.length) return;
    const before = values.constructor.from(stroke.before), after = values.constructor.from(at, (place) => values[place]);
    this.remember([{ layer: stroke.layer, at, before, after }]);
    this.send(stroke.layer, at, stroke.tool);
    this.changed();
  }

  // Keep what can be undone, up to MOST bytes; the oldest goes first.
  remember(parts) {
    const size = (entry) => entry.reduce((sum, { at, before }) => sum + (at ? at.byteLength + 2 * before.byteLength : 64), 0);
    this.undone = [];
    this.done.push(Object.assign(parts, { bytes: size(parts) }));
    let bytes = this.done.reduce((sum, one) => sum + one.bytes, 0);
    while (bytes > MOST && this.done.length > 1) bytes -= this.done.shift().bytes;
  }

  undo() { this.end(); this.swap(this.done, this.undone, "before", "undo"); }
  redo() { this.end(); this.swap(this.undone, this.done, "after", "redo"); }

  swap(from, to, which, tool) {
    const parts = this.reading ? null : from.pop();
    if (!parts) return;
    to.push(parts);
    for (const { layer, at, [which]: values } of parts) {
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

  // The path tool: a click begins, the next follows the vessel to there and begins again.
  async follow(at, erasing) {
    const here = this.pixel(at), { from, id } = this;
    this.from = here;
    this.changed();
    if (!from) return this.say("Now click where the vessel leads to.");
    try {
      const places = await api.path(id, from, here);
      if (!places.length || this.id !== id) return;
      this.begin("mask", erasing ? "erase" : "path", this.sizes.path);
      const vessel = places.map(([x, y]) => !erasing && this.map.values[y * this.map.width + x] >= this.threshold);
      for (let i = 0; i < places.length; i++) {
        if (vessel[i] && vessel[Math.max(0, i - 1)]) continue;  // no vessel grows wider
        const [a, b] = [places[Math.max(0, i - 1)], places[i]].map(([x, y]) => [x + 0.5, y + 0.5]);
        this.dab(a, b);
      }
      this.end();
      this.say("Click where it goes on; Esc ends.");
    } catch (error) { this.say(error.message); }
  }

  pixel(at) { return at.map((part, axis) => Math.min(Math.max(0, Math.floor(part)), (axis ? this.map.height : this.map.width) - 1)); }

  // The fill tool takes a component away, or adds what is connected and at least SPREAD times as likely as a vessel.
  fill([px, py], erasing) {
    const { map } = this, { values, width, height } = map, x = Math.floor(px), y = Math.floor(py), t = this.threshold;
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    const least = erasing ? t : Math.max(1, SPREAD * t), start = y * width + x;
    if (values[start] < least) return this.say(erasing ? "No vessel is there." : "Too unlikely a vessel to be filled; use the brush.");
    this.begin("mask", erasing ? "erase" : "fill");
    const waiting = [start], known = new Uint8Array(values.length), value = erasing ? 0 : FULL;
    known[start] = 1;
    while (waiting.length) {
      const at = waiting.pop(), cx = at % width, cy = (at - cx) / width;
      for (let v = Math.max(0, cy - 1); v <= Math.min(height - 1, cy + 1); v++) for (let u = Math.max(0, cx - 1); u <= Math.min(width - 1, cx + 1); u++) {
        const next = v * width + u;
        if (!known[next] && values[next] >= least) { known[next] = 1; waiting.push(next); }
      }
      this.set(at, value);
    }
    this.touched("mask", boxOf(this.stroke.places, width));
    this.end();
  }

  // Arteries and veins: the vessel that is clicked on, with what branches from it.
  async pick(at, type, tree) {
    const { id } = this;
    this.say("Looking at the vessel …");
    try {
      const { runs, note } = await api.branch(id, this.pixel(at), type, tree);
      if (this.id !== id) return;
      this.say(note || (runs.length ? `Now ${type === "none" ? "of no type" : type === "artery" ? "an artery" : "a vein"}.` : "It is one already."));
      if (!runs.length) return;
      this.typed();
      this.begin("types", type === "none" ? "no type" : type);
      for (const [first, length, bits] of runs) for (let i = first; i < first + length; i++) this.set(i, bits);
      this.touched("types", boxOf(this.stroke.places, this.map.width));
      this.end();
    } catch (error) { this.say(error.message); }
  }

  // The map of types, an empty one where none is known.
  typed() {
    if (this.types) return;
    const { width, height } = this.map;
    this.setTypes({ values: new Uint8Array(width * height), width, height });
    this.state.open.found.has_types = true;
    this.state.renderer.setTypes(this.types);
    this.changed();
  }

  // Types have come from the server; what is not saved yet holds.
  setTypes(map) {
    this.types = map;
    for (const { layer, at, values } of this.queue) if (layer === "types") at.forEach((place, i) => { map.values[place] = values[i]; });
  }

  // The optic disc

  get disc() { return this.state.open?.found.disc ?? null; }

  beginDisc(event, at, away) {
    const before = this.disc;
    this.end();
    this.stroke = { layer: "disc", before, pointer: event.pointerId, at: null };
    if (away) { this.setDisc(null); return this.end(); }
    this.handles.begin(at, before);
  }

  endDisc({ before }) {
    this.handles.end();
    const after = this.disc && ordered(this.disc);
    if (JSON.stringify(before) === JSON.stringify(after)) return;
    this.setDisc(after);
    this.remember([{ layer: "disc", before, after }]);
    this.outbox.push({ layer: "disc", tool: "disc", disc: after });
    this.changed();
  }

  setDisc(disc) {
    this.state.open.found.disc = disc && { ...disc, confidence: 1 };
    this.state.mark();
  }

  // The photograph has been found anew by the server; a disc that is not saved yet holds.
  adopt(found) {
    const unsaved = this.queue.filter(({ layer }) => layer === "disc").at(-1);
    if (this.stroke?.layer === "disc") found.disc = this.disc; else if (unsaved) found.disc = unsaved.disc;
  }

  take(file) { return takeFile(this, file); }

  elsewhere() {
    const unsaved = this.queue.length ? " What is not saved yet will be put upon it." : "";
    this.say(`This photograph has been corrected in another window. Open it again to go on there.${unsaved}`);
    this.outbox.leave();  // the browser keeps what is not saved, until it is opened again
    Object.assign(this, { tool: "", offered: false, map: null, stroke: null });
    this.stage.dataset.tool = "";
    this.changed();
    dispatchEvent(new CustomEvent("elsewhere", { detail: this.id }));
  }

  // The cursor: a ring, dark and light, of the brush's size.
  hover(event) {
    const ring = document.getElementById("ring"), shown = event && (this.tool in SIZED);
    ring.hidden = !shown;
    if (!shown) return;
    const { box } = this.camera, size = Math.max(3, (this.sizes[this.kind] * this.camera.zoom) / this.camera.scale);
    Object.assign(ring.style, { translate: `${event.clientX - box.left}px ${event.clientY - box.top}px`, width: `${size}px`, height: `${size}px` });
  }

  // The view has moved.
  moved() { this.handles.show(this.tool === "disc" ? this.disc : null); }
}
