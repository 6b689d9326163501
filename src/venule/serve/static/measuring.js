// Findings after the vessels: types, landmarks and measurements; again after corrections.

import * as api from "./api.js";
import { controls } from "./controls.js";
import { marks, redraw } from "./drawing.js";
import { wait } from "./page.js";
import { showAbout, showMeasurements } from "./panel.js";
import { state } from "./state.js";
import { longestOf } from "./tiles.js";
import { trouble } from "./trouble.js";

const AGAIN = -2;      // types are fetched again after all measurements
const REST_MS = 1000;  // delay from a correction to its measurement: the same as the server's
const PENDING = { complete: false, values: [], notes: [], mask_source: "" };

let typed = -1, measuring = 0, resting = 0;

export function tell(measurements) {
  if (state.table === measurements) return;
  state.table = measurements;
  showMeasurements(measurements);
}

// The slower steps: types, landmarks and the table. Of two calls the later continues; strokes are not
// disturbed.
export async function complete(entry, mine) {
  const asking = ++measuring, over = () => mine !== state.turn || asking !== measuring;
  api.uncertain(entry.id).then((found) => { if (!over()) { state.regions = found; controls(); } }).catch(trouble);
  if (!entry.complete) tell(PENDING);
  for (let pause = 300; !entry.complete || state.editor.stroke; pause = Math.min(2000, pause * 1.3)) {
    await wait(pause);
    if (over()) return;
    if (state.editor.stroke) continue;
    entry = await api.photograph(entry.id);
    if (over() || !entry.found) return;  // dropped: read again when opened again
    await adopt(entry, mine);
  }
  await adopt(entry, mine);
  const measured = await api.measurements(entry.id);
  if (over()) return;
  tell(measured);
  dispatchEvent(new CustomEvent("measured"));
}

// Findings are shown as they arrive.
async function adopt(entry, mine) {
  const { editor, renderer } = state;
  editor.adopt(entry.found);
  const fresh = entry.found.has_types && typed !== mine && (typed !== AGAIN || entry.complete);
  if (fresh) {
    typed = mine;
    const types = await api.map(entry.id, "types", longestOf(renderer, entry.found), Uint8Array);
    if (mine !== state.turn) return;
    editor.setTypes(types);
    renderer.setTypes(types);
  }
  if (fresh || state.open?.found?.has_types !== entry.found.has_types) redraw();
  const same = JSON.stringify(entry) === JSON.stringify(state.open);
  state.open = entry;
  if (!same) { showAbout(entry); controls(); marks(); }
}

// The mask has been corrected: measure it when strokes pause, and update the uncertain windows.
export function remeasure() {
  const mine = state.turn, { id } = state.open;
  typed = AGAIN;  // types follow the mask
  measuring++;
  tell(PENDING);
  clearTimeout(resting);
  resting = setTimeout(async () => {
    if (mine !== state.turn) return;
    state.beside.corrected();
    state.tint.bring();
    try {
      const entry = await api.photograph(id);
      if (mine === state.turn && entry.found) await complete(entry, mine);
    } catch (error) { trouble(error); }
  }, REST_MS);
}
