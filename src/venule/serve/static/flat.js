// Rendering without WebGL2: the vessels are a separate image, drawn over the photograph.

import { onCanvas } from "./gl.js";
import { strokeMarks } from "./marks.js";
import { colorOf } from "./scale.js";

export class Canvas2 {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.longest = 8192;
    this.clear();
  }

  clear() {
    this.photo = this.map = this.types = this.tints = this.layer = null;
    this.drawn = "";
  }

  setPhoto(bitmap) { this.photo = bitmap; }
  setLevels(map) { this.map = map; this.layer = null; this.drawn = ""; }
  setTypes(map) { this.types = map; this.drawn = ""; }
  setTints(map) { this.tints = map; this.drawn = ""; }
  touch(left, top, right, bottom) { if (this.layer) this.paint(this.look, Math.max(0, left - 1), Math.max(0, top - 1), Math.min(this.map.width, right + 1), Math.min(this.map.height, bottom + 1)); }

  touchTypes(...box) { this.touch(...box); }

  // With `only`, a box of the photograph, the rest stays as drawn.
  draw(camera, look, tiles, only = null) {
    const { context: c } = this;
    c.save();
    if (only) {
      const { left, top, right, bottom } = onCanvas(camera, this.canvas, only);
      c.setTransform(1, 0, 0, 1, 0, 0);
      c.beginPath();
      c.rect(left, top, right - left, bottom - top);
      c.clip();
    }
    this.render(camera, look);
    c.restore();
  }

  render(camera, look) {
    const { context: c, canvas } = this;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.fillStyle = css(look.ground);
    c.fillRect(0, 0, canvas.width, canvas.height);
    if (!this.photo || !look.width) return;
    const scale = camera.zoom;
    c.setTransform(scale, 0, 0, scale, canvas.width / 2 - camera.x * scale, canvas.height / 2 - camera.y * scale);
    c.imageSmoothingEnabled = scale < 4;
    c.drawImage(this.photo, 0, 0, look.width, look.height);
    this.vessels(camera, look);
    if (look.marks) strokeMarks(c, look.marks, camera.scale / scale);
  }

  vessels(camera, look) {
    const { context: c, canvas } = this, scale = camera.zoom;
    if (look.dimmed) { c.fillStyle = "rgb(0 0 0 / 70%)"; c.fillRect(0, 0, look.width, look.height); }
    if (!this.map || !(look.shown || look.doubting)) return;
    this.refresh(look);
    c.save();
    if (look.split > 0 && look.shown) {
      c.beginPath();
      c.rect((look.split - canvas.width / 2) / scale + camera.x, 0, look.width, look.height);
      c.clip();
    }
    c.globalAlpha = look.doubting && !look.shown ? 1 : look.opacity;
    c.drawImage(this.layer, 0, 0, look.width, look.height);
    c.restore();
  }

  refresh(look) {
    const key = JSON.stringify([look.threshold, look.color, look.outlined, look.typed, look.tinted, look.doubting, look.shown]);
    if (this.layer && this.drawn === key) return;
    if (!this.layer) this.layer = new OffscreenCanvas(this.map.width, this.map.height);
    this.drawn = key;
    this.look = { ...look };
    this.paint(look, 0, 0, this.map.width, this.map.height);
  }

  paint(look, left, top, right, bottom) {
    const { values, width, height } = this.map, t = look.threshold;
    const picture = new ImageData(right - left, bottom - top), out = new Uint32Array(picture.data.buffer);
    const word = ([r, g, b], a = 1) => ((a * 255) << 24 | (b * 255) << 16 | (g * 255) << 8 | (r * 255)) >>> 0;
    const tints = [word([0.75, 0.75, 0.75]), word(look.artery), word(look.vein), word(look.both)], plain = word(look.color);
    const scale = look.tinted ? Array.from({ length: 256 }, (_, place) => word(colorOf(place))) : null;
    const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && values[y * width + x] >= t;
    for (let y = top, i = 0; y < bottom; y++) for (let x = left; x < right; x++, i++) {
      const value = values[y * width + x];
      if (look.shown && value >= t) {
        const edge = !look.outlined || !inside(x - 1, y) || !inside(x + 1, y) || !inside(x, y - 1) || !inside(x, y + 1);
        if (edge) out[i] = look.tinted && this.tints ? scale[this.tints.values[y * width + x]] : look.typed && this.types ? tints[this.types.values[y * width + x]] : plain;
      } else if (look.doubting && value > 650) {
        const doubt = value < t ? value / t : (65535 - value) / (65535 - t);
        out[i] = word([1, 0.85, 0.1], 0.85 * doubt);
      }
    }
    this.layer.getContext("2d").putImageData(picture, left, top);
  }
}

const css = (color) => `rgb(${color.map((part) => Math.round(part * 255)).join(" ")})`;
