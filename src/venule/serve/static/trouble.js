// Messages for failed requests; an unresponsive server is polled until it responds.

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
  say("The server responds again.");
  dispatchEvent(new Event("answering"));
}
