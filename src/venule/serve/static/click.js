// Click tools: path, fill, artery and vein.

import * as api from "./api.js";
import { boxOf, FULL } from "./strokes.js";

const SPREAD = 0.4;  // fraction of the threshold down to which the fill tool spreads

// The path tool: the first click starts, each next one follows the vessel to it and starts again.
export async function follow(editor, at, erasing) {
  const here = pixel(editor.map, at), { from, id } = editor;
  editor.from = here;
  editor.changed();
  if (!from) return editor.say("Now click further along the vessel.");
  try {
    const places = await api.path(id, from, here);
    if (!places.length || editor.id !== id) return;
    editor.begin("mask", erasing ? "erase" : "path", editor.sizes.path);
    const vessel = places.map(([x, y]) => !erasing && editor.map.values[y * editor.map.width + x] >= editor.threshold);
    for (let i = 0; i < places.length; i++) {
      if (vessel[i] && vessel[Math.max(0, i - 1)]) continue;  // do not widen existing vessels
      const [a, b] = [places[Math.max(0, i - 1)], places[i]].map(([x, y]) => [x + 0.5, y + 0.5]);
      editor.dab(a, b);
    }
    editor.end();
    editor.say("Click to continue; Esc ends.");
  } catch (error) { editor.say(error.message); }
}

const pixel = ({ width, height }, at) => at.map((part, axis) => Math.min(Math.max(0, Math.floor(part)), (axis ? height : width) - 1));

// The fill tool removes a component, or adds what is connected and at least SPREAD times the threshold.
export function fill(editor, [px, py], erasing) {
  const { map } = editor, { values, width, height } = map, x = Math.floor(px), y = Math.floor(py), t = editor.threshold;
  if (x < 0 || y < 0 || x >= width || y >= height) return;
  const least = erasing ? t : Math.max(1, SPREAD * t), start = y * width + x;
  if (values[start] < least) return editor.say(erasing ? "No vessel at this position." : "Too low a vessel probability to fill; use the brush.");
  editor.begin("mask", erasing ? "erase" : "fill");
  const waiting = [start], known = new Uint8Array(values.length), value = erasing ? 0 : FULL;
  known[start] = 1;
  while (waiting.length) {
    const at = waiting.pop(), cx = at % width, cy = (at - cx) / width;
    for (let v = Math.max(0, cy - 1); v <= Math.min(height - 1, cy + 1); v++) for (let u = Math.max(0, cx - 1); u <= Math.min(width - 1, cx + 1); u++) {
      const next = v * width + u;
      if (!known[next] && values[next] >= least) { known[next] = 1; waiting.push(next); }
    }
    editor.set(at, value);
  }
  editor.touched("mask", boxOf(editor.stroke.places, width));
  editor.end();
}

// Artery and vein tools: the clicked vessel, with its branches.
export async function pick(editor, at, type, tree) {
  const { id } = editor;
  editor.say("Tracing the vessel …");
  try {
    const { runs, note } = await api.branch(id, pixel(editor.map, at), type, tree);
    if (editor.id !== id) return;
    editor.say(note || (runs.length ? `Now ${type === "none" ? "of no type" : type === "artery" ? "an artery" : "a vein"}.` : "It has this type already."));
    if (!runs.length) return;
    editor.typed();
    editor.begin("types", type === "none" ? "no type" : type);
    for (const [first, length, bits] of runs) for (let i = first; i < first + length; i++) editor.set(i, bits);
    editor.touched("types", boxOf(editor.stroke.places, editor.map.width));
    editor.end();
  } catch (error) { editor.say(error.message); }
}
