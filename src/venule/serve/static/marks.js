// Disc, fovea, zones and the uncertain place, as lines over the photograph.

const NS = "http://www.w3.org/2000/svg";
const ZONES = [2, 3, 5];  // radii of the zones' rims, in disc radii

function shape(kind, name, values) {
  const made = document.createElementNS(NS, kind);
  made.setAttribute("class", name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  return made;
}

export function drawMarks(world, found, { landmarks, region }) {
  const shapes = [];
  if (landmarks && found?.disc) {
    const { x, y, major_px, minor_px, angle } = found.disc;
    const turn = `rotate(${(angle * 180) / Math.PI} ${x + 0.5} ${y + 0.5})`;
    shapes.push(shape("ellipse", "disc", { cx: x + 0.5, cy: y + 0.5, rx: major_px, ry: minor_px, transform: turn }));
    const radius = Math.sqrt(major_px * minor_px);
    for (const zone of ZONES) shapes.push(shape("circle", "zone", { cx: x + 0.5, cy: y + 0.5, r: zone * radius }));
  }
  if (landmarks && found?.fovea) {
    const { x, y } = found.fovea, arm = Math.max(found.width, found.height) / 80;
    shapes.push(shape("path", "fovea", { d: `M${x - arm} ${y}h${2 * arm}M${x} ${y - arm}v${2 * arm}` }));
  }
  if (region) for (const name of ["spot-back", "spot"]) shapes.push(shape("rect", name, { x: region.x, y: region.y, width: region.size, height: region.size, rx: region.size / 8 }));
  world.replaceChildren(...shapes);
}

export function moveMarks(world, camera, stage) {
  const box = stage.getBoundingClientRect(), zoom = camera.zoom / camera.scale;
  world.setAttribute("transform", `translate(${box.width / 2 - camera.x * zoom} ${box.height / 2 - camera.y * zoom}) scale(${zoom})`);
}
