// The page: what is open, how it is looked at, and what keys and buttons do.

import * as api from "./api.js";
import { Beside } from "./beside.js";
import { Camera } from "./camera.js";
import { Editor, TOOLS } from "./edit.js";
import { Canvas2 } from "./flat.js";
import { Canvas3 } from "./gl.js";
import { PhotographList } from "./list.js";
import { marksOf } from "./marks.js";
import { showAbout, showMeasurements } from "./panel.js";
import { LIMITS, Tiles, longestOf } from "./tiles.js";
import { Tint } from "./tint.js";

const $ = (id) => document.getElementById(id);
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const write = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };  // the same again would be laid out anew, too
const darkened = matchMedia("(prefers-color-scheme: dark)");
const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);

// Okabe and Ito's palette; cyan is the complement of a fundus.
const COLORS = { artery: rgb("#d55e00"), vein: rgb("#0072b2"), both: rgb("#009e73") };
const DEFAULTS = { view: "color", style: "fill", opacity: 0.6, color: "#00e5ff", typed: true, doubt: false, landmarks: true, shown: true, compare: false, split: 0.5 };

const stage = $("stage");
let renderer = makeRenderer($("canvas"));
const look = { ...DEFAULTS, threshold: null };
let open = null;  // {id, name, state, found, ...}: the photograph that is shown
let regions = [], region = -1, table = null, asked = false, turn = 0, typed = -1;
let part = null;  // the box of the photograph that is to be drawn; null for all
const AGAIN = -2;  // types are fetched once more when all has been measured
const REST_MS = 1000;  // after a correction, before it is measured: as long as the server waits
const PENDING = { complete: false, values: [], notes: [], mask_source: "" };
let measuring = 0, resting = 0;

export const state = {
  get open() { return open; }, look, get renderer() { return renderer; }, map: null, marks: null, frames: [],
  measure: () => remeasure(), mark: () => marks(), atThreshold: () => atThreshold(),
};

function makeRenderer(canvas) {
  const flat = new URLSearchParams(location.search).has("flat");
  try {
    if (flat) throw new Error("asked for");
    return new Canvas3(canvas);
  } catch {
    const fresh = canvas.cloneNode();  // a canvas that was asked for WebGL has no other context
    canvas.replaceWith(fresh);
    return new Canvas2(fresh);
  }
}

const camera = new Camera(stage, () => { redraw(); remember(); });
const list = new PhotographList({ box: $("list"), rows: $("rows"), count: $("count"), link: $("table-link"), chosen: (id) => show(id) });

export const tiles = new Tiles({ redraw });
export const tint = new Tint({ state, say, redraw });
export const beside = new Beside({ camera, state, make: makeRenderer, say, redraw });
export const editor = new Editor({ stage, camera, state, redraw, say, changed: () => edits() });

// Drawing

// All of it, or what shows a box of the photograph alone: a stroke is drawn at once without a graphics card, too.
function redraw(box) {
  part = !box || (asked && !part) ? null : asked ? [Math.min(part[0], box[0]), Math.min(part[1], box[1]), Math.max(part[2], box[2]), Math.max(part[3], box[3])] : box;
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; draw(); });
}

function draw() {
  const began = performance.now();
  let only = part;
  part = null;
  const { box } = camera, { canvas } = renderer;
  const width = Math.max(1, Math.round(box.width * camera.scale)), height = Math.max(1, Math.round(box.height * camera.scale));
  if (canvas.width !== width || canvas.height !== height) { Object.assign(canvas, { width, height }); only = null; }
  const found = open?.found;
  const threshold = look.threshold === null ? found?.threshold_level ?? 32768 : Math.ceil(look.threshold * 65535);
  const drawn = {
    ...COLORS, width: found?.width ?? 0, height: found?.height ?? 0, threshold,
    ground: darkened.matches ? [0, 0, 0] : [0.063, 0.071, 0.082],
    shown: look.shown, outlined: look.style === "outline", opacity: tint.on ? (1 + look.opacity) / 2 : look.opacity, color: rgb(look.color),
    typed: look.typed && Boolean(found?.has_types), tinted: tint.on, doubting: look.doubt, split: look.compare ? look.split * width : 0, marks: state.marks,
  };
  renderer.draw(camera, drawn, tiles.seen(camera, canvas), only);
  if (!only || beside.shown) beside.draw(drawn);
  if (!only) place();
  state.frames.push(performance.now() - began);
  if (state.frames.length > 600) state.frames.shift();
}

