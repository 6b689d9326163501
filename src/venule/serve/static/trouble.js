// Messages for failed requests; an unresponsive server is polled until it responds.

import * as api from "./api.js";
import { $, say, wait } from "./page.js";

export function trouble(error) {
  if (error.status === 0) { lost(error.message); return; }
  say(error.message);
}

let losing = false;
async function lost(reason) {
  $("gone").textContent = reason;
  if (losing) return;
  losing = true;
  $("gone").hidden = false;
  for (;;) {
    await wait(1500);
    try { await api.ask("/api/health"); break; } catch (error) {
      if (error.status !== 0) break;
      $("gone").textContent = error.message;
    }
  }
  losing = false;
  $("gone").hidden = true;
  say("The server responds again.");
  dispatchEvent(new Event("answering"));
}
