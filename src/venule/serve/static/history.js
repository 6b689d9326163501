// Undo and redo, step by step.

const MOST = 128 * 2 ** 20;  // bytes of strokes kept

// A step has parts: {layer, at, before, after}, the values of pixels, or {layer: "disc", before, after}.
export class UndoHistory {
  constructor() { Object.assign(this, { done: [], undone: [] }); }

  // Add a step; beyond MOST bytes the oldest are dropped.
  remember(parts) {
    const size = (entry) => entry.reduce((sum, { at, before }) => sum + (at ? at.byteLength + 2 * before.byteLength : 64), 0);
    this.undone = [];
    this.done.push(Object.assign(parts, { bytes: size(parts) }));
    let bytes = this.done.reduce((sum, one) => sum + one.bytes, 0);
    while (bytes > MOST && this.done.length > 1) bytes -= this.done.shift().bytes;
  }

  // The parts of the last step, each with the values to restore; undefined if there is none.
  undo() { return step(this.done, this.undone, "before"); }
  redo() { return step(this.undone, this.done, "after"); }
}

function step(from, to, which) {
  const parts = from.pop();
  if (parts) to.push(parts);
  return parts?.map(({ layer, at, [which]: values }) => ({ layer, at, values }));
}