// What lies over the photograph.
function place() {
  const found = open?.found;
  editor.moved();
  write("zoom", found ? `${Math.round((100 * camera.zoom) / camera.scale)} %` : "");
  $("curtain").hidden = !(look.compare && found);
  if (look.compare) $("curtain").style.left = `${look.split * 100}%`;
}

function marks() {
  const before = JSON.stringify(state.marks);
  state.marks = marksOf(open?.found, { landmarks: look.landmarks, region: regions[region] });
  if (JSON.stringify(state.marks) !== before) redraw();
}

new ResizeObserver(() => {
  if (open?.found && Math.abs(camera.zoom - state.fitted) < 1e-9) { camera.fit(); state.fitted = camera.zoom; } else redraw();
}).observe(stage);

// Opening

function say(text) { $("status").textContent = text; }

function trouble(error) {
  if (error.status === 0) { lost(); return; }
  say(error.message);
}

let losing = false;
async function lost() {
  if (losing) return;
  losing = true;
  $("gone").textContent = api.GONE;
  $("gone").hidden = false;
  for (;;) {
    await wait(1500);
    try { await api.ask("/api/health"); break; } catch (error) { if (error.status !== 0) break; }
  }
  losing = false;
  $("gone").hidden = true;
  say("The server answers again.");
  await list.reload().catch(trouble);
  if (open && !open.found) show(open.id);
}

async function show(id, wanted = {}) {
  const mine = ++turn;
  list.select(id);
  busy("Opening …", id);
  try {
    let entry = await api.photograph(id);
    if (!entry.found && entry.state !== "waiting" && entry.state !== "running") entry = await api.analyse(id);
    for (let pause = 100; entry.state === "waiting" || entry.state === "running"; pause = Math.min(1000, pause * 1.3)) {
      if (mine !== turn) return;
      busy(entry.state === "waiting" ? "Waiting for its turn …" : "Looking for vessels …", id);
      await wait(pause);
      entry = await api.photograph(id);
    }
    if (mine !== turn) return;
    list.update(entry);
    if (!entry.found) return fail(entry);
    await bring(entry, mine, wanted);
  } catch (error) {
    if (mine !== turn) return;
    busy("");
    if (error.status === 404 && open?.id !== id) fail({ id, name: "Not there", state: "failed", reason: error.message });
    trouble(error);
  }
}

