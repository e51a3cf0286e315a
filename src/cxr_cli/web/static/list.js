// The list of films: thumbnail, probability on one axis with the operating point, class. Sorted and filtered.

import { bytes, byId, counted, el, fill, percent, visible } from "./dom.js";
import { kindOf, said } from "./films.js";

// Probability from 0 to 1, with the operating point as a line and the answer as a dot.
export function axis(answer) {
  const { probability: p, threshold, positive } = answer.row;
  const called = p >= threshold;
  return el("span", {
    class: `axis ${called ? "positive" : "other"}`, role: "img", "--p": p, "--point": threshold,
    "aria-label": `P(${positive}) ${percent(p)}, operating point ${percent(threshold)}`,
  }, el("i", { class: "point" }), el("i", { class: "dot" }));
}

const url = (film) => (film.thumbnail ??= thumbnailOf(film));

function thumbnailOf(film) {
  const answer = [...film.answers.values()].find((one) => one.thumbnail);
  return answer && URL.createObjectURL(new Blob([bytes(answer.thumbnail)], { type: "image/jpeg" }));
}

export class List {
  constructor(films, opened) {
    this.films = films;
    this.opened = opened;
    this.sort = { by: "", down: false };
    this.body = byId("list").tBodies[0];
    this.rows = new WeakMap(); // film -> its row; a film that was removed leaves no trace
    for (const button of document.querySelectorAll("#list thead button"))
      button.addEventListener("click", () => this.sortBy(button.dataset.sort));
    byId("filter").addEventListener("change", () => this.draw());
    byId("search").addEventListener("input", () => this.draw());
    byId("list").addEventListener("keydown", (event) => this.move(event));
  }

  sortBy(by) {
    this.sort = this.sort.by !== by ? { by, down: false } : this.sort.down ? { by: "", down: false } : { by, down: true };
    for (const head of document.querySelectorAll("#list th")) {
      const own = head.firstElementChild.dataset.sort === this.sort.by;
      head.setAttribute("aria-sort", own ? (this.sort.down ? "descending" : "ascending") : "none");
    }
    this.draw();
  }

  // The films that are shown, in order.
  shown() {
    const kind = byId("filter").value, text = byId("search").value.trim().toLowerCase(), [run] = this.films.runs;
    const films = this.films.all.filter((film) =>
      (!kind || this.films.runs.some((name) => said(film.answers.get(name)) === kind)) && film.name.toLowerCase().includes(text));
    const key = {
      name: (film) => film.name, p: (film) => film.answers.get(run)?.row?.probability ?? -1, class: (film) => said(film.answers.get(run)),
    }[this.sort.by];
    if (!key) return films;
    const order = (a, b) => (typeof key(a) === "number" ? key(a) - key(b) : key(a).localeCompare(key(b), undefined, { numeric: true }));
    return films.sort((a, b) => (this.sort.down ? -order(a, b) : order(a, b)));
  }

  draw() {
    const any = this.films.all.length > 0;
    byId("tools").hidden = byId("listing").hidden = !any;
    byId("drop").classList.toggle("small", any);
    this.offerFilters();
    const films = this.shown();
    const positive = this.films.all.map((film) => film.answers.get(this.films.runs[0])?.row?.positive).find(Boolean);
    const [first, second] = this.films.runs;
    byId("two").hidden = !second || !any;
    byId("two").textContent = visible(`Above: ${first}. Below: ${second}.`);
    byId("p-head").textContent = positive ? `P(${positive})` : "P";
    fill(this.body, films.map((film) => this.row(film)));
    byId("none-shown").hidden = films.length > 0;
  }

  offerFilters() {
    const filter = byId("filter"), chosen = filter.value, counts = new Map();
    for (const film of this.films.all)
      for (const kind of new Set(this.films.runs.map((run) => said(film.answers.get(run))))) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    if (chosen && !counts.has(chosen)) counts.set(chosen, 0);
    fill(filter, el("option", { value: "" }, `all ${this.films.all.length}`),
      [...counts].sort().map(([kind, count]) => el("option", { value: kind }, `${kind === "…" ? "waiting" : kind}: ${count}`)));
    filter.value = chosen;
  }

  row(film) {
    const state = [this.films.runs, film === this.current, film.answers.size, film.asking.size].join();
    const known = this.rows.get(film);
    if (known?.state === state) return known.row;
    const open = el("button", { type: "button", class: "open", click: () => this.opened(film) },
      film.name.split(/(?<=[/_])/).flatMap((part) => [part, el("wbr")]));
    const answers = this.films.runs.map((run) => film.answers.get(run));
    const picture = url(film);
    const row = el("tr", { class: film === this.current ? "current" : "", "aria-current": film === this.current && "true" },
      el("td", {}, el("span", { class: "film" }, picture ? el("img", { src: picture, alt: "" }) : el("span", { class: "blank" }), open)),
      el("td", {}, answers.map((answer) => el("div", { class: "line" },
        kindOf(answer) === "class" ? [axis(answer), el("span", { class: "p" }, percent(answer.row.probability))] : ""))),
      el("td", {}, answers.map((answer) => el("div", { class: `line ${kindOf(answer)}`, title: why(answer) }, said(answer)))));
    row.addEventListener("click", (event) => event.target.closest("button") || this.opened(film));
    this.rows.set(film, { state, row });
    return row;
  }

  // Arrow keys go from film to film.
  move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !event.target.matches(".open")) return;
    event.preventDefault();
    this.step(step);
    this.body.querySelector(".current .open")?.focus();
  }

  step(by) {
    const films = this.shown(), place = films.indexOf(this.current);
    const next = films[place < 0 ? 0 : Math.min(films.length - 1, Math.max(0, place + by))];
    if (next && next !== this.current) this.opened(next);
  }

  select(film) {
    this.current = film;
    this.draw();
    this.body.querySelector(".current")?.scrollIntoView({ block: "nearest" });
  }

  summary() {
    const counts = new Map(), [run] = this.films.runs;
    for (const film of this.films.all) counts.set(said(film.answers.get(run)), (counts.get(said(film.answers.get(run))) ?? 0) + 1);
    return `${counted(this.films.all.length, "film")}: ${[...counts].map(([kind, count]) => `${count} ${kind}`).join(", ")}`;
  }
}

const why = (answer) => answer?.error?.message ?? answer?.row?.reason ?? undefined;
