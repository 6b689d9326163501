// Shader programs for the photograph and its maps: one for each display mode, compiled on first use.
// Without a graphics card every instruction costs, even in branches not taken: a program contains only what
// the mode needs.

import { LINES } from "./marks.js";
import { NONE, SCALE } from "./scale.js";

const vec = (color) => `vec3(${color.map((part) => part.toFixed(4)).join(", ")})`;

const CORNERS = `#version 300 es
layout(location = 0) in vec2 corner;
void main() { gl_Position = vec4(corner, 0.0, 1.0); }`;

const GIVEN = `
precision highp float;
precision highp int;
precision highp usampler2D;
uniform sampler2D photo;
uniform usampler2D levels;
uniform usampler2D types;
uniform usampler2D tints;
uniform vec2 canvas, size, center, origin, whole, shrink, apart;
uniform float zoom, split, rim;
uniform ivec2 mapSize, classSize;
uniform int lod, coarse;
uniform uint threshold;
uniform float opacity;
uniform vec3 color, artery, vein, both, ground;
out vec4 result;

bool vessel(ivec2 at) { return texelFetch(levels, at, lod).r >= threshold; }
`;

const FILL = "float inked(vec2 place) { return vessel(ivec2(place)) ? 1.0 : 0.0; }";

// Whether a vessel's pixel belongs to its outline; when magnified, only the outermost 1.6 pixels do.
const OUTLINE = `
float bare(ivec2 at) { return vessel(clamp(at, ivec2(0), mapSize - 1)) ? 0.0 : 1.0; }  // the edge of a frame or a tile is no outline

float inked(vec2 place) {
  ivec2 at = ivec2(place);
  vec2 inside = fract(place), low = vec2(lessThan(inside, vec2(rim))), high = vec2(greaterThan(inside, vec2(1.0 - rim)));
  float edge = low.x * bare(at - ivec2(1, 0)) + high.x * bare(at + ivec2(1, 0)) + low.y * bare(at - ivec2(0, 1)) + high.y * bare(at + ivec2(0, 1));
  return (1.0 - bare(at)) * min(edge, 1.0);
}
`;

// Types and tints cover the whole photograph, of which this may be a tile.
const THERE = `
ivec2 there(vec2 place) { return clamp(ivec2(floor((place / shrink + origin) / whole * vec2(classSize))), ivec2(0), classSize - 1); }
`;

const TINTED = `
const vec3 STOPS[${SCALE.length}] = vec3[](${SCALE.map(vec).join(", ")});
vec3 tint(vec2 place) {
  uint step = texelFetch(tints, there(place), coarse).r;
  float along = (float(step) - 1.0) / 254.0 * ${(SCALE.length - 1).toFixed(1)};
  int low = clamp(int(along), 0, ${SCALE.length - 2});
  return step == 0u ? ${vec(NONE)} : mix(STOPS[low], STOPS[low + 1], along - float(low));
}
`;

const TYPED = `
vec3 tint(vec2 place) {
  uint bits = texelFetch(types, there(place), coarse).r;
  return bits == 1u ? artery : bits == 2u ? vein : bits == 3u ? both : vec3(0.75);
}
`;

const PLAIN = "vec3 tint(vec2 place) { return color; }";

const DOUBT = `
  float p = float(texelFetch(levels, ivec2(place), lod).r), t = float(threshold);
  float doubt = p < t ? p / t : (65535.0 - p) / (65535.0 - t);
  seen = mix(seen, vec3(1.0, 0.85, 0.1), p < 650.0 ? 0.0 : 0.85 * smoothstep(0.15, 0.9, doubt));
`;

const ONE = `
  seen = mix(seen, tint(place), right * opacity * inked(place));
`;

// When reduced, each sample takes four pixels of the map, and the type of one of them that is a vessel.
const FOUR = `
  vec2 other = vec2(apart.x, -apart.y);
  vec4 ink = vec4(inked(place - apart), inked(place + other), inked(place - other), inked(place + apart));
  vec2 one = place + (ink.x > 0.0 ? -apart : ink.y > 0.0 ? other : ink.z > 0.0 ? -other : apart);
  seen = mix(seen, tint(one), right * opacity * dot(ink, vec4(0.25)));
`;