async function bring(entry, mine, wanted) {
  const longest = longestOf(renderer, entry.found);
  if (wanted.view) look.view = wanted.view;
  const [bitmap, levels] = await Promise.all([api.picture(entry.id, look.view, longest), api.map(entry.id, "probability", longest, Uint16Array)]);
  if (mine !== turn) return;
  open = entry;
  renderer.setTypes(null);
  renderer.setPhoto(bitmap);
  renderer.setLevels(levels);
  state.map = levels;
  Object.assign(camera, { width: entry.found.width, height: entry.found.height });
  Object.assign(look, { threshold: wanted.threshold ?? null });
  regions = []; region = -1;
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
  else { camera.fit(); state.fitted = camera.zoom; }
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

function tell(measurements) {
  if (table === measurements) return;
  table = measurements;
  showMeasurements(table);
}

// What takes longer than the vessels: types, landmarks and the table. Of two that ask, the later one goes on; a
// stroke is not disturbed.
async function complete(entry, mine) {
  const asking = ++measuring, over = () => mine !== turn || asking !== measuring;
  api.uncertain(entry.id).then((found) => { if (!over()) { regions = found; controls(); } }).catch(trouble);
  if (!entry.complete) tell(PENDING);
  for (let pause = 300; !entry.complete || editor.stroke; pause = Math.min(2000, pause * 1.3)) {
    await wait(pause);
    if (over()) return;
    if (editor.stroke) continue;
    entry = await api.photograph(entry.id);
    if (over()) return;
    await adopt(entry, mine);
  }
  await adopt(entry, mine);
  const measured = await api.measurements(entry.id);
  if (over()) return;
  tell(measured);
  dispatchEvent(new CustomEvent("measured"));
}

// What has been found meanwhile is shown before everything has been.
async function adopt(entry, mine) {
  editor.adopt(entry.found);
  const fresh = entry.found.has_types && typed !== mine && (typed !== AGAIN || entry.complete);
  if (fresh) {
    typed = mine;
    const types = await api.map(entry.id, "types", longestOf(renderer, entry.found), Uint8Array);
    if (mine !== turn) return;
    editor.setTypes(types);
    renderer.setTypes(types);
  }
  if (fresh || open?.found?.has_types !== entry.found.has_types) redraw();
  const same = JSON.stringify(entry) === JSON.stringify(open);
  open = entry;
  if (!same) { showAbout(entry); controls(); marks(); }
}

// The mask has been corrected: when strokes rest it is measured anew, and the uncertain places are others.
function remeasure() {
  const mine = turn, { id } = open;
  typed = AGAIN;  // types are those of the mask
  measuring++;
  tell(PENDING);
  clearTimeout(resting);
  resting = setTimeout(async () => {
    if (mine !== turn) return;
    beside.corrected();
    tint.bring();
    try {
      const entry = await api.photograph(id);
      if (mine === turn) await complete(entry, mine);
    } catch (error) { trouble(error); }
  }, REST_MS);
}

function fail(entry) {
  editor.reset();
  beside.leave();
  open = null;
  renderer.clear();
  busy("");
  $("empty").hidden = true;
  for (const part of ["take", "measured"]) $(part).hidden = true;
  showAbout(entry); marks(); redraw(); controls();
  $("about").hidden = false;
  say(`${entry.name}: ${entry.reason || entry.state}`);
}

function busy(text, id = null) {
  $("busy").hidden = !text;
  $("busy-text").textContent = text;
  $("busy").dataset.id = id ?? "";
  if (text) $("empty").hidden = true;
}

async function send(files) {
  let last = null;
  turn++;  // what was being opened is no longer wanted
  for (const file of files) {
    try {
      busy(`Sending ${file.name} …`);
      const entry = await api.upload(file);
      last ??= entry.id;
      if (last === entry.id) { await list.reload(); show(entry.id); }
    } catch (error) {
      busy("");
      if (error.status === 0) trouble(error);
      else fail({ name: file.name, state: "failed", reason: error.message });
    }
  }
  if (files.length > 1) await list.reload().catch(trouble);
}

// A link to the same view

let remembering = 0;
function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(() => {
    if (!open) return;
    const values = { photo: open.id, view: look.view, x: camera.x.toFixed(1), y: camera.y.toFixed(1), zoom: (camera.zoom / camera.scale).toFixed(4), style: look.style, opacity: look.opacity };
    if (look.threshold !== null) values.threshold = look.threshold;
    if (!look.shown) values.hidden = 1;
    if (beside.linked) values.with = beside.linked;
    history.replaceState(null, "", `#${new URLSearchParams(values)}`);
  }, 150);
}

function recall() {
  const values = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  if (!/^[\w-]{8,40}$/.test(values.photo ?? "")) return false;
  const among = (name, id) => { if ([...$(id).options].some((option) => option.value === values[name])) look[name] = values[name]; };
  among("view", "view"); among("style", "style");
  if (Number(values.opacity) >= 0 && Number(values.opacity) <= 1 && values.opacity) look.opacity = Number(values.opacity);
  look.shown = !values.hidden;
  const wanted = { view: look.view, with: values.with };
  const [x, y, zoom, threshold] = [values.x, values.y, values.zoom, values.threshold].map(Number);
  if (values.x && [x, y, zoom].every(Number.isFinite) && zoom > 0) Object.assign(wanted, { x, y, zoom });
  if (values.threshold && threshold > 0 && threshold < 1) wanted.threshold = threshold;
  show(values.photo, wanted);
  return true;
}

// Controls

