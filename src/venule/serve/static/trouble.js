// What is told where a request failed; a server that does not answer is asked again until it does.

import * as api from "./api.js";
import { $, say, wait } from "./page.js";

export function trouble(error) {
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
  dispatchEvent(new Event("answering"));
}
