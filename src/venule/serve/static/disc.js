// The optic disc: dragging draws it, moves it by its centre, or rotates and stretches it by its handles.

const NS = "http://www.w3.org/2000/svg";
const NEAR = 14;   // distance in screen points within which a handle is grabbed
const LEAST = 4;   // smallest half-axis in pixels

export class DiscTool {
  constructor(camera, svg) {
    Object.assign(this, { camera, drag: null });
    this.group = document.createElementNS(NS, "g");
    this.group.setAttribute("class", "handles");
    svg.append(this.group);
  }

  begin([x, y], disc) {
    const apart = (place) => (Math.hypot(place[0] - x, place[1] - y) * this.camera.zoom) / this.camera.scale;
    const handle = disc ? handles(disc).findIndex((place) => apart(place) < NEAR) : -1;
    const kind = handle >= 0 ? (handle < 2 ? "major" : "minor") : disc && inside(disc, x, y) ? "move" : "draw";
    this.drag = { kind, from: [x, y], disc, flipped: handle % 2 === 1 };
  }

  // The disc with the pointer at the present position.
  at([x, y]) {
    const { kind, from, disc, flipped } = this.drag;
    if (kind === "draw") {
      const wide = Math.abs(x - from[0]) / 2, tall = Math.abs(y - from[1]) / 2;
      if (Math.min(wide, tall) < LEAST) return disc;
      return ordered({ x: (x + from[0]) / 2 - 0.5, y: (y + from[1]) / 2 - 0.5, major_px: wide, minor_px: tall, angle: 0 });
    }
    if (kind === "move") return { ...disc, x: disc.x + x - from[0], y: disc.y + y - from[1] };
    const dx = x - 0.5 - disc.x, dy = y - 0.5 - disc.y, length = Math.max(LEAST, Math.hypot(dx, dy));
    const angle = Math.atan2(flipped ? -dy : dy, flipped ? -dx : dx) - (kind === "minor" ? Math.PI / 2 : 0);
    return { ...disc, angle, [`${kind}_px`]: length };
  }

  end() { this.drag = null; }

  show(disc) {
    if (!disc && !this.group.firstChild) return;
    const { camera, group } = this, { box } = camera, zoom = camera.zoom / camera.scale;
    group.replaceChildren(...(disc ? handles(disc) : []).map(([x, y]) => {
      const dot = document.createElementNS(NS, "circle");
      dot.setAttribute("cx", box.width / 2 + (x - camera.x) * zoom);
      dot.setAttribute("cy", box.height / 2 + (y - camera.y) * zoom);
      dot.setAttribute("r", 6);
      return dot;
    }));
  }
}

// A stroke of the disc tool; with `away` the disc is removed.
export function beginDisc(editor, event, at, away) {
  const before = editor.disc;
  editor.end();
  editor.stroke = { layer: "disc", before, pointer: event.pointerId, at: null };
  if (away) { editor.setDisc(null); return editor.end(); }
  editor.handles.begin(at, before);
}

export function endDisc(editor, { before }) {
  editor.handles.end();
  const after = editor.disc && ordered(editor.disc);
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  if (after && !reaches(after, editor.map)) {
    editor.setDisc(before);
    return editor.say("The disc was outside of the photograph: it is back where it was.");
  }
  editor.setDisc(after);
  editor.history.remember([{ layer: "disc", before, after }]);
  editor.outbox.push({ layer: "disc", tool: "disc", disc: after });
  editor.changed();
}

// The ends of the longer axis, then of the shorter one, in pixels with 0 at the corner.
function handles({ x, y, major_px, minor_px, angle }) {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return [[major_px * c, major_px * s], [-major_px * c, -major_px * s], [-minor_px * s, minor_px * c], [minor_px * s, -minor_px * c]].map(([dx, dy]) => [x + 0.5 + dx, y + 0.5 + dy]);
}

function inside({ x, y, major_px, minor_px, angle }, u, v) {
  const [dx, dy, c, s] = [u - 0.5 - x, v - 0.5 - y, Math.cos(angle), Math.sin(angle)];
  return ((dx * c + dy * s) / major_px) ** 2 + ((dy * c - dx * s) / minor_px) ** 2 <= 1;
}

// Whether its centre is at most its radius outside of the photograph: others are refused by the server.
function reaches({ x, y, major_px, minor_px }, { width, height }) {
  return Math.hypot(Math.max(-x, x - width + 1, 0), Math.max(-y, y - height + 1, 0)) <= Math.sqrt(major_px * minor_px);
}

// With the longer half-axis first, and its angle within a quarter turn.
export function ordered(disc) {
  let { major_px, minor_px, angle } = disc;
  if (minor_px > major_px) [major_px, minor_px, angle] = [minor_px, major_px, angle + Math.PI / 2];
  angle -= Math.PI * Math.round(angle / Math.PI);
  return { ...disc, major_px, minor_px, angle };
}
