// The page's elements, and text written to them.

export const $ = (id) => document.getElementById(id);
export const wait = (ms) => new Promise((done) => setTimeout(done, ms));
export const write = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };  // unchanged text would trigger a layout, too
export const say = (text) => { $("status").textContent = text; };

// Save the answer of an address to a file.
export function save(href) {
  Object.assign(document.createElement("a"), { href, download: "measurements.csv" }).click();
  if (href.startsWith("blob:")) setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

// The message over the photograph while waiting.
export function busy(text, id = null) {
  $("busy").hidden = !text;
  $("busy-text").textContent = text;
  $("busy").dataset.id = id ?? "";
  if (text) $("empty").hidden = true;
}
