// The open photograph and its display settings. main.js adds the parts of the page: camera, renderer, list, tiles, tint, beside, editor.

export const look = {
  view: "color", style: "fill", opacity: 0.6, color: "#00e5ff", typed: true, doubt: false, landmarks: true, shown: true,
  compare: false, split: 0.5, threshold: null,
};

export const state = {
  look,
  open: null,     // {id, name, state, found, ...}: the open photograph
  turn: 0,        // counts requests to open: the latest one wins
  map: null,      // its levels
  marks: null,
  regions: [],    // its uncertain windows
  region: -1,     // the one shown
  table: null,    // its measurements
  fitted: 0,      // the zoom at which all of it is visible
  frames: [],     // milliseconds of the last frames
};
