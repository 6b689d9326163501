// Disc, fovea, zones and the uncertain window: lines over the photograph, of constant width at any zoom.

const ZONES = [2, 3, 5];  // outer radii of the zones, in disc radii
const SEEN = 0.5;          // a fovea of lower confidence is a typical position, not a detection
const FAR = 1e9;          // outside any view

export const LINES = { yellow: [0.941, 0.894, 0.259], disc: 2, zone: 1.4, spot: 2, back: 4 };  // widths, in screen points

// Null if there is nothing to mark; all in pixels, from the photograph's corner.
export function marksOf(found, { landmarks, region }) {
  const disc = landmarks ? found?.disc : null, fovea = landmarks && found?.fovea?.confidence >= SEEN ? found.fovea : null;
  if (!disc && !fovea && !region) return null;
  const radius = disc ? Math.sqrt(disc.major_px * disc.minor_px) : FAR;
  return {
    ellipse: disc ? [disc.x + 0.5, disc.y + 0.5, disc.major_px, disc.minor_px] : [FAR, FAR, 1, 1],
    turn: disc ? [Math.cos(disc.angle), Math.sin(disc.angle)] : [1, 0],
    zones: ZONES.map((zone) => zone * radius),
    fovea: fovea ? [fovea.x + 0.5, fovea.y + 0.5, Math.max(found.width, found.height) / 80] : [FAR, FAR, 0],
    spot: region ? [region.x + region.size / 2, region.y + region.size / 2, region.size / 2] : [FAR, FAR, 0],
  };
}

// The same with a canvas context scaled to the photograph's pixels; `point` is a screen point in these.
export function strokeMarks(context, { ellipse: [x, y, major, minor], turn: [cos, sin], zones, fovea: [u, v, arm], spot: [cx, cy, half] }, point) {
  const yellow = `rgb(${LINES.yellow.map((part) => Math.round(255 * part)).join(" ")})`;
  const stroke = (color, width, draw) => { context.beginPath(); draw(); Object.assign(context, { strokeStyle: color, lineWidth: width * point }); context.stroke(); };
  if (x < FAR) {
    for (const zone of zones) stroke(yellow, LINES.zone, () => context.arc(x, y, zone, 0, 2 * Math.PI));
    stroke(yellow, LINES.disc, () => context.ellipse(x, y, major, minor, Math.atan2(sin, cos), 0, 2 * Math.PI));
  }
  if (u < FAR) stroke(yellow, LINES.disc, () => { context.moveTo(u - arm, v); context.lineTo(u + arm, v); context.moveTo(u, v - arm); context.lineTo(u, v + arm); });
  if (cx < FAR) for (const [color, width] of [["#000", LINES.back], ["#fff", LINES.spot]]) stroke(color, width, () => context.rect(cx - half, cy - half, 2 * half, 2 * half));
}
