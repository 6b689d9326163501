// The state of the controls, and their effects.

import * as api from "./api.js";
import { marks, redraw } from "./drawing.js";
import { TOOLS } from "./edit.js";
import { remember } from "./link.js";
import { $, say, write } from "./page.js";
import { look, state } from "./state.js";
import { LIMITS, longestOf } from "./tiles.js";
import { trouble } from "./trouble.js";

export function controls() {
  const { regions, region } = state, found = state.open?.found;
  for (const name of ["view", "style", "opacity", "color"]) $(name).value = look[name];
  const threshold = look.threshold ?? found?.threshold ?? 0.5;
  $("threshold").value = threshold;
  write("threshold-value", threshold.toFixed(2));
  write("opacity-value", `${Math.round(look.opacity * 100)} %`);
  for (const [id, there] of [["typed", found?.has_types], ["landmarks", found?.disc || found?.fovea]]) {
    $(id).checked = look[id] && Boolean(there);
    $(id).disabled = !there;
    $(id).closest(".field").classList.toggle("off", !there);
  }
  $("doubt").checked = look.doubt;
  $("show").setAttribute("aria-pressed", look.shown);
  $("compare").setAttribute("aria-pressed", look.compare);
  for (const id of ["previous", "next"]) $(id).disabled = !regions.length;
  write("where", regions.length && region >= 0 ? `${region + 1} of ${regions.length}` : "");
}

export function edits() {
  const { editor, open } = state, found = open?.found;
  state.beside.edited();
  for (const tool of TOOLS) { $(tool).setAttribute("aria-pressed", editor.tool === tool); $(tool).disabled = !editor.whole || Boolean(editor.offered); }
  $("size").value = editor.sizes[editor.kind];
  const sized = editor.tool in editor.sizes;
  $("size").disabled = !sized;
  write("size-value", sized ? `${editor.sizes[editor.kind]} px` : "");
  $("tree").checked = editor.tree;
  $("import").disabled = !editor.whole || Boolean(editor.offered);
  $("types-picture").hidden = !found?.has_types;
  $("seg").hidden = !found?.from_dicom;
  $("undo").disabled = !editor.done.length;
  $("redo").disabled = !editor.undone.length;
  for (const id of ["accept", "aside"]) $(id).hidden = !editor.offered;
  write("saved", saving(editor));
}

// The status of the correction.
function saving({ small, offered, queue, revision, outbox: { file, stopped } }) {
  if (small) return `Photographs beyond ${Math.min(state.renderer.longest, LIMITS.whole).toLocaleString("en")} px cannot be corrected here.`;
  if (offered) return "There is a correction of another prediction.";
  if (queue.length) return stopped ? `${queue.length} not saved yet` : "Saving …";
  if (!revision) return "";
  return file ? `Saved as ${file}` : "Corrected in memory only: download the mask";
}

// Anyone correcting sees the mask that is saved.
export function atThreshold() {
  if (look.threshold !== null) { change({ threshold: null }); say("Shown at the mask's threshold, which corrections use."); }
  if (!look.shown) change({ shown: true });
}

export function change(values) { Object.assign(look, values); controls(); marks(); redraw(); remember(); }

export async function changeView(view) {
  change({ view });
  const { open, turn, renderer } = state;
  if (!open) return;
  try {
    say("Preparing the view …");
    const bitmap = await api.picture(open.id, view, longestOf(renderer, open.found));
    if (turn === state.turn && look.view === view) { renderer.setPhoto(bitmap); state.beside.view(bitmap); state.tiles.changed(view); redraw(); say(""); }
  } catch (error) { trouble(error); }
}

export function toRegion(by) {
  const { regions, camera } = state, count = regions.length;
  if (!count) return;
  state.region = state.region < 0 ? (by > 0 ? 0 : count - 1) : (state.region + by + count) % count;
  const { x, y, size } = regions[state.region], { box } = camera;
  camera.set({ x: x + size / 2, y: y + size / 2, zoom: (camera.scale * Math.min(box.width, box.height)) / (2.6 * size) });
  controls(); marks();
}