const MARKS = `
uniform vec4 ellipse;               // the disc: centre and half-axes
uniform vec2 turn;                  // direction of the longer one
uniform vec3 zones, fovea, spot;    // radii; a cross and a square: centre and extent
uniform float point;                // screen points per pixel

float cover(float apart, float width) { return clamp(width / 2.0 + 0.5 - abs(apart) * point, 0.0, 1.0); }

vec3 marked(vec3 seen, vec2 at) {
  vec2 from = at - ellipse.xy, axes = ellipse.zw;
  vec2 along = vec2(dot(from, turn), dot(from, vec2(-turn.y, turn.x))) / axes;
  float share = length(along), rim = (share - 1.0) * share / max(length(along / axes), 1e-9);
  vec3 rings = abs(length(from) - zones);
  vec2 arm = abs(at - fovea.xy), off = abs(at - spot.xy);
  float middle = max(min(arm.x, arm.y), max(arm.x, arm.y) - fovea.z), square = max(off.x, off.y) - spot.z;
  float line = max(cover(min(abs(rim), abs(middle)), ${LINES.disc.toFixed(1)}), cover(min(rings.x, min(rings.y, rings.z)), ${LINES.zone.toFixed(1)}));
  seen = mix(mix(seen, ${vec(LINES.yellow)}, line), vec3(0.0), cover(square, ${LINES.back.toFixed(1)}));
  return mix(seen, vec3(1.0), cover(square, ${LINES.spot.toFixed(1)}));
}
`;

// `shrunk`: less than a device pixel per pixel of the map.
function pixels({ shown, outlined, typed, tinted, doubting, dimmed, marked, shrunk }) {
  const tints = tinted ? THERE + TINTED : typed ? THERE + TYPED : PLAIN;
  return `#version 300 es
${GIVEN}${shown ? tints + (outlined ? OUTLINE : FILL) : ""}${marked ? MARKS : ""}
void main() {
  vec2 device = vec2(gl_FragCoord.x, canvas.y - gl_FragCoord.y);
  vec2 at = (device - canvas / 2.0) / zoom + center, place = at * shrink;  // in pixels of the map
  float right = device.x < split ? 0.0 : 1.0;
  vec3 seen = texture(photo, at / size).rgb;
${dimmed ? "  seen = vec3(seen.g / 3.0);" : ""}${doubting ? DOUBT : ""}${shown ? (shrunk ? FOUR : ONE) : ""}
  bool outside = any(lessThan(at, vec2(0.0))) || any(greaterThanEqual(at, size));
  seen = outside ? ground : seen;
${marked ? "  seen = marked(seen, at + origin);" : ""}
  result = vec4(seen, 1.0);
}`;
}

const WAYS = ["shown", "outlined", "typed", "tinted", "doubting", "dimmed", "marked", "shrunk"];
const OF_VESSELS = ["outlined", "typed", "tinted", "shrunk"];
const UNITS = ["photo", "levels", "types", "tints"];

export class Programs {
  constructor(gl) { Object.assign(this, { gl, made: new Map() }); }

  // {program, at}: the program of a display mode, and its uniform locations. Also compiles the one needed as
  // soon as the zoom crosses one device pixel per pixel of the map.
  of(look) {
    const key = this.key(look);
    if (!this.made.has(key)) for (const shrunk of [true, false]) this.make(this.key({ ...look, shrunk }));
    return this.made.get(key);
  }

  key(look) { return WAYS.filter((way) => look[way] && !(look.shown ? look.tinted && way === "typed" : OF_VESSELS.includes(way))).join(" "); }

  make(key) {
    if (!this.made.has(key)) this.made.set(key, this.link(pixels(Object.fromEntries(key.split(" ").map((way) => [way, true])))));
  }

  link(source) {
    const { gl } = this, program = gl.createProgram(), at = {};
    for (const [kind, text] of [[gl.VERTEX_SHADER, CORNERS], [gl.FRAGMENT_SHADER, source]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    const count = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS);
    for (let i = 0; i < count; i++) {
      const { name } = gl.getActiveUniform(program, i);
      at[name] = gl.getUniformLocation(program, name);
    }
    gl.useProgram(program);
    UNITS.forEach((name, unit) => gl.uniform1i(at[name] ?? null, unit));
    return { program, at };
  }
}
