// Vessels coloured by calibre or tortuosity, with a colour scale.

import * as api from "./api.js";
import { $ } from "./page.js";
import { number } from "./panel.js";
import { colorOf } from "./scale.js";
import { longestOf } from "./tiles.js";

const TITLES = { caliber: "Calibre", tortuosity: "Tortuosity (length over chord)" };

export class Tint {
  constructor({ state, say, redraw }) {
    Object.assign(this, { state, say, redraw, measure: "", id: null, there: false });
    const stops = Array.from({ length: 9 }, (_, at) => `rgb(${colorOf(1 + (254 * at) / 8).map((part) => Math.round(part * 255)).join(" ")})`);
    $("scale-bar").style.background = `linear-gradient(90deg, ${stops.join(", ")})`;
    $("tint").addEventListener("change", (event) => this.choose(event.target.value));
    this.show();
  }

  // Whether vessels are drawn in these colours.
  get on() { return this.there && Boolean(this.measure); }

  open(entry) {
    this.id = entry.id;
    this.there = false;
    this.state.renderer.setTints(null);
    this.show();
    this.bring();
  }

  choose(measure) {
    this.measure = measure;
    $("tint").value = measure;
    this.there = false;
    this.show();
    this.redraw();
    this.bring();
  }

  // Fetch the colours; again after a correction of the mask.
  async bring() {
    const { id, measure } = this;
    if (!id || !measure) return;
    try {
      const longest = longestOf(this.state.renderer, this.state.open.found);
      const map = await api.map(id, `colors/${measure}`, longest, Uint8Array);
      if (this.id !== id || this.measure !== measure) return;
      this.state.renderer.setTints(map);
      Object.assign(this, { there: true, low: Number(map.headers.get("X-Low")), high: Number(map.headers.get("X-High")), unit: map.headers.get("X-Unit").replace("um", "µm") });
      this.show();
      this.redraw();
    } catch (error) {
      if (this.id === id && this.measure === measure) this.say(error.message);
    }
  }

  show() {
    $("scale").hidden = !this.on;
    if (!this.on) return;
    $("scale-title").textContent = TITLES[this.measure] + (this.unit ? `, ${this.unit}` : "");
    $("scale-low").textContent = number(Number(this.low.toPrecision(3)));
    $("scale-high").textContent = number(Number(this.high.toPrecision(3)));
  }
}
