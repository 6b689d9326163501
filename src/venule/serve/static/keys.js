// Keyboard shortcuts.

import { change, changeView, toRegion } from "./controls.js";
import { fit } from "./drawing.js";
import { $ } from "./page.js";
import { look, state } from "./state.js";

const actions = {
  " ": () => change({ shown: !look.shown }),
  n: () => toRegion(1), p: () => toRegion(-1),
  "+": () => state.camera.by(1.4), "=": () => state.camera.by(1.4), "-": () => state.camera.by(1 / 1.4),
  0: fit, 1: () => state.camera.set({ zoom: state.camera.scale }),
  ArrowLeft: () => state.camera.pan(-80, 0), ArrowRight: () => state.camera.pan(80, 0), ArrowUp: () => state.camera.pan(0, -80), ArrowDown: () => state.camera.pan(0, 80),
  v: () => { const all = [...$("view").options].map((one) => one.value); changeView(all[(all.indexOf(look.view) + 1) % all.length]); },
  b: () => state.beside.toggle(),
  c: () => change({ compare: !look.compare }),
  o: () => $("files").click(),
  q: () => state.editor.choose("paint"), w: () => state.editor.choose("erase"), e: () => state.editor.choose("path"), r: () => state.editor.choose("soft"), f: () => state.editor.choose("fill"),
  a: () => state.editor.choose("artery"), s: () => state.editor.choose("vein"), d: () => state.editor.choose("disc"),
  "[": () => state.editor.resize(-1), "]": () => state.editor.resize(1),
  Escape: () => { state.editor.end(); if (state.editor.tool) state.editor.choose(state.editor.tool); },
  j: () => state.list.step(1), k: () => state.list.step(-1), x: () => state.list.pick(state.list.selected),
};

addEventListener("keydown", (event) => {
  const { target } = event;
  const undoing = (event.ctrlKey || event.metaKey) && { z: event.shiftKey ? "redo" : "undo", y: "redo" }[event.key.toLowerCase()];
  if (undoing && state.open && !target.matches?.("input[type=search]")) { event.preventDefault(); state.editor[undoing](); return; }
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const typing = target.matches?.("input[type=search], input[type=number], select, textarea");
  const sliding = target.matches?.("input[type=range]") && event.key.startsWith("Arrow");
  const pressing = event.key === " " && target.matches?.("button, a, summary, input");
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action || typing || sliding || pressing || (!state.open && !"ojkx".includes(event.key))) return;
  if (event.key.startsWith("Arrow") && target !== $("stage") && target !== document.body) return;
  event.preventDefault();
  action();
});

// A click returns the focus to the photograph, for its keys; the Tab key leaves it in place.
for (const part of document.querySelectorAll(".tools button, .panel input:not([type=search]):not([type=color])")) part.addEventListener("pointerup", () => setTimeout(() => $("stage").focus({ preventScroll: true })));

// Buttons do the same as keys.
export const press = (id, key) => $(id).addEventListener("click", () => actions[key]());
