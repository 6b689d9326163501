// The page's elements, and text written to them.

export const $ = (id) => document.getElementById(id);
export const wait = (ms) => new Promise((done) => setTimeout(done, ms));
export const write = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };  // unchanged text would trigger a layout, too
export const say = (text) => { $("status").textContent = text; };

// The message over the photograph while waiting.
export function busy(text, id = null) {
  $("busy").hidden = !text;
  $("busy-text").textContent = text;
  $("busy").dataset.id = id ?? "";
  if (text) $("empty").hidden = true;
}
