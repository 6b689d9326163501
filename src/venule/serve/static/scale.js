// Viridis at nine stops: perceptually uniform, and suitable for colour-blind viewers.

export const SCALE = [[68, 1, 84], [72, 40, 120], [62, 74, 137], [49, 104, 142], [38, 130, 142], [53, 183, 121], [109, 205, 89], [180, 222, 44], [253, 231, 37]]
  .map((color) => color.map((part) => part / 255));
export const NONE = [0.62, 0.62, 0.62];

// The colour of a value 1 to 255; 0 has none.
export function colorOf(place) {
  if (!place) return NONE;
  const at = ((place - 1) / 254) * (SCALE.length - 1), low = Math.min(Math.floor(at), SCALE.length - 2), part = at - low;
  return SCALE[low].map((from, channel) => from + part * (SCALE[low + 1][channel] - from));
}
