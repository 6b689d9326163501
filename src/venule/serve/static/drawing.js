// Drawing of the photograph with its overlays.

import { Canvas2 } from "./flat.js";
import { Canvas3 } from "./gl.js";
import { marksOf } from "./marks.js";
import { $, write } from "./page.js";
import { look, state } from "./state.js";

const darkened = matchMedia("(prefers-color-scheme: dark)");
const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);

// Okabe and Ito's palette; cyan is the complement of a fundus.
const COLORS = { artery: rgb("#d55e00"), vein: rgb("#0072b2"), both: rgb("#009e73") };

let asked = false;
let part = null;  // the box of the photograph to draw; null for all

export function makeRenderer(canvas) {
  const flat = new URLSearchParams(location.search).has("flat");
  try {
    if (flat) throw new Error("asked for");
    return new Canvas3(canvas);
  } catch {
    const fresh = canvas.cloneNode();  // a canvas with a WebGL context cannot have another
    canvas.replaceWith(fresh);
    return new Canvas2(fresh);
  }
}

// Fit the whole photograph.
export function fit() {
  state.camera.fit();
  state.fitted = state.camera.zoom;
}

// Redraw all, or only a box of the photograph: strokes then appear at once even without a graphics card.
export function redraw(box) {
  part = !box || (asked && !part) ? null : asked ? [Math.min(part[0], box[0]), Math.min(part[1], box[1]), Math.max(part[2], box[2]), Math.max(part[3], box[3])] : box;
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; draw(); });
}

function draw() {
  const began = performance.now(), { camera, renderer, beside } = state, { box } = camera, { canvas } = renderer, found = state.open?.found;
  let only = part;
  part = null;
  const width = Math.max(1, Math.round(box.width * camera.scale)), height = Math.max(1, Math.round(box.height * camera.scale));
  if (canvas.width !== width || canvas.height !== height) { Object.assign(canvas, { width, height }); only = null; }
  const threshold = look.threshold === null ? found?.threshold_level ?? 32768 : Math.ceil(look.threshold * 65535);
  const drawn = {
    ...COLORS, width: found?.width ?? 0, height: found?.height ?? 0, threshold,
    ground: darkened.matches ? [0, 0, 0] : [0.063, 0.071, 0.082],
    shown: look.shown, outlined: look.style === "outline", opacity: state.tint.on ? (1 + look.opacity) / 2 : look.opacity, color: rgb(look.color),
    typed: look.typed && Boolean(found?.has_types), tinted: state.tint.on, doubting: look.doubt, split: look.compare ? look.split * width : 0, marks: state.marks,
  };
  renderer.draw(camera, drawn, state.tiles.seen(camera, canvas), only);
  if (!only || beside.shown) beside.draw(drawn);
  if (!only) place();
  state.frames.push(performance.now() - began);
  if (state.frames.length > 600) state.frames.shift();
}

// The overlays of the photograph.
function place() {
  const { camera, editor, open } = state, found = open?.found;
  editor.moved();
  write("zoom", found ? `${Math.round((100 * camera.zoom) / camera.scale)} %` : "");
  $("curtain").hidden = !(look.compare && found);
  if (look.compare) $("curtain").style.left = `${look.split * 100}%`;
}

export function marks() {
  const before = JSON.stringify(state.marks);
  state.marks = marksOf(state.open?.found, { landmarks: look.landmarks, region: state.regions[state.region] });
  if (JSON.stringify(state.marks) !== before) redraw();
}
