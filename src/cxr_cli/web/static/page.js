// The page: which films and runs there are, which film is open, and what happens when.

import { answerOf, figuresOf } from "./answer.js";
import { announce, byId, bytes, counted, el, fill, percent } from "./dom.js";
import { Films, dropped, kindOf } from "./films.js";
import { List } from "./list.js";
import { Heat, Raster } from "./raster.js";
import { saveCsv, saveJson, savePng } from "./save.js";
import * as server from "./server.js";
import { Viewer } from "./viewer.js";

const KEPT = 4; // films whose pixels stay in memory
const KEYS = [
  ["J, K", "the next film, the one before"], ["I", "invert"], ["F or 0", "fit"], ["1", "1:1, one pixel of the film on one of the screen"],
  ["+, −", "zoom; the mouse wheel too"], ["W, P", "dragging moves the window, or the film"], ["H", "heat on and off"],
  ["[, ]", "less heat, more heat"], ["R", "as the film was opened"], ["arrows", "on a film: pan; with Shift: window"],
  ["right or Shift and drag", "the other tool: pan, or window"], ["?", "these keys"],
];

const films = new Films((film) => answered(film));
const viewer = new Viewer(byId("panes"));
const list = new List(films, (film) => {
  open(film);
  reveal();
});
let current, palette, notice, opening, heatBefore = 0.5, runNames = [];
const pixels = new Map(); // film -> Raster, the one used last at the end
const figures = new Map();

// --- films ---------------------------------------------------------------------------------------------------------

function add(files) {
  if (!files.length) return;
  const added = films.add(files);
  open(added[0]);
  reveal();
  announce(`${counted(added.length, "film")} added.`);
}

// On a phone the film is below the list.
function reveal() {
  if (byId("view").getBoundingClientRect().top > innerHeight / 2) byId("view").scrollIntoView({ behavior: "smooth" });
}

function answered(film) {
  list.draw();
  if (film === current) show();
  if (films.waiting) {
    if (films.all.length > 1 && films.waiting % 10 === 0) announce(`${films.all.length - films.waiting} of ${films.all.length} films predicted.`);
  } else announce(films.all.length === 1 ? inWords(film) : `Done. ${list.summary()}.`);
}

function inWords(film) {
  return films.runs.map((run) => {
    const answer = film.answers.get(run);
    if (kindOf(answer) === "class") return `${film.name}: ${answer.row.class} by ${run}, P(${answer.row.positive}) ${percent(answer.row.probability)}.`;
    return `${film.name}: ${kindOf(answer) === "none" ? `no class, ${answer.row.reason}` : `error. ${answer?.error?.message ?? ""}`}`;
  }).join(" ");
}

async function open(film) {
  current = film;
  list.select(film);
  byId("view").hidden = !film;
  byId("known").classList.toggle("below", Boolean(film));
  opening?.abort();
  viewer.preview = viewer.raster = undefined; // also of a film that was removed
  if (!film) return;
  films.go(film);
  show();
  const known = pixels.get(film);
  if (known) return shown(film, known);
  const own = (opening = new AbortController());
  byId("tags").hidden = true;
  const small = await preview(film);
  if (film !== current) return;
  viewer.show(small);
  if ([...film.answers.values()].some((answer) => answer.error)) return; // it can't be read
  try {
    const raster = new Raster(await server.pixels(film.file, film.name, own.signal));
    if (film === current) shown(film, raster);
  } catch (error) {
    if (film === current && !(error instanceof server.Gone) && error.name !== "AbortError") byId("readout").textContent = "";
  }
}

// What can be shown until the pixels are here: the thumbnail, or nothing.
async function preview(film) {
  const answer = [...film.answers.values()].find((one) => one.thumbnail);
  const blank = Object.assign(document.createElement("canvas"), { width: 4, height: 4 });
  return answer ? createImageBitmap(new Blob([bytes(answer.thumbnail)])) : blank;
}

