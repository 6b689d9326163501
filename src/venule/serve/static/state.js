// What is open and how it is looked at. main.js adds the parts of the page: camera, renderer, list, tiles, tint, beside, editor.

export const look = {
  view: "color", style: "fill", opacity: 0.6, color: "#00e5ff", typed: true, doubt: false, landmarks: true, shown: true,
  compare: false, split: 0.5, threshold: null,
};

export const state = {
  look,
  open: null,     // {id, name, state, found, ...}: the photograph that is shown
  turn: 0,        // counts what was to be opened: of two, the later one is
  map: null,      // its levels
  marks: null,
  regions: [],    // its uncertain places
  region: -1,     // the one that is shown
  table: null,    // its measurements
  fitted: 0,      // the zoom at which all of it is seen
  frames: [],     // milliseconds that the last ones took
};
