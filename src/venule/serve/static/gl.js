// The photograph and its maps drawn by WebGL2: threshold, colours and outline are the shader's.

import { EITHER, LARGEST, pyramid, reduce } from "./pyramid.js";
import { NONE, SCALE } from "./scale.js";

const vec = (color) => `vec3(${color.map((part) => part.toFixed(4)).join(", ")})`;

const CORNERS = `#version 300 es
in vec2 corner;
void main() { gl_Position = vec4(corner, 0.0, 1.0); }`;

const PIXELS = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
uniform sampler2D photo;
uniform usampler2D levels;
uniform usampler2D types;
uniform usampler2D tints;
uniform vec2 canvas, size, center, origin, whole;
uniform float zoom, split;
uniform ivec2 mapSize, classSize;
uniform int floors, classFloors;
uniform uint threshold;
uniform float opacity;
uniform bool shown, outlined, typed, tinted, doubting, dimmed;
uniform vec3 color, artery, vein, both, ground;
out vec4 result;

int lod;
ivec2 bounds;

uint level(ivec2 at) {
  return texelFetch(levels, clamp(at, ivec2(0), bounds - 1), lod).r;  // a frame, or a tile's, is no edge
}

float edge(ivec2 at, vec2 inside) {
  // Whether a vessel's pixel belongs to its outline; magnified, only its outermost 1.6 pixels do.
  float width = zoom > 3.0 ? 1.6 / zoom : 1.0;
  bool left = level(at - ivec2(1, 0)) < threshold && inside.x < width;
  bool right = level(at + ivec2(1, 0)) < threshold && inside.x > 1.0 - width;
  bool up = level(at - ivec2(0, 1)) < threshold && inside.y < width;
  bool down = level(at + ivec2(0, 1)) < threshold && inside.y > 1.0 - width;
  return left || right || up || down ? 1.0 : 0.0;
}

const vec3 STOPS[${SCALE.length}] = vec3[](${SCALE.map(vec).join(", ")});

vec3 scale(float share) {
  float at = share * ${(SCALE.length - 1).toFixed(1)};
  int low = min(int(at), ${SCALE.length - 2});
  return mix(STOPS[low], STOPS[low + 1], at - float(low));
}

vec4 vessel(vec2 at) {
  vec2 place = at / size * vec2(bounds);
  ivec2 here = clamp(ivec2(floor(place)), ivec2(0), bounds - 1);
  if (level(here) < threshold) return vec4(0.0);
  vec3 tint = color;
  // Types and tints are of the whole photograph, of which this may be a tile.
  int coarse = clamp(int(floor(log2(max(whole.x / (zoom * float(classSize.x)), 1.0)))), 0, classFloors - 1);
  ivec2 all = max(classSize >> coarse, ivec2(1));
  ivec2 there = clamp(ivec2(floor((at + origin) / whole * vec2(all))), ivec2(0), all - 1);
  if (tinted) {
    uint place = texelFetch(tints, there, coarse).r;
    tint = place == 0u ? ${vec(NONE)} : scale((float(place) - 1.0) / 254.0);
  } else if (typed) {
    uint bits = texelFetch(types, there, coarse).r;
    tint = bits == 1u ? artery : bits == 2u ? vein : bits == 3u ? both : vec3(0.75);
  }
  return vec4(tint, outlined ? edge(here, fract(place)) : 1.0);
}

