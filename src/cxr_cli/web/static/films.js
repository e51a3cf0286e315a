// The films on the page, and the queue of questions about them.

import { Gone, isDown, predict } from "./server.js";

const AT_ONCE = 3; // questions under way
let counter = 0;

export class Films {
  constructor(changed) {
    this.all = [];
    this.runs = []; // the names of the one or two runs that are asked
    this.limit = Infinity; // bytes of a film
    this.under_way = 0;
    this.changed = changed; // called with the film that got an answer
  }

  add(files) {
    const added = files.map((file) => ({
      id: ++counter, file, name: file.path ?? (file.webkitRelativePath || file.name), answers: new Map(), asking: new Set(),
    }));
    this.all.push(...added);
    this.go();
    return added;
  }

  clear() {
    for (const { thumbnail } of this.all) if (thumbnail) URL.revokeObjectURL(thumbnail);
    this.all = [];
  }

  ask(runs) {
    this.runs = runs;
    this.go();
  }

  // The next questions; those about `first` come first.
  go(first = this.first) {
    this.first = first;
    while (this.under_way < AT_ONCE && !isDown()) {
      const next = this.next(this.first) ?? this.all.map((film) => this.next(film)).find(Boolean);
      if (!next) return;
      this.answer(...next);
    }
  }

  next(film) {
    const run = film && this.all.includes(film) && this.runs.find((name) => !film.answers.has(name) && !film.asking.has(name));
    return run === undefined || run === false ? undefined : [film, run];
  }

  async answer(film, run) {
    this.under_way++;
    film.asking.add(run);
    try {
      film.answers.set(run, await this.asked(film, run));
    } catch (error) {
      if (!(error instanceof Gone)) film.answers.set(run, { error: { message: error.message, hint: error.hint ?? "" } });
    } finally {
      film.asking.delete(run);
      this.under_way--;
    }
    if (this.all.includes(film)) this.changed(film);
    this.go();
  }

  async asked(film, run) {
    const most = this.limit / 2 ** 20;
    if (film.file.size > this.limit)
      return { error: { message: `Expected a film of at most ${most} MB. Received: ${film.name}.`, hint: "" } };
    return predict(film.file, film.name, run);
  }

  get waiting() {
    return this.all.filter((film) => this.runs.some((run) => !film.answers.has(run))).length;
  }
}

// The kind of an answer: "class", "none" (the film gets no class), "error", or "waiting".
export function kindOf(answer) {
  if (!answer) return "waiting";
  if (answer.error) return "error";
  return answer.row.class ? "class" : "none";
}

// Why a film has no class, or its class.
export function said(answer) {
  return { waiting: () => "…", error: () => "error", none: () => "no class", class: () => answer.row.class }[kindOf(answer)]();
}

// The files that were dropped, also those in folders. Hidden files are left out.
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files];
  return (await Promise.all(entries.map(filesOf))).flat();
}

async function filesOf(entry) {
  if (entry.name.startsWith(".")) return [];
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    file.path = entry.fullPath.replace(/^\//, "");
    return [file];
  }
  const reader = entry.createReader(), inside = [];
  for (;;) { // a hundred at a time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    inside.push(...some);
  }
  inside.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  return (await Promise.all(inside.map(filesOf))).flat();
}
