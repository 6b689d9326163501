// The camera: the point of the photograph in the centre, and device pixels per pixel of the photograph.

export class Camera {
  constructor(stage, moved) {
    Object.assign(this, { stage, moved, x: 0, y: 0, zoom: 1, width: 0, height: 0, pointers: new Map() });
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) stage.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    stage.addEventListener("dblclick", () => this.fit());
    this.measure();
    new ResizeObserver(() => this.measure()).observe(stage);
  }

  // Position and size of the stage. Querying them on every move would force a layout for each frame.
  measure() { this.box = this.stage.getBoundingClientRect(); }

  get scale() { return window.devicePixelRatio || 1; }

  get least() {
    const { box } = this;
    return 0.98 * this.scale * Math.min(box.width / (this.width || 1), box.height / (this.height || 1));
  }

  // The position in the photograph of a point of the window.
  place(clientX, clientY) {
    const { box } = this;
    return [
      this.x + ((clientX - box.left - box.width / 2) * this.scale) / this.zoom,
      this.y + ((clientY - box.top - box.height / 2) * this.scale) / this.zoom,
    ];
  }

  set(values) {
    Object.assign(this, values);
    this.zoom = Math.min(64 * this.scale, Math.max(Math.min(this.least, 1), this.zoom));
    this.x = Math.min(this.width, Math.max(0, this.x));
    this.y = Math.min(this.height, Math.max(0, this.y));
    this.moved();
  }

  fit() { this.set({ x: this.width / 2, y: this.height / 2, zoom: this.least }); }

  by(factor, clientX, clientY) {
    const { box } = this;
    clientX ??= box.left + box.width / 2;
    clientY ??= box.top + box.height / 2;
    const [x, y] = this.place(clientX, clientY);
    this.set({ zoom: this.zoom * factor });
    const [u, v] = this.place(clientX, clientY);
    this.set({ x: this.x + x - u, y: this.y + y - v });
  }

  pan(right, down) { this.set({ x: this.x + (right * this.scale) / this.zoom, y: this.y + (down * this.scale) / this.zoom }); }

  wheel(event) {
    event.preventDefault();
    if (!this.width || event.altKey) return;
    const lines = event.deltaMode === 1 ? 16 : 1;
    this.by(Math.exp(-Math.max(-240, Math.min(240, event.deltaY * lines)) / 400), event.clientX, event.clientY);
  }

  down(event) {
    if (event.defaultPrevented || event.button > 1) return;
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
  }

  move(event) {
    const last = this.pointers.get(event.pointerId);
    if (!last || !this.width) return;
    const now = [event.clientX, event.clientY];
    if (this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      const apart = (a) => Math.max(20, Math.hypot(a[0] - other[0], a[1] - other[1]));
      this.by(apart(now) / apart(last), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else {
      this.pan(last[0] - now[0], last[1] - now[1]);
    }
    this.pointers.set(event.pointerId, now);
  }
}
