// A list of any length: only visible rows exist.

import * as api from "./api.js";
import { save } from "./page.js";
import { trouble } from "./trouble.js";

const ROW = 60, PART = 100;

export class PhotographList {
  constructor({ box, rows, count, button, chosen }) {
    Object.assign(this, { box, rows, count, button, chosen });
    this.query = { search: "", grade: "" };
    this.selected = null;
    this.picked = new Set();  // selected ids, for the table
    this.total = 0;
    this.parts = new Map();
    this.asked = new Map();  // parts being fetched
    box.addEventListener("scroll", () => this.show());
    new ResizeObserver(() => this.show()).observe(box);
    box.addEventListener("keydown", (event) => this.key(event));
    button.addEventListener("click", () => this.saveTable().catch(trouble));
  }

  async reload(query = {}) {
    Object.assign(this.query, query);
    const first = await api.photographs({ ...this.query, offset: 0, limit: PART });
    Object.assign(this, { parts: new Map([[0, first.entries]]), asked: new Map() });
    this.total = first.total;
    this.rows.style.height = `${this.total * ROW}px`;
    this.count.textContent = this.total === 1 ? "1 photograph" : `${this.total.toLocaleString("en")} photographs`;
    this.rows.replaceChildren();
    this.table();
    this.show();
  }

  entry(index) { return this.parts.get(Math.floor(index / PART))?.[index % PART]; }

  indexOf(id) {
    for (const [part, entries] of this.parts) {
      const place = entries.findIndex((entry) => entry.id === id);
      if (place >= 0) return part * PART + place;
    }
    return -1;
  }

  async fetch(part) {
    if (this.parts.has(part)) return;
    if (!this.asked.has(part)) this.asked.set(part, this.bring(part));
    await this.asked.get(part);
  }

  async bring(part) {
    const { parts, asked } = this;
    try {
      const page = await api.photographs({ ...this.query, offset: part * PART, limit: PART });
      if (parts === this.parts) parts.set(part, page.entries);
    } catch (error) {
      asked.delete(part);  // requested again when visible again
      throw error;
    }
    if (parts === this.parts) this.show();
  }

  update(entry) {
    const index = this.indexOf(entry.id);
    if (index < 0) return;
    Object.assign(this.entry(index), { state: entry.state, grade: entry.grade, reason: entry.reason });
    this.rows.querySelector(`[data-index="${index}"]`)?.remove();
    this.show();
  }

  select(id) {
    this.selected = id;
    for (const row of this.rows.children) this.mark(row);
  }

  mark(row) {
    const chosen = row.dataset.id === this.selected, picked = this.picked.has(row.dataset.id);
    row.setAttribute("aria-checked", picked);
    row.setAttribute("aria-selected", chosen);
    if (chosen) this.box.setAttribute("aria-activedescendant", row.id);
  }

  show() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW) - 4);
    const last = Math.min(this.total, Math.ceil((this.box.scrollTop + this.box.clientHeight) / ROW) + 4);
    for (const row of [...this.rows.children]) {
      const index = Number(row.dataset.index);
      if (index < first || index >= last) row.remove();
    }
    const there = new Set([...this.rows.children].map((row) => row.dataset.index));
    for (let index = first; index < last; index++) {
      const entry = this.entry(index);
      if (!entry) this.fetch(Math.floor(index / PART)).catch(() => {});
      else if (!there.has(String(index))) this.rows.append(this.row(entry, index));
    }
    if (!this.rows.querySelector(`#${CSS.escape(this.box.getAttribute("aria-activedescendant") || "none")}`)) this.box.removeAttribute("aria-activedescendant");
  }

  row(entry, index) {
    const row = document.createElement("div");
    row.className = "row";
    row.id = `row-${index}`;
    row.dataset.index = index;
    row.dataset.id = entry.id;
    row.setAttribute("role", "option");
    row.setAttribute("aria-setsize", this.total);
    row.setAttribute("aria-posinset", index + 1);
    row.style.top = `${index * ROW}px`;
    const image = new Image();
    image.alt = "";
    image.decoding = "async";
    image.addEventListener("error", () => {
      const blank = document.createElement("span");
      blank.className = "blank";
      image.replaceWith(blank);
    });
    image.src = api.at(entry.id, "/thumbnail");
    const text = document.createElement("div"), title = document.createElement("div"), sub = document.createElement("div");
    text.className = "text"; title.className = "title"; sub.className = "sub";
    title.textContent = entry.name;
    title.title = entry.reason ? `${entry.name}: ${entry.reason}` : entry.name;
    sub.textContent = entry.state === "failed" ? "failed" : entry.grade || (entry.state === "listed" ? "" : entry.state);
    text.append(title, sub);
    const tick = document.createElement("span");
    tick.className = "tick";
    tick.title = "Select for the table (X)";
    tick.addEventListener("click", (event) => { event.stopPropagation(); this.pick(entry.id); });
    row.append(image, text, tick);
    row.addEventListener("click", (event) => (event.ctrlKey || event.metaKey ? this.pick(entry.id) : event.shiftKey ? this.pickTo(index).catch(trouble) : this.chosen(entry.id)));
    this.mark(row);
    return row;
  }

  // Select or deselect a photograph.
  pick(id) {
    if (!id) return;
    if (!this.picked.delete(id)) this.picked.add(id);
    this.last = this.indexOf(id);
    for (const row of this.rows.children) this.mark(row);
    this.table();
  }

  // Select the range from the last selected, or open, photograph to this one.
  async pickTo(index) {
    const from = Math.max(0, this.last ?? this.indexOf(this.selected)), { parts } = this;
    const first = Math.min(from, index), last = Math.max(from, index);
    for (let part = Math.floor(first / PART); part * PART <= last; part++) await this.fetch(part);
    if (parts !== this.parts) return;  // another search
    for (let at = first; at <= last; at++) { const entry = this.entry(at); if (entry) this.picked.add(entry.id); }
    this.last = index;
    for (const row of this.rows.children) this.mark(row);
    this.table();
  }

  // The button for the table of the selected photographs, or else of all that match the search.
  table() {
    const { picked, total, button } = this;
    button.hidden = !total;
    button.textContent = picked.size ? `Table of ${picked.size} (CSV)` : "Table of all (CSV)";
  }

  async saveTable() {
    if (!this.picked.size) return save(api.tableOf(this.query));
    save(URL.createObjectURL(await api.tableOfThese([...this.picked])));
  }

  step(by) {
    const now = this.indexOf(this.selected);
    const next = Math.min(this.total - 1, Math.max(0, now < 0 ? 0 : now + by));
    this.reveal(next);
    const entry = this.entry(next);
    if (entry) this.chosen(entry.id);
  }

  reveal(index) {
    const top = index * ROW, { scrollTop, clientHeight } = this.box;
    if (top < scrollTop) this.box.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight) this.box.scrollTop = top + ROW - clientHeight;
  }

  key(event) {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8, Home: -this.total, End: this.total }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.step(by);
  }
}
