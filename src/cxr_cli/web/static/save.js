// Files to save: the table, as `cxr predict` writes it, and the picture.

import { byId, el, percent } from "./dom.js";
import { kindOf } from "./films.js";

function save(name, parts, type) {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

// A row for each film and run; of a film without an answer, its error.
const rows = (films) => films.all.flatMap((film) => films.runs.map((run) => film.answers.get(run)).filter(Boolean)
  .map((answer) => (answer.row?.image ? answer.row : { image: film.name, error: answer.error?.message ?? "" })));

const cell = (value) => {
  const text = value == null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

export function saveCsv(films) {
  const all = rows(films), columns = Object.keys(all.find((row) => "model" in row) ?? all[0] ?? {}).filter((key) => !["probabilities", "doubts"].includes(key));
  const lines = [columns, ...all.map((row) => columns.map((column) => row[column]))];
  save("predictions.csv", [lines.map((line) => `${line.map(cell).join(",")}\r\n`).join("")], "text/csv");
}

export const saveJson = (films) => save("predictions.json", [`${JSON.stringify(rows(films), null, 2)}\n`], "application/json");

const SIDE = 1200; // pixels of a film, at most
const LINE = 26;

// The panes side by side, as they are windowed, with the answer and the notice below.
export async function savePng(viewer, film, answers, notice) {
  const { width, height } = viewer.size, scale = Math.min(1, SIDE / Math.max(width, height));
  const wide = Math.max(320, Math.round(width * scale)), high = Math.round((height * wide) / width);
  const canvas = Object.assign(document.createElement("canvas"), { width: wide * viewer.panes.length, height: high });
  const context = canvas.getContext("2d");
  const font = "16px system-ui, sans-serif";
  context.font = font;
  const said = [film.name, ...answers.map((answer) => (kindOf(answer) === "class"
    ? `${answer.run}: ${answer.row.class}, P(${answer.row.positive}) ${percent(answer.row.probability)}, operating point ${percent(answer.row.threshold)}`
    : `${answer.run}: no class, ${answer.row?.reason ?? answer.error?.message}`)), ...viewer.panes.filter((pane) => pane.heat).map((pane) => pane.caption),
    ...new Set(answers.flatMap((answer) => answer.doubts ?? []).filter(({ weight }) => weight === "alarm").map(({ sentence }) => `Alarm: ${sentence}`)), notice];
  const lines = said.flatMap((text) => wrapped(context, text, canvas.width - 24));
  canvas.height = high + lines.length * LINE + 16;
  context.fillStyle = "#000";
  context.fillRect(0, 0, canvas.width, canvas.height);
  viewer.panes.forEach((pane, place) => {
    context.setTransform(wide / width, 0, 0, wide / width, place * wide, 0);
    viewer.compose(context, pane, wide / width);
  });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.font = font;
  context.fillStyle = "#fff";
  lines.forEach((line, place) => context.fillText(line, 12, high + LINE * (place + 1)));
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  save(`${film.name.replace(/^.*\//, "").replace(/\.\w+$/, "")}-heat.png`, [blob], "image/png");
}

function wrapped(context, text, width) {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (lines.at(-1) && context.measureText(longer).width > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}
