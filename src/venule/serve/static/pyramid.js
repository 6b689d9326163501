// Maps at half, quarter, ... size, so that thin vessels do not vanish from a reduced photograph.

export const LARGEST = (a, b) => (a > b ? a : b);
export const EITHER = (a, b) => a | b;

// [{values, width, height}], the map itself first; each next one merges blocks of 2 x 2.
export function pyramid(map, join, least = 256) {
  const floors = [map];
  while (Math.max(floors.at(-1).width, floors.at(-1).height) > least) {
    const below = floors.at(-1);
    const width = Math.max(1, below.width >> 1), height = Math.max(1, below.height >> 1);
    const floor = { values: new below.values.constructor(width * height), width, height };
    reduce(below, floor, join, 0, 0, width, height);
    floors.push(floor);
  }
  return floors;
}

export function reduce(below, floor, join, left, top, right, bottom) {
  const from = below.values, to = floor.values, wide = below.width;
  for (let y = top; y < bottom; y++) {
    // The last row and column of an odd side are merged into the previous block.
    const last = y === floor.height - 1 ? below.height - 1 : 2 * y + 1;
    for (let x = left; x < right; x++) {
      const end = x === floor.width - 1 ? below.width - 1 : 2 * x + 1;
      let value = 0;
      for (let v = 2 * y; v <= last; v++) for (let u = 2 * x; u <= end; u++) value = join(value, from[v * wide + u]);
      to[y * floor.width + x] = value;
    }
  }
}
