// A run's answer for a film, and how the run did on its test films, in words.

import { el, percent } from "./dom.js";
import { kindOf } from "./films.js";
import { axis } from "./list.js";

const WEIGHTS = { alarm: "Alarm", warning: "Warning", note: "Note" };

const doubt = ({ weight, sentence, hint }) =>
  el("p", { class: weight }, el("b", {}, `${WEIGHTS[weight]}: `), `${sentence} `, hint && el("span", { class: "hint" }, hint));

// What `run` says about `film`.
export function answerOf(answer, run, film) {
  const kind = kindOf(answer);
  if (kind === "waiting") return el("section", { class: "answer" }, el("p", { class: "by" }, `${run}: predicting…`));
  if (kind === "error") {
    return el("section", { class: "answer problem" }, el("p", { class: "by" }, film.name),
      el("p", {}, el("b", {}, `Error: ${answer.error.message}`)), answer.error.hint && el("p", {}, answer.error.hint));
  }
  const { row } = answer, by = el("p", { class: "by" }, `${row.image}, ${kind === "none" ? "not " : ""}predicted by ${answer.run}`);
  if (kind === "none") return el("section", { class: "answer" }, by, el("h2", {}, "no class"), el("p", {}, `${row.reason}.`));
  const called = row.class === row.positive ? "positive" : "other";
  return el("section", { class: "answer" }, by,
    answer.doubts.filter(({ weight }) => weight === "alarm").map(doubt),
    el("h2", { class: called }, row.class, answer.confidence && el("small", {}, ` ${answer.confidence}`)),
    el("div", { class: "wide" }, axis(answer),
      el("span", { class: "ends", "aria-hidden": "true" }, el("span", {}, "0%"),
        el("span", { class: "named", "--point": row.threshold }, `operating point ${percent(row.threshold)}`), el("span", {}, "100%"))),
    (answer.sentences[0] ?? "").startsWith("P(") || el("p", {}, `P(${row.positive}) ${percent(row.probability)}`),
    answer.sentences.map((sentence) => el("p", {}, sentence)),
    answer.doubts.filter(({ weight }) => weight !== "alarm").map(doubt));
}

export function figuresOf(figures) {
  if (figures.error) {
    return el("section", { class: "figures" }, el("h2", {}, figures.run),
      el("p", { class: "alarm" }, `Error: ${figures.error.message}`), el("p", {}, figures.error.hint));
  }
  const rows = figures.metrics.map(({ label, figure, interval, meaning }) => el("tr", {}, el("th", { scope: "row" }, label),
    el("td", { class: "figure" }, figure), el("td", {}, interval && `(${interval})`), el("td", {}, meaning)));
  return el("section", { class: "figures" }, el("h2", {}, `How ${figures.run} did on its test films`),
    el("div", { class: "doubts" }, figures.doubts.map(doubt)),
    rows.length > 0 && el("table", {}, el("tbody", {}, rows)),
    figures.notes.map((note) => el("p", {}, note)),
    figures.caveats.map(doubt),
    figures.command && el("p", {}, el("code", {}, figures.command)));
}
