// The page: creates its parts, connects them, and binds the controls.

import * as api from "./api.js";
import { Beside } from "./beside.js";
import { Camera } from "./camera.js";
import { atThreshold, change, changeView, controls, edits } from "./controls.js";
import { fit, makeRenderer, marks, redraw } from "./drawing.js";
import { Editor, TOOLS } from "./edit.js";
import { press } from "./keys.js";
import { recall, remember } from "./link.js";
import { PhotographList } from "./list.js";
import { remeasure } from "./measuring.js";
import { cancel, send, show } from "./opening.js";
import { $, say, wait, write } from "./page.js";
import { showMeasurements } from "./panel.js";
import { state } from "./state.js";
import { Tiles } from "./tiles.js";
import { Tint } from "./tint.js";
import { trouble } from "./trouble.js";

const stage = $("stage");
Object.assign(state, { renderer: makeRenderer($("canvas")), measure: remeasure, mark: marks, atThreshold });
const camera = new Camera(stage, () => { redraw(); remember(); });
const list = new PhotographList({ box: $("list"), rows: $("rows"), count: $("count"), button: $("table-button"), chosen: (id) => show(id) });
const tiles = new Tiles({ redraw });
const tint = new Tint({ state, say, redraw });
Object.assign(state, { camera, list, tiles, tint });
const beside = (state.beside = new Beside({ camera, state, make: makeRenderer, say, redraw }));
const editor = (state.editor = new Editor({ stage, camera, state, redraw, say, changed: edits }));
export { beside, editor, state, tiles, tint };

press("zoom-in", "+"); press("zoom-out", "-"); press("zoom-fit", "0"); press("zoom-one", "1");
for (const tool of TOOLS) $(tool).addEventListener("click", () => editor.choose(tool));
$("undo").addEventListener("click", () => editor.undo());
$("redo").addEventListener("click", () => editor.redo());
$("size").addEventListener("input", (event) => editor.resize(Number(event.target.value) - editor.sizes[editor.kind]));
$("tree").addEventListener("change", (event) => { editor.tree = event.target.checked; });
$("import").addEventListener("change", (event) => { const [file] = event.target.files; if (file) editor.take(file); event.target.value = ""; });
$("aside").addEventListener("click", async () => { try { await api.putAside(state.open.id); show(state.open.id); } catch (error) { trouble(error); } });
$("accept").addEventListener("click", async () => { try { await api.acceptCorrection(state.open.id); show(state.open.id); } catch (error) { trouble(error); } });
press("show", " "); press("compare", "c"); press("side", "b"); press("previous", "p"); press("next", "n");
$("view").addEventListener("change", (event) => changeView(event.target.value));
$("style").addEventListener("change", (event) => change({ style: event.target.value }));
$("threshold").addEventListener("input", (event) => change({ threshold: Number(event.target.value) }));
$("opacity").addEventListener("input", (event) => change({ opacity: Number(event.target.value) }));
$("color").addEventListener("input", (event) => change({ color: event.target.value }));
for (const id of ["typed", "doubt", "landmarks"]) $(id).addEventListener("change", (event) => change({ [id]: event.target.checked }));
for (const id of ["filter", "explain"]) $(id).addEventListener("input", () => showMeasurements(state.table));
$("files").addEventListener("change", (event) => { send([...event.target.files]); event.target.value = ""; });
$("cancel").addEventListener("click", cancel);
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
  const found = state.open?.found;
  if (!found) return;
  const [x, y] = camera.place(event.clientX, event.clientY).map(Math.floor);
  const inside = x >= 0 && y >= 0 && x < found.width && y < found.height;
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

new ResizeObserver(() => {
  if (state.open?.found && Math.abs(camera.zoom - state.fitted) < 1e-9) fit(); else redraw();
}).observe(stage);

addEventListener("answering", async () => {
  await list.reload().catch(trouble);
  if (state.open && !state.open.found) show(state.open.id);
});

// Show the view in the URL.
function go() {
  const named = recall();
  if (named) show(named.id, named.wanted);
  return Boolean(named);
}
addEventListener("hashchange", go);
controls();
edits();
list.reload().then(() => {
  if (state.turn === 0 && !go() && list.total > 0) show(list.entry(0).id);
}).catch(trouble);
