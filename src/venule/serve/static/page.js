// The page's elements, and what is written on them.

export const $ = (id) => document.getElementById(id);
export const wait = (ms) => new Promise((done) => setTimeout(done, ms));
export const write = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };  // the same again would be laid out anew, too
export const say = (text) => { $("status").textContent = text; };

// What is being waited for, over the photograph.
export function busy(text, id = null) {
  $("busy").hidden = !text;
  $("busy-text").textContent = text;
  $("busy").dataset.id = id ?? "";
  if (text) $("empty").hidden = true;
}
