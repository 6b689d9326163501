// Changes to a photograph's maps from elsewhere: masks of other programs, and unsaved strokes.

import * as api from "./api.js";
import { FULL } from "./strokes.js";

// Replace the mask by that of another program; undo restores it. Drawing is blocked meanwhile.
export async function takeFile(editor, file) {
  const { id } = editor;
  if (!editor.whole || editor.offered) return editor.say("Open a photograph first.");
  if (editor.queue.length) return editor.say("Wait until all strokes are saved.");
  editor.reading = true;
  try {
    editor.say(`Reading ${file.name} …`);
    const status = await api.takeFile(id, file, { base: editor.revision, prediction: editor.outbox.prediction });
    if (editor.id !== id) return;
    const longest = Math.max(editor.map.width, editor.map.height), before = editor.disc;
    const entry = await api.photograph(id);
    const [levels, types] = await Promise.all([api.map(id, "probability", longest, Uint16Array), entry.found.has_types ? api.map(id, "types", longest, Uint8Array) : null]);
    if (editor.id !== id) return;
    const parts = [difference(editor, "mask", levels)];
    if (types) { editor.typed(); parts.push(difference(editor, "types", types)); }
    if (JSON.stringify(before) !== JSON.stringify(entry.found.disc)) { editor.setDisc(entry.found.disc); parts.push({ layer: "disc", before, after: entry.found.disc }); }
    for (const { layer, at, after } of parts) if (at) editor.put(layer, at, after);
    editor.history.remember(parts);
    editor.outbox.at(status);
    editor.say(`Replaced by the mask in ${file.name}. Undo restores the previous one.`);
    editor.changed();
    editor.state.measure();
  } catch (error) { editor.say(error.message); } finally { if (editor.id === id) editor.reading = false; }
}

function difference(editor, layer, map) {
  const values = editor.values(layer), places = [];
  for (let at = 0; at < values.length; at++) if (values[at] !== map.values[at]) places.push(at);
  const at = Uint32Array.from(places);
  return { layer, at, before: values.constructor.from(at, (place) => values[place]), after: values.constructor.from(at, (place) => map.values[place]) };
}

// Redraw and resend strokes left unsaved by a closed tab or a stopped server.
export function resume(editor) {
  const left = editor.outbox.left();
  if (editor.outbox.others) editor.say("The browser keeps unsaved strokes that were drawn on another prediction of this photograph.");
  if (!left.length) return;
  for (const item of left) {
    if (item.layer === "disc") editor.setDisc(item.disc);
    else if (item.layer === "types") { editor.typed(); editor.put("types", item.at, item.values); }
    else if (item.layer === "probability") editor.put("probability", item.at, item.values);
    else {
      const changed = item.at.filter((place, i) => (editor.map.values[place] >= editor.threshold ? 1 : 0) !== item.values[i]);
      const on = new Set(item.at.filter((_, i) => item.values[i]));
      editor.put("mask", changed, Uint16Array.from(changed, (place) => (on.has(place) ? FULL : 0)));
    }
  }
  editor.outbox.items.push(...left);
  editor.say("Unsaved strokes have been restored.");
  editor.outbox.flush();
}
