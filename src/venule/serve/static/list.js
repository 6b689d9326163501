// A list of any length: only visible rows exist.

import * as api from "./api.js";

const ROW = 60, PART = 100;

export class PhotographList {
  constructor({ box, rows, count, link, chosen }) {
    Object.assign(this, { box, rows, count, link, chosen });
    this.query = { search: "", grade: "" };
    this.selected = null;
    this.picked = new Set();  // selected ids, for the table
    this.total = 0;
    this.parts = new Map();
    box.addEventListener("scroll", () => this.show());
    new ResizeObserver(() => this.show()).observe(box);
    box.addEventListener("keydown", (event) => this.key(event));
  }

  async reload(query = {}) {
    Object.assign(this.query, query);
    this.asked = new Map();
    const first = await api.photographs({ ...this.query, offset: 0, limit: PART });
    this.parts = new Map([[0, first.entries]]);
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
    if (this.parts.has(part) || this.asked?.get(part)) return;
    this.asked.set(part, true);
    const { parts, asked } = this;
    try {
      const page = await api.photographs({ ...this.query, offset: part * PART, limit: PART });
      if (parts === this.parts) parts.set(part, page.entries);
    } catch {
      asked.delete(part);  // requested again when visible again
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
      if (!entry) this.fetch(Math.floor(index / PART));
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
    row.addEventListener("click", (event) => (event.ctrlKey || event.metaKey ? this.pick(entry.id) : event.shiftKey ? this.pickTo(index) : this.chosen(entry.id)));
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
  pickTo(index) {
    const from = Math.max(0, this.last ?? this.indexOf(this.selected));
    for (let at = Math.min(from, index); at <= Math.max(from, index); at++) { const entry = this.entry(at); if (entry) this.picked.add(entry.id); }
    this.last = index;
    for (const row of this.rows.children) this.mark(row);
    this.table();
  }

  // The link to the table of the selected photographs, or else of all that match the search.
  table() {
    const { picked, total, link } = this, some = picked.size > 0;
    link.hidden = !total;
    link.href = api.tableOf(some ? { ids: [...picked].join(",") } : this.query);
    link.textContent = some ? `Table of ${picked.size} (CSV)` : "Table of all (CSV)";
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