void main() {
  vec2 device = vec2(gl_FragCoord.x, canvas.y - gl_FragCoord.y);
  vec2 at = (device - canvas / 2.0) / zoom + center;
  if (any(lessThan(at, vec2(0.0))) || any(greaterThanEqual(at, size))) { result = vec4(ground, 1.0); return; }
  vec3 seen = texture(photo, at / size).rgb;
  if (dimmed) seen = vec3(seen.g / 3.0);
  float step = size.x / float(mapSize.x);
  float shrunk = 1.0 / (zoom * step);  // map pixels a device pixel
  lod = clamp(int(floor(log2(max(shrunk, 1.0)))), 0, floors - 1);
  bounds = max(mapSize >> lod, ivec2(1));
  if (doubting) {
    vec2 place = at / size * vec2(bounds);
    float p = float(level(ivec2(place))), t = float(threshold);
    float doubt = p < t ? p / t : (65535.0 - p) / (65535.0 - t);
    seen = mix(seen, vec3(1.0, 0.85, 0.1), p < 650.0 ? 0.0 : 0.85 * smoothstep(0.15, 0.9, doubt));
  }
  if (shown && device.x >= split) {
    if (shrunk > 1.0) {
      vec4 sum = vec4(0.0);
      for (int i = 0; i < 4; i++) {
        vec4 one = vessel(at + (vec2(i & 1, i >> 1) - 0.5) * 0.5 / zoom);
        sum += vec4(one.rgb * one.a, one.a);
      }
      if (sum.a > 0.0) seen = mix(seen, sum.rgb / sum.a, opacity * sum.a / 4.0);
    } else {
      vec4 one = vessel(at);
      seen = mix(seen, one.rgb, opacity * one.a);
    }
  }
  result = vec4(seen, 1.0);
}`;

// Where a box of the photograph is on the canvas, with what a block of a coarser map adds.
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
    this.program = link(gl);
    this.at = {};
    const count = gl.getProgramParameter(this.program, gl.ACTIVE_UNIFORMS);
    for (let i = 0; i < count; i++) {
      const { name } = gl.getActiveUniform(this.program, i);
      this.at[name] = gl.getUniformLocation(this.program, name);
    }
    gl.useProgram(this.program);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
    const corner = gl.getAttribLocation(this.program, "corner");
    gl.enableVertexAttribArray(corner);
    gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    ["photo", "levels", "types", "tints"].forEach((name, unit) => gl.uniform1i(this.at[name], unit));
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

  // Part of the levels has changed: left, top, right, bottom in pixels of the map.
  touch(left, top, right, bottom) { this.upload(this.floors, 1, LARGEST, left, top, right, bottom); }

  // The same of the types.
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

  // A part of the photograph at its own size, drawn over the rest: left, top, width, height.
  makeTile(bitmap, map, box) {
    const photo = photograph(this.gl, bitmap), floors = pyramid(map, LARGEST);
    return { ...box, photo, floors: floors.length, mapWidth: map.width, mapHeight: map.height, levels: texture(this.gl, 1, floors, this.gl.R16UI, this.gl.UNSIGNED_SHORT) };
  }

  freeTile(tile) { for (const one of [tile.photo, tile.levels]) this.gl.deleteTexture(one); }

  // With `only`, a box of the photograph, the rest stays as it was drawn before.
  draw(camera, look, tiles = [], only = null) {
    const { gl, at, canvas } = this;
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
    gl.uniform2f(at.canvas, canvas.width, canvas.height);
    gl.uniform2f(at.whole, look.width, look.height);
    gl.uniform1f(at.zoom, camera.zoom);
    gl.uniform1f(at.split, look.split);
    gl.uniform1ui(at.threshold, look.threshold);
    gl.uniform1f(at.opacity, look.opacity);
    for (const name of ["shown", "outlined", "typed", "tinted", "doubting", "dimmed"]) gl.uniform1i(at[name], look[name] ? 1 : 0);
    for (const name of ["color", "artery", "vein", "both", "ground"]) gl.uniform3f(at[name], ...look[name]);
    const classes = look.tinted ? this.tintFloors : this.typeFloors;
    gl.uniform2i(at.classSize, classes[0].width, classes[0].height);
    gl.uniform1i(at.classFloors, classes.length);
    const [{ width, height }] = this.floors;
    this.part(camera, { left: 0, top: 0, width: look.width, height: look.height, photo: this.photo, levels: this.levels, floors: this.floors.length, mapWidth: width, mapHeight: height });
    gl.enable(gl.SCISSOR_TEST);
    for (const tile of tiles) {
      const left = Math.round((tile.left - camera.x) * camera.zoom + canvas.width / 2), top = Math.round((tile.top - camera.y) * camera.zoom + canvas.height / 2);
      const right = Math.round((tile.left + tile.width - camera.x) * camera.zoom + canvas.width / 2), bottom = Math.round((tile.top + tile.height - camera.y) * camera.zoom + canvas.height / 2);
      if (right <= 0 || bottom <= 0 || left >= canvas.width || top >= canvas.height) continue;
      gl.scissor(left, canvas.height - bottom, Math.max(0, right - left), Math.max(0, bottom - top));
      this.part(camera, tile);
    }
    gl.disable(gl.SCISSOR_TEST);
  }

  // The photograph, or a tile of it.
  part(camera, { left, top, width, height, photo, levels, floors, mapWidth, mapHeight }) {
    const { gl, at } = this;
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, levels);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, photo);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, camera.zoom >= 4 ? gl.NEAREST : gl.LINEAR);
    gl.uniform2f(at.size, width, height);
    gl.uniform2f(at.origin, left, top);
    gl.uniform2f(at.center, camera.x - left, camera.y - top);
    gl.uniform2i(at.mapSize, mapWidth, mapHeight);
    gl.uniform1i(at.floors, floors);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }
}

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

function link(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, CORNERS], [gl.FRAGMENT_SHADER, PIXELS]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
  return program;
}
