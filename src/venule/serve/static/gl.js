// WebGL2 rendering of the photograph and its maps: the shader applies threshold, colours and outline.

import { EITHER, LARGEST, pyramid, reduce } from "./pyramid.js";
import { Programs } from "./shader.js";

// A box of the photograph in canvas pixels, extended by one block of a coarser map.
export function onCanvas(camera, canvas, [left, top, right, bottom]) {
  const across = (x) => (x - camera.x) * camera.zoom + canvas.width / 2, down = (y) => (y - camera.y) * camera.zoom + canvas.height / 2;
  const within = (value, most) => Math.min(most, Math.max(0, value));
  return {
    left: within(Math.floor(across(left)) - 4, canvas.width), right: within(Math.ceil(across(right)) + 4, canvas.width),
    top: within(Math.floor(down(top)) - 4, canvas.height), bottom: within(Math.ceil(down(bottom)) + 4, canvas.height),
  };
}

export class Canvas3 {
  constructor(canvas) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: false, depth: false, preserveDrawingBuffer: true });
    if (!gl) throw new Error("no WebGL2");
    this.gl = gl;
    this.canvas = canvas;
    this.longest = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    this.programs = new Programs(gl);
    this.programs.of({ shown: true });  // throws if a shader fails to compile
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.clear();
  }

  clear() {
    this.photo = null;
    this.setLevels({ values: new Uint16Array(1), width: 1, height: 1 });
    this.setTypes(null);
    this.setTints(null);
  }

  setPhoto(bitmap) {
    this.gl.deleteTexture(this.photo);
    this.photo = photograph(this.gl, bitmap);
  }

  setLevels(map) {
    const gl = this.gl;
    this.floors = pyramid(map, LARGEST);
    gl.deleteTexture(this.levels);
    this.levels = texture(gl, 1, this.floors, gl.R16UI, gl.UNSIGNED_SHORT);
  }

  setTypes(map) {
    const gl = this.gl;
    this.typeFloors = map ? pyramid(map, EITHER) : [{ values: new Uint8Array(1), width: 1, height: 1 }];
    gl.deleteTexture(this.types);
    this.types = texture(gl, 2, this.typeFloors, gl.R8UI, gl.UNSIGNED_BYTE);
  }

  setTints(map) {
    const gl = this.gl;
    const floors = map ? pyramid(map, LARGEST) : [{ values: new Uint8Array(1), width: 1, height: 1 }];
    gl.deleteTexture(this.tints);
    this.tintFloors = floors.map(({ width, height }) => ({ width, height }));
    this.tints = texture(gl, 3, floors, gl.R8UI, gl.UNSIGNED_BYTE);
  }

  // Update a part of the levels: left, top, right, bottom in pixels of the map.
  touch(left, top, right, bottom) { this.upload(this.floors, 1, LARGEST, left, top, right, bottom); }

  // The same for the types.
  touchTypes(left, top, right, bottom) { this.upload(this.typeFloors, 2, EITHER, left, top, right, bottom); }

  upload(floors, unit, join, left, top, right, bottom) {
    const gl = this.gl, kind = unit === 1 ? gl.UNSIGNED_SHORT : gl.UNSIGNED_BYTE;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, unit === 1 ? this.levels : this.types);
    floors.forEach((floor, lod) => {
      if (lod > 0) {
        left = Math.min(left >> 1, floor.width - 1); top = Math.min(top >> 1, floor.height - 1);
        right = Math.min((right + 1) >> 1, floor.width); bottom = Math.min((bottom + 1) >> 1, floor.height);
        right = Math.max(right, left + 1); bottom = Math.max(bottom, top + 1);
        reduce(floors[lod - 1], floor, join, left, top, right, bottom);
      }
      gl.pixelStorei(gl.UNPACK_ROW_LENGTH, floor.width);
      gl.pixelStorei(gl.UNPACK_SKIP_PIXELS, left);
      gl.pixelStorei(gl.UNPACK_SKIP_ROWS, top);
      gl.texSubImage2D(gl.TEXTURE_2D, lod, left, top, right - left, bottom - top, gl.RED_INTEGER, kind, floor.values);
    });
    for (const name of ["UNPACK_ROW_LENGTH", "UNPACK_SKIP_PIXELS", "UNPACK_SKIP_ROWS"]) gl.pixelStorei(gl[name], 0);
  }

  // A part of the photograph at full resolution, drawn over the rest: left, top, width, height.
  makeTile(bitmap, map, box) {
    const photo = photograph(this.gl, bitmap), floors = pyramid(map, LARGEST);
    return { ...box, photo, floors: floors.length, mapWidth: map.width, mapHeight: map.height, levels: texture(this.gl, 1, floors, this.gl.R16UI, this.gl.UNSIGNED_SHORT) };
  }

  freeTile(tile) { for (const one of [tile.photo, tile.levels]) this.gl.deleteTexture(one); }

  // With `only`, a box of the photograph, the rest stays as drawn.
  draw(camera, look, tiles = [], only = null) {
    const { gl, canvas } = this;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.disable(gl.SCISSOR_TEST);
    if (only) {
      const { left, top, right, bottom } = onCanvas(camera, canvas, only);
      gl.enable(gl.SCISSOR_TEST);
      gl.scissor(left, canvas.height - bottom, Math.max(0, right - left), Math.max(0, bottom - top));
    }
    if (!this.photo || !look.width) {
      gl.clearColor(...look.ground, 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
      return;
    }
    const [{ width, height }] = this.floors;
    this.part(camera, look, { left: 0, top: 0, width: look.width, height: look.height, photo: this.photo, levels: this.levels, floors: this.floors.length, mapWidth: width, mapHeight: height });
    gl.enable(gl.SCISSOR_TEST);
    for (const tile of tiles) {
      const left = Math.round((tile.left - camera.x) * camera.zoom + canvas.width / 2), top = Math.round((tile.top - camera.y) * camera.zoom + canvas.height / 2);
      const right = Math.round((tile.left + tile.width - camera.x) * camera.zoom + canvas.width / 2), bottom = Math.round((tile.top + tile.height - camera.y) * camera.zoom + canvas.height / 2);
      if (right <= 0 || bottom <= 0 || left >= canvas.width || top >= canvas.height) continue;
      gl.scissor(left, canvas.height - bottom, Math.max(0, right - left), Math.max(0, bottom - top));
      this.part(camera, look, tile);
    }
    gl.disable(gl.SCISSOR_TEST);
  }

  // The photograph, or a tile of it.
  part(camera, look, { left, top, width, height, photo, levels, floors, mapWidth, mapHeight }) {
    const { gl, canvas } = this, shrunk = mapWidth / (camera.zoom * width);  // map pixels per device pixel
    const { program, at } = this.programs.of({ ...look, marked: look.marks, shrunk: shrunk > 1 && !look.outlined });
    gl.useProgram(program);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, levels);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, photo);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, camera.zoom >= 4 ? gl.NEAREST : gl.LINEAR);
    const lines = look.outlined ? 1.99 : 1;  // a line is one map pixel wide, but at least one device pixel
    const lod = floorOf(lines * shrunk, floors);
    gl.uniform1i(at.lod, lod);
    gl.uniform2i(at.mapSize, Math.max(1, mapWidth >> lod), Math.max(1, mapHeight >> lod));
    gl.uniform2f(at.shrink, Math.max(1, mapWidth >> lod) / width, Math.max(1, mapHeight >> lod) / height);
    gl.uniform2f(at.apart, mapWidth / 2 ** lod / width / camera.zoom / 4, mapHeight / 2 ** lod / height / camera.zoom / 4);
    const classes = look.tinted ? this.tintFloors : this.typeFloors, coarse = floorOf((lines * look.width) / (camera.zoom * classes[0].width), classes.length);
    gl.uniform1i(at.coarse, coarse);
    gl.uniform2i(at.classSize, classes[coarse].width, classes[coarse].height);
    gl.uniform2f(at.canvas, canvas.width, canvas.height);
    gl.uniform2f(at.whole, look.width, look.height);
    gl.uniform1f(at.zoom, camera.zoom);
    gl.uniform1f(at.split, look.split);
    gl.uniform1f(at.rim, camera.zoom > 3 ? 1.6 / camera.zoom : 1);
    gl.uniform1ui(at.threshold, look.threshold);
    gl.uniform1f(at.opacity, look.opacity);
    for (const name of ["color", "artery", "vein", "both", "ground"]) gl.uniform3f(at[name], ...look[name]);
    gl.uniform2f(at.size, width, height);
    gl.uniform2f(at.origin, left, top);
    gl.uniform2f(at.center, camera.x - left, camera.y - top);
    if (look.marks) this.mark(at, look.marks, camera.zoom / camera.scale);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  mark(at, { ellipse, turn, zones, fovea, spot }, point) {
    const { gl } = this;
    gl.uniform4f(at.ellipse, ...ellipse);
    gl.uniform2f(at.turn, ...turn);
    for (const [name, values] of Object.entries({ zones, fovea, spot })) gl.uniform3f(at[name], ...values);
    gl.uniform1f(at.point, point);
  }
}

// Of the maps at half, quarter, ... size, the one with about one pixel per device pixel.
const floorOf = (shrunk, floors) => Math.min(floors - 1, Math.floor(Math.log2(Math.max(1, shrunk))));

function photograph(gl, bitmap) {
  const made = gl.createTexture();
  gl.activeTexture(gl.TEXTURE0);
  gl.bindTexture(gl.TEXTURE_2D, made);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB8, gl.RGB, gl.UNSIGNED_BYTE, bitmap);
  gl.generateMipmap(gl.TEXTURE_2D);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR_MIPMAP_NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  return made;
}

function texture(gl, unit, floors, format, kind) {
  const made = gl.createTexture();
  gl.activeTexture(gl.TEXTURE0 + unit);
  gl.bindTexture(gl.TEXTURE_2D, made);
  gl.texStorage2D(gl.TEXTURE_2D, floors.length, format, floors[0].width, floors[0].height);
  floors.forEach((floor, lod) =>
    gl.texSubImage2D(gl.TEXTURE_2D, lod, 0, 0, floor.width, floor.height, gl.RED_INTEGER, kind, floor.values));
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST_MIPMAP_NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  return made;
}
