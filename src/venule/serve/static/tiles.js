// Photographs beyond the limits of the graphics card or of memory: a reduced image, and tiles where it is viewed.

import * as api from "./api.js";

export const LIMITS = {
  whole: 8192,    // longer side in pixels up to which a photograph is loaded whole
  overview: 4096, // that of the reduced image, beyond that
  tile: 1024,     // side of a tile, at each level
  kept: 64,       // tiles in graphics memory
  loading: 4,     // concurrent requests
};

// The longest side at which a photograph is loaded whole.
export function longestOf(renderer, found) {
  const most = Math.min(renderer.longest, LIMITS.whole);
  return Math.max(found.width, found.height) <= most ? most : Math.min(LIMITS.overview, most);
}

export class Tiles {
  constructor({ redraw }) {
    Object.assign(this, { redraw, id: null, tiles: new Map(), waiting: [], loading: 0, revision: 0 });
  }

  // A photograph is shown; one pixel of the loaded map is `scale` pixels of the photograph.
  open(entry, renderer, view, width) {
    this.clear();
    const { found } = entry, scale = found.width / width;
    Object.assign(this, { id: scale > 1.01 ? entry.id : null, renderer, view, scale, width: found.width, height: found.height });
  }

  // Only colour and red-free tiles are cut from the original photograph.
  get sharp() { return this.id && this.renderer.makeTile && ["color", "green"].includes(this.view); }

  clear() {
    for (const tile of this.tiles.values()) if (tile.made) this.renderer.freeTile(tile.made);
    this.tiles.clear();
    this.waiting = [];
    this.revision++;
  }

  // The mask was corrected, or the view changed.
  changed(view) { this.view = view ?? this.view; this.clear(); this.redraw(); }

  // Loaded tiles in the camera's view, coarse ones first; missing ones are requested.
  seen(camera, canvas) {
    if (!this.sharp || camera.zoom * this.scale <= 1.1) return [];
    const level = Math.max(0, Math.floor(Math.log2(1 / camera.zoom))), side = LIMITS.tile * 2 ** level;
    const half = [canvas.width / 2 / camera.zoom, canvas.height / 2 / camera.zoom];
    const first = [camera.x - half[0], camera.y - half[1]].map((edge) => Math.max(0, Math.floor(edge / side)));
    const last = [[camera.x + half[0], this.width], [camera.y + half[1], this.height]].map(([edge, most]) => Math.floor((Math.min(edge, most - 1)) / side));
    const wanted = [];
    for (let row = first[1]; row <= last[1]; row++) for (let column = first[0]; column <= last[0]; column++) wanted.push([level, column, row]);
    const near = ([, column, row]) => Math.hypot((column + 0.5) * side - camera.x, (row + 0.5) * side - camera.y);
    this.waiting = wanted.filter((one) => !this.tiles.has(one.join(" "))).sort((a, b) => near(a) - near(b));
    this.fetch();
    const now = wanted.map((one) => one.join(" "));
    for (const key of now) { const tile = this.tiles.get(key); if (tile) { this.tiles.delete(key); this.tiles.set(key, tile); } }  // most recently used
    return [...this.tiles.values()].filter((tile) => tile.made && tile.level >= level).sort((a, b) => b.level - a.level).map((tile) => tile.made);
  }

  async fetch() {
    while (this.loading < LIMITS.loading && this.waiting.length) this.bring(this.waiting.shift());
  }

  async bring([level, column, row]) {
    const key = `${level} ${column} ${row}`, { id, view, revision, renderer } = this, tile = { level, made: null };
    this.tiles.set(key, tile);
    this.loading++;
    try {
      const [bitmap, map] = await Promise.all([api.tile(id, view, LIMITS.tile, level, column, row), api.tileMap(id, LIMITS.tile, level, column, row)]);
      if (revision !== this.revision) return;
      const side = LIMITS.tile * 2 ** level, left = column * side, top = row * side;
      const box = { left, top, width: Math.min(side, this.width - left), height: Math.min(side, this.height - top) };
      tile.made = renderer.makeTile(bitmap, map, box);
      for (const [old, other] of this.tiles) {
        if (this.tiles.size <= LIMITS.kept) break;
        if (other.made && other !== tile) { renderer.freeTile(other.made); this.tiles.delete(old); }
      }
      this.redraw();
    } catch {
      if (revision === this.revision) this.tiles.delete(key);  // requested again when visible again
    } finally {
      this.loading--;
      this.fetch();
    }
  }
}
