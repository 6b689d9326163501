// Pixels changed by a stroke: their indices in a flat map, and their values.

export const FULL = 65535;

// The union of both, ordered by index, with the later values.
export function merged(one, other) {
  const a = sorted(one), b = sorted(other), most = a.at.length + b.at.length;
  const at = new Uint32Array(most), values = new b.values.constructor(most);
  let i = 0, j = 0, count = 0;
  while (i < a.at.length || j < b.at.length) {
    const later = i === a.at.length || (j < b.at.length && b.at[j] <= a.at[i]);
    if (later && i < a.at.length && a.at[i] === b.at[j]) i++;
    at[count] = later ? b.at[j] : a.at[i];
    values[count++] = later ? b.values[j++] : a.values[i++];
  }
  return { at: at.slice(0, count), values: values.slice(0, count) };
}

export function sorted({ at, values }) {
  let before = -1, ordered = true;
  for (const place of at) { if (place < before) { ordered = false; break; } before = place; }
  if (ordered) return { at, values };
  const order = Uint32Array.from(at.keys()).sort((a, b) => at[a] - at[b]);
  return { at: order.map((i) => at[i]), values: values.map((_, i) => values[order[i]]) };
}

// The number of runs, each run's first pixel and length (uint32, little-endian), then the values.
export function encode(stroke) {
  const { at, values } = sorted(stroke), runs = [];
  for (let i = 0; i < at.length; i++) {
    if (i && at[i] === at[i - 1] + 1) runs[runs.length - 1]++; else runs.push(at[i], 1);
  }
  const head = Uint32Array.of(runs.length / 2), list = Uint32Array.from(runs);
  const bytes = new Uint8Array(4 + list.byteLength + values.byteLength);
  bytes.set(new Uint8Array(head.buffer));
  bytes.set(new Uint8Array(list.buffer), 4);
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), 4 + list.byteLength);
  return bytes;
}

export function decode(bytes, Kind) {
  const view = new DataView(bytes.buffer, bytes.byteOffset), count = view.getUint32(0, true), at = [];
  for (let run = 0; run < count; run++) {
    const first = view.getUint32(4 + 8 * run, true), length = view.getUint32(8 + 8 * run, true);
    for (let i = 0; i < length; i++) at.push(first + i);
  }
  return { at: Uint32Array.from(at), values: new Kind(bytes.slice(4 + 8 * count).buffer) };
}

// The bounding box of indices of a map: left, top, right, bottom.
export function boxOf(at, width) {
  let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
  for (const place of at) {
    const x = place % width, y = (place - x) / width;
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  return [left, top, right + 1, bottom + 1];
}

// A level with its odds multiplied by `factor`.
export function raised(level, factor) {
  const p = Math.min(FULL - 0.5, Math.max(0.5, level)) / FULL, odds = (p / (1 - p)) * factor;
  return Math.round((FULL * odds) / (1 + odds));
}

export function toText(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

export const fromText = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