function shown(film, raster) {
  pixels.delete(film);
  pixels.set(film, raster);
  for (const old of [...pixels.keys()].slice(0, -KEPT)) pixels.delete(old);
  viewer.show(raster);
  byId("tags").hidden = !raster.tags.length;
  fill(byId("tags").querySelector("dl"), raster.tags.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

// Show what the runs say about the open film.
function show() {
  const film = current, answers = films.runs.map((run) => [run, film.answers.get(run)]);
  const problems = new Set(answers.map(([, answer]) => answer?.error?.message));
  const said = problems.size === 1 && !problems.has(undefined) ? answers.slice(0, 1) : answers; // an error of the film, once
  fill(byId("answers"), said.map(([run, answer]) => answerOf(answer, run, film)));
  const readable = answers.every(([, answer]) => !answer || answer.size?.length);
  byId("toolbar").hidden = byId("panes").hidden = byId("readout").hidden = !readable;
  const panes = answers.filter(([, answer]) => answer?.heat).map(([run, answer]) => {
    answer.map ??= new Heat({ ...answer.heat, levels: bytes(answer.heat.levels) }, palette);
    return { title: `Heat, ${run}:`, heat: answer.map, frame: answer.heat.frame, caption: answer.heat.caption };
  });
  const size = answers.map(([, answer]) => answer?.size).find((one) => one?.length);
  viewer.arrange([{ title: "Film:", caption: `${film.name}${size ? `, ${size[0]} × ${size[1]} pixels` : ""}` }, ...panes]);
  byId("scale").hidden = !panes.length || !readable;
}

// --- runs ----------------------------------------------------------------------------------------------------------

async function begin() {
  const told = await server.start();
  palette = bytes(told.palette);
  notice = told.disclaimer;
  films.limit = told.film_mb * 2 ** 20;
  byId("notice").textContent = notice;
  const bar = byId("bar").getContext("2d"), image = bar.createImageData(256, 1);
  for (let level = 0; level < 256; level++) image.data.set([...palette.subarray(3 * level, 3 * level + 3), 255], 4 * level);
  bar.putImageData(image, 0, 0);
  runNames = told.runs;
  offer("run", runNames, byId("run").value || told.first);
  if (!byId("samples").querySelector("button")) {
    byId("samples").append(...told.samples.map((name) => el("button", { type: "button", click: async () => add([await server.sample(name)]) },
      el("img", { src: `samples/${encodeURIComponent(name)}`, alt: "" }), name.replace(/\.\w+$/, ""))));
  }
  chosen();
}

function offer(id, names, value) {
  fill(byId(id), names.map((name) => el("option", { value: name }, name || "no other run")));
  byId(id).value = names.includes(value) ? value : (names[0] ?? "");
}

async function chosen() {
  offer("other", ["", ...runNames.filter((name) => name !== byId("run").value)], byId("other").value);
  const runs = [...new Set([byId("run").value, byId("other").value].filter(Boolean))];
  films.ask(runs);
  list.draw();
  if (current) show();
  for (const run of runs) figures.set(run, await server.figures(run).catch(() => figures.get(run)));
  if (String(runs) === String(films.runs)) fill(byId("known"), runs.map((run) => figures.get(run) && figuresOf(figures.get(run))));
}

// --- the server ----------------------------------------------------------------------------------------------------

server.watch(async (why) => {
  const bar = byId("stopped");
  bar.hidden = !why;
  if (why === "login") fill(bar, "Your login has expired. ", el("a", { href: "login", target: "_blank" }, "Log in again"), ", then come back to this page. Your films are still here.");
  else if (why) fill(bar, "The server has stopped. Start it again: ", el("code", {}, "cxr serve"), ". Your films are still here, and the page continues as soon as it is back.");
  else {
    announce("The server is back.");
    await begin().catch(() => {});
    films.go();
    if (current && !pixels.has(current)) open(current);
  }
});

// --- what happens when ---------------------------------------------------------------------------------------------

const on = (target, event, act) => (typeof target === "string" ? byId(target) : target).addEventListener(event, act);

on("run", "change", chosen);
on("other", "change", chosen);
on("choose", "click", () => byId("files").click());
on("choose-folder", "click", () => byId("folder").click());
for (const id of ["files", "folder"])
  on(id, "change", ({ target }) => {
    const files = [...target.files].filter((file) => !/(^|\/)\./.test(file.webkitRelativePath));
    add(id === "files" ? files : files.sort((a, b) => a.webkitRelativePath.localeCompare(b.webkitRelativePath, undefined, { numeric: true })));
    target.value = "";
  });
on(document, "dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
for (const end of ["dragleave", "drop"])
  on(document, end, (event) => (end === "drop" || !event.relatedTarget) && document.body.classList.remove("dragging"));
on(document, "drop", async (event) => {
  event.preventDefault();
  add(await dropped(event.dataTransfer));
});
on("clear", "click", () => {
  films.clear();
  pixels.clear();
  open(undefined);
  byId("choose").focus();
});
on("save-csv", "click", () => saveCsv(films));
on("save-json", "click", () => saveJson(films));
on("save-png", "click", () => current && viewer.raster && savePng(viewer, current, films.runs.map((run) => current.answers.get(run)).filter(Boolean), notice));
on("help", "click", () => byId("keys").showModal());
fill(byId("keys").querySelector("tbody"), KEYS.map(([key, what]) => el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, key)), el("td", {}, what))));

on(document, "keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || !byId("letters").checked) return;
  if (event.target.matches("input:not([type=range], [type=radio], [type=checkbox]), select, dialog *")) return;
  const tool = (name) => () => (document.querySelector(`[name=tool][value=${name}]`).checked = true);
  const heat = (by) => () => (viewer.opacity += by);
  const act = {
    j: () => list.step(1), k: () => list.step(-1), i: () => viewer.invert(), f: () => viewer.fit(), 0: () => viewer.fit(), 1: () => viewer.one(),
    "+": () => viewer.zoom(1.25), "-": () => viewer.zoom(0.8), w: tool("window"), p: tool("pan"), "[": heat(-0.1), "]": heat(0.1),
    h: () => {
      const opacity = viewer.opacity;
      viewer.opacity = opacity ? 0 : heatBefore;
      heatBefore = opacity || heatBefore;
    },
    r: () => viewer.reset(), "?": () => byId("keys").showModal(),
  }[event.key.toLowerCase()];
  if (!act || (!current && event.key !== "?")) return;
  event.preventDefault();
  act();
});

begin().catch((error) => error instanceof server.Gone || announce(error.message));
