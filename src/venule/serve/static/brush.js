// A brush: the pixels that it covers, and its ring cursor.

// A disc moved from one position to another; of size 1 it is one pixel. `cover` is called with each covered pixel
// of a map and its depth, 1 at the centre and 0 at the rim. Returns the bounding box: left, top, right, bottom.
export function covered({ width, height }, size, [x0, y0], [x1, y1], cover) {
  const radius = size / 2, dx = x1 - x0, dy = y1 - y0, long = dx * dx + dy * dy, reach = Math.max(radius, 0.501) ** 2;
  const left = Math.max(0, Math.floor(Math.min(x0, x1) - radius)), right = Math.min(width, Math.ceil(Math.max(x0, x1) + radius) + 1);
  const top = Math.max(0, Math.floor(Math.min(y0, y1) - radius)), bottom = Math.min(height, Math.ceil(Math.max(y0, y1) + radius) + 1);
  let [l, t, r, b] = [Infinity, Infinity, -1, -1];
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) {
    const u = x + 0.5 - x0, v = y + 0.5 - y0, along = long ? Math.min(1, Math.max(0, (u * dx + v * dy) / long)) : 0;
    const apart = size <= 1 && !long ? (Math.floor(x0) === x && Math.floor(y0) === y ? 0 : 1e9) : (u - along * dx) ** 2 + (v - along * dy) ** 2;
    if (apart > reach) continue;
    cover(y * width + x, 1 - apart / reach);
    l = Math.min(l, x); r = Math.max(r, x); t = Math.min(t, y); b = Math.max(b, y);
  }
  return [l, t, r + 1, b + 1];
}

// The cursor: a ring, dark and light, of the brush's size.
export class Ring {
  constructor(camera, element) { Object.assign(this, { camera, element }); }

  show(event, pixels) {
    const { box, zoom, scale } = this.camera, { element } = this, size = Math.max(3, (pixels * zoom) / scale);
    element.hidden = !event;
    if (event) Object.assign(element.style, { translate: `${event.clientX - box.left}px ${event.clientY - box.top}px`, width: `${size}px`, height: `${size}px` });
  }
}