function controls() {
  const found = open?.found;
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

function edits() {
  beside.edited();
  for (const tool of TOOLS) { $(tool).setAttribute("aria-pressed", editor.tool === tool); $(tool).disabled = !editor.whole || Boolean(editor.offered); }
  $("size").value = editor.sizes[editor.kind];
  const sized = editor.tool in editor.sizes;
  $("size").disabled = !sized;
  write("size-value", sized ? `${editor.sizes[editor.kind]} px` : "");
  $("tree").checked = editor.tree;
  $("import").disabled = !editor.whole || Boolean(editor.offered);
  const found = open?.found;
  $("types-picture").hidden = !found?.has_types;
  $("seg").hidden = !found?.from_dicom;
  $("undo").disabled = !editor.done.length;
  $("redo").disabled = !editor.undone.length;
  for (const id of ["accept", "aside"]) $(id).hidden = !editor.offered;
  const { queue, revision, outbox: { file: saved, stopped } } = editor;
  write("saved", editor.small ? `Beyond ${Math.min(renderer.longest, LIMITS.whole).toLocaleString("en")} px a photograph is not corrected here.` : editor.offered ? "A correction of another prediction is here." : queue.length ? (stopped ? `${queue.length} not saved yet` : "Saving …") : revision ? (saved ? `Saved as ${saved}` : "Corrected in memory alone: take the mask along") : "");
}

// Who corrects sees the mask that is saved.
function atThreshold() {
  if (look.threshold !== null) { change({ threshold: null }); say("Shown at the mask's threshold, which corrections have."); }
  if (!look.shown) change({ shown: true });
}

function change(values) { Object.assign(look, values); controls(); marks(); redraw(); remember(); }

async function changeView(view) {
  change({ view });
  if (!open) return;
  const mine = turn;
  try {
    say("Preparing the view …");
    const bitmap = await api.picture(open.id, view, longestOf(renderer, open.found));
    if (mine === turn && look.view === view) { renderer.setPhoto(bitmap); beside.view(bitmap); tiles.changed(view); redraw(); say(""); }
  } catch (error) { trouble(error); }
}

function toRegion(by) {
  if (!regions.length) return;
  region = region < 0 ? (by > 0 ? 0 : regions.length - 1) : (region + by + regions.length) % regions.length;
  const { x, y, size } = regions[region], { box } = camera;
  camera.set({ x: x + size / 2, y: y + size / 2, zoom: (camera.scale * Math.min(box.width, box.height)) / (2.6 * size) });
  controls(); marks();
}

const actions = {
  " ": () => change({ shown: !look.shown }),
  n: () => toRegion(1), p: () => toRegion(-1),
  "+": () => camera.by(1.4), "=": () => camera.by(1.4), "-": () => camera.by(1 / 1.4),
  0: () => { camera.fit(); state.fitted = camera.zoom; }, 1: () => camera.set({ zoom: camera.scale }),
  ArrowLeft: () => camera.pan(-80, 0), ArrowRight: () => camera.pan(80, 0), ArrowUp: () => camera.pan(0, -80), ArrowDown: () => camera.pan(0, 80),
  v: () => { const all = [...$("view").options].map((one) => one.value); changeView(all[(all.indexOf(look.view) + 1) % all.length]); },
  b: () => beside.toggle(),
  c: () => change({ compare: !look.compare }),
  o: () => $("files").click(),
  q: () => editor.choose("paint"), w: () => editor.choose("erase"), e: () => editor.choose("path"), r: () => editor.choose("soft"), f: () => editor.choose("fill"),
  a: () => editor.choose("artery"), s: () => editor.choose("vein"), d: () => editor.choose("disc"),
  "[": () => editor.resize(-1), "]": () => editor.resize(1),
  Escape: () => { editor.end(); if (editor.tool) editor.choose(editor.tool); },
  j: () => list.step(1), k: () => list.step(-1), x: () => list.pick(list.selected),
};
export const keys = actions;

addEventListener("keydown", (event) => {
  const { target } = event;
  const undoing = (event.ctrlKey || event.metaKey) && { z: event.shiftKey ? "redo" : "undo", y: "redo" }[event.key.toLowerCase()];
  if (undoing && open && !target.matches?.("input[type=search]")) { event.preventDefault(); editor[undoing](); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const typing = target.matches?.("input[type=search], input[type=number], select, textarea");
  const sliding = target.matches?.("input[type=range]") && event.key.startsWith("Arrow");
  const pressing = event.key === " " && target.matches?.("button, a, summary, input");
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || typing || sliding || pressing || (!open && !"ojkx".includes(event.key))) return;
  if (event.key.startsWith("Arrow") && target !== stage && target !== document.body) return;
  event.preventDefault();
  action();
});

// Whoever clicks goes on with the photograph's keys; whoever tabs stays where they are.
for (const part of document.querySelectorAll(".tools button, .panel input:not([type=search]):not([type=color])")) part.addEventListener("pointerup", () => setTimeout(() => stage.focus({ preventScroll: true })));

const press = (id, key) => $(id).addEventListener("click", () => actions[key]());
press("zoom-in", "+"); press("zoom-out", "-"); press("zoom-fit", "0"); press("zoom-one", "1");
for (const tool of TOOLS) $(tool).addEventListener("click", () => editor.choose(tool));
$("undo").addEventListener("click", () => editor.undo());
$("redo").addEventListener("click", () => editor.redo());
$("size").addEventListener("input", (event) => editor.resize(Number(event.target.value) - editor.sizes[editor.kind]));
$("tree").addEventListener("change", (event) => { editor.tree = event.target.checked; });
$("import").addEventListener("change", (event) => { const [file] = event.target.files; if (file) editor.take(file); event.target.value = ""; });
$("aside").addEventListener("click", async () => { try { await api.putAside(open.id); show(open.id); } catch (error) { trouble(error); } });
$("accept").addEventListener("click", async () => { try { await api.acceptCorrection(open.id); show(open.id); } catch (error) { trouble(error); } });
press("show", " "); press("compare", "c"); press("side", "b"); press("previous", "p"); press("next", "n");
$("view").addEventListener("change", (event) => changeView(event.target.value));
$("style").addEventListener("change", (event) => change({ style: event.target.value }));
$("threshold").addEventListener("input", (event) => change({ threshold: Number(event.target.value) }));
$("opacity").addEventListener("input", (event) => change({ opacity: Number(event.target.value) }));
$("color").addEventListener("input", (event) => change({ color: event.target.value }));
for (const id of ["typed", "doubt", "landmarks"]) $(id).addEventListener("change", (event) => change({ [id]: event.target.checked }));
for (const id of ["filter", "explain"]) $(id).addEventListener("input", () => showMeasurements(table));
$("files").addEventListener("change", (event) => { send([...event.target.files]); event.target.value = ""; });
$("cancel").addEventListener("click", async () => {
  const { id } = $("busy").dataset;
  turn++;
  busy("");
  $("empty").hidden = Boolean(open);
  if (id) await api.cancel(id).catch(trouble);
  await list.reload().catch(trouble);
});
$("link").addEventListener("click", async () => {
  remember();
  await wait(200);
  try { await navigator.clipboard.writeText(location.href); say("The link has been copied."); } catch { say(location.href); }
});

let searching = 0;
$("search").addEventListener("input", () => {
  clearTimeout(searching);
  searching = setTimeout(() => list.reload({ search: $("search").value.slice(0, 200) }).catch(trouble), 150);
});
$("grade").addEventListener("change", () => list.reload({ grade: $("grade").value }).catch(trouble));

for (const name of ["dragover", "dragleave", "drop"]) addEventListener(name, (event) => {
  event.preventDefault();
  stage.classList.toggle("drop", name === "dragover");
  if (name === "drop" && event.dataTransfer.files.length) send([...event.dataTransfer.files]);
});

stage.addEventListener("pointermove", (event) => {
  if (!open?.found) return;
  const [x, y] = camera.place(event.clientX, event.clientY).map(Math.floor);
  const inside = x >= 0 && y >= 0 && x < open.found.width && y < open.found.height;
  write("place", inside ? `${x}, ${y}` : "");
});

$("curtain").addEventListener("pointerdown", (event) => {
  event.preventDefault();
  event.stopPropagation();
  $("curtain").setPointerCapture(event.pointerId);
});
$("curtain").addEventListener("pointermove", (event) => {
  if (!$("curtain").hasPointerCapture(event.pointerId)) return;
  event.stopPropagation();
  const { box } = camera;
  change({ split: Math.min(0.98, Math.max(0.02, (event.clientX - box.left) / box.width)) });
});

function theme(name) {
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
  $("theme").value = name;
}
theme(localStorage.getItem("theme") || "");
$("theme").addEventListener("change", (event) => { localStorage.setItem("theme", event.target.value); theme(event.target.value); });

addEventListener("hashchange", recall);
controls();
edits();
list.reload().then(() => {
  if (turn === 0 && !recall() && list.total > 0) show(list.entry(0).id);
}).catch(trouble);
