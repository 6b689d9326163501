// Photographs beyond the graphics card, or beyond reason: a small one of the whole, and tiles where it is looked at.

import * as api from "./api.js";

export const LIMITS = {
  whole: 8192,    // pixels of the longer side up to which a photograph is loaded whole
  overview: 4096, // of the small one, beyond that
  tile: 1024,     // of a tile, at each of its levels
  kept: 64,       // tiles on the graphics card
  loading: 4,     // requests at a time
};

// The longest side at which a photograph is loaded at once.
export function longestOf(renderer, found) {
  const most = Math.min(renderer.longest, LIMITS.whole);
  return Math.max(found.width, found.height) <= most ? most : Math.min(LIMITS.overview, most);
}

export class Tiles {
  constructor({ redraw }) {
    Object.assign(this, { redraw, id: null, tiles: new Map(), waiting: [], loading: 0, revision: 0 });
  }

  // A photograph is shown; `scale` photograph's pixels are one of the map that was loaded.
  open(entry, renderer, view, width) {
    this.clear();
    const { found } = entry, scale = found.width / width;
    Object.assign(this, { id: scale > 1.01 ? entry.id : null, renderer, view, scale, width: found.width, height: found.height });
  }

  // Only colour and red-free are cut from the photograph as it is.
  get sharp() { return this.id && this.renderer.makeTile && ["color", "green"].includes(this.view); }

  clear() {
    for (const tile of this.tiles.values()) if (tile.made) this.renderer.freeTile(tile.made);
    this.tiles.clear();
    this.waiting = [];
    this.revision++;
  }

  // The mask was corrected, or another view is wanted.
  changed(view) { this.view = view ?? this.view; this.clear(); this.redraw(); }

  // Tiles that are there, coarse ones first, for what the camera sees; those that are not are asked for.
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
    for (const key of now) { const tile = this.tiles.get(key); if (tile) { this.tiles.delete(key); this.tiles.set(key, tile); } }  // used last
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
      if (revision === this.revision) this.tiles.delete(key);  // asked for again when it is seen again
    } finally {
      this.loading--;
      this.fetch();
    }
  }
}
