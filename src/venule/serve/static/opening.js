// Opening of a photograph: request, wait, and show it or the error.

import * as api from "./api.js";
import { controls } from "./controls.js";
import { fit, marks, redraw } from "./drawing.js";
import { remember } from "./link.js";
import { complete, tell } from "./measuring.js";
import { $, busy, say, wait } from "./page.js";
import { showAbout } from "./panel.js";
import { look, state } from "./state.js";
import { longestOf } from "./tiles.js";
import { trouble } from "./trouble.js";

export async function show(id, wanted = {}) {
  const mine = ++state.turn;
  state.list.select(id);
  busy("Opening …", id);
  try {
    let entry = await api.photograph(id);
    if (entry.state !== "waiting" && entry.state !== "running") entry = await api.analyse(id);  // again, if it was predicted again
    for (let pause = 100; entry.state === "waiting" || entry.state === "running"; pause = Math.min(1000, pause * 1.3)) {
      if (mine !== state.turn) return;
      busy(entry.state === "waiting" ? "Waiting in the queue …" : "Segmenting vessels …", id);
      await wait(pause);
      entry = await api.photograph(id);
    }
    if (mine !== state.turn) return;
    state.list.update(entry);
    if (!entry.found) return fail(entry);
    await bring(entry, mine, wanted);
  } catch (error) {
    if (mine !== state.turn) return;
    busy("");
    if (error.status === 404 && state.open?.id !== id) fail({ id, name: "Not found", state: "failed", reason: error.message });
    trouble(error);
  }
}

async function bring(entry, mine, wanted) {
  const { renderer, camera, tiles, tint, beside, editor } = state, longest = longestOf(renderer, entry.found);
  if (wanted.view) look.view = wanted.view;
  const [bitmap, levels] = await Promise.all([api.picture(entry.id, look.view, longest), api.map(entry.id, "probability", longest, Uint16Array)]);
  if (mine !== state.turn) return;
  state.open = entry;
  renderer.setTypes(null);
  renderer.setPhoto(bitmap);
  renderer.setLevels(levels);
  state.map = levels;
  Object.assign(camera, { width: entry.found.width, height: entry.found.height });
  Object.assign(look, { threshold: wanted.threshold ?? null });
  state.regions = []; state.region = -1;
  busy("");
  $("empty").hidden = true;
  for (const part of ["about", "take"]) $(part).hidden = false;
  $("csv").href = api.at(entry.id, "/measurements.csv");
  $("nifti").href = api.at(entry.id, "/mask.nii.gz");
  $("geojson").href = api.at(entry.id, "/mask.geojson");
  $("mask").href = api.at(entry.id, "/mask");
  $("types-picture").href = api.at(entry.id, "/types.png");
  $("seg").href = api.at(entry.id, "/mask.dcm");
  if (wanted.x !== undefined) camera.set({ x: wanted.x, y: wanted.y, zoom: wanted.zoom * camera.scale });
  else fit();
  controls(); marks(); showAbout(entry); tell(null); redraw(); remember();
  say(`${entry.name}: ${entry.found.grade}${entry.found.reasons.length ? `, ${entry.found.reasons.join(", ")}` : ""}`);
  document.title = `${entry.name} – venule`;
  tiles.open(entry, renderer, look.view, levels.width);
  tint.open(entry);
  beside.open(entry, bitmap, wanted.with);
  editor.open(entry.id, levels, entry.found.threshold_level).catch(trouble);
  dispatchEvent(new CustomEvent("opened", { detail: entry }));
  await complete(entry, mine);
}

function fail(entry) {
  state.editor.reset();
  state.beside.leave();
  state.open = null;
  state.renderer.clear();
  busy("");
  $("empty").hidden = true;
  for (const part of ["take", "measured"]) $(part).hidden = true;
  showAbout(entry); marks(); redraw(); controls();
  $("about").hidden = false;
  say(`${entry.name}: ${entry.reason || entry.state}`);
}

export async function send(files) {
  let last = null;
  state.turn++;  // cancels what was being opened
  for (const file of files) {
    try {
      busy(`Sending ${file.name} …`);
      const entry = await api.upload(file);
      last ??= entry.id;
      if (last === entry.id) { await state.list.reload(); show(entry.id); }
    } catch (error) {
      busy("");
      if (error.status === 0) trouble(error);
      else fail({ name: file.name, state: "failed", reason: error.message });
    }
  }
  if (files.length > 1) await state.list.reload().catch(trouble);
}

// Cancel the pending photograph.
export async function cancel() {
  const { id } = $("busy").dataset;
  state.turn++;
  busy("");
  $("empty").hidden = Boolean(state.open);
  if (id) await api.cancel(id).catch(trouble);
  await state.list.reload().catch(trouble);
}
