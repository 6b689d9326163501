// The URL is a link to the current view.

import { $ } from "./page.js";
import { look, state } from "./state.js";

let remembering = 0;
export function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(() => {
    const { open, camera, beside } = state;
    if (!open) return;
    const values = { photo: open.id, view: look.view, x: camera.x.toFixed(1), y: camera.y.toFixed(1), zoom: (camera.zoom / camera.scale).toFixed(4), style: look.style, opacity: look.opacity };
    if (look.threshold !== null) values.threshold = look.threshold;
    if (!look.shown) values.hidden = 1;
    if (beside.linked) values.with = beside.linked;
    history.replaceState(null, "", `#${new URLSearchParams(values)}`);
  }, 150);
}

// {id, wanted}: the photograph in the URL, and its display settings; null if there is none.
export function recall() {
  const values = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  if (!/^[\w-]{8,40}$/.test(values.photo ?? "")) return null;
  const among = (name, id) => { if ([...$(id).options].some((option) => option.value === values[name])) look[name] = values[name]; };
  among("view", "view"); among("style", "style");
  if (Number(values.opacity) >= 0 && Number(values.opacity) <= 1 && values.opacity) look.opacity = Number(values.opacity);
  look.shown = !values.hidden;
  const wanted = { view: look.view, with: values.with };
  const [x, y, zoom, threshold] = [values.x, values.y, values.zoom, values.threshold].map(Number);
  if (values.x && [x, y, zoom].every(Number.isFinite) && zoom > 0) Object.assign(wanted, { x, y, zoom });
  if (values.threshold && threshold > 0 && threshold < 1) wanted.threshold = threshold;
  return { id: values.photo, wanted };
}
