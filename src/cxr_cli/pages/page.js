// What a page can do beyond what HTML and CSS do without a script: nothing in it is needed to read the page.
"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

  // The section that is read is marked in the contents.
  const links = all(".contents a");
  const heads = all("main h2[id]");
  const mark = () => {
    const read = heads.filter((head) => head.getBoundingClientRect().top < innerHeight / 3).pop();
    for (const link of links) {
      if (read && link.hash === `#${read.id}`) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  addEventListener("scroll", mark, { passive: true });
  mark();
  for (const nav of all(".contents.narrow details"))
    nav.addEventListener("click", (event) => event.target.matches("a") && (nav.open = false));

  // A click on a column's title sorts by it, another one turns the order.
  const value = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    if (a !== "" && b !== "" && !Number.isNaN(x) && !Number.isNaN(y)) return x - y;
    return a.localeCompare(b, undefined, { numeric: true });
  };
  for (const table of all("table.sorts")) {
    const body = table.tBodies[0];
    const titles = [...table.tHead.rows[0].cells];
    titles.forEach((title, column) => {
      if (!title.textContent.trim()) return;
      const button = make("button", { type: "button", textContent: title.textContent });
      title.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = title.getAttribute("aria-sort") === "ascending";
        titles.forEach((other) => other.removeAttribute("aria-sort"));
        title.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].sort((a, b) => compare(value(a, column), value(b, column)));
        body.append(...(down ? rows.reverse() : rows));
      });
    });

    // Words, and a choice for each column that has one, leave only the rows that have them.
    const words = make("input", { type: "search", placeholder: "Filter rows" });
    words.setAttribute("aria-label", "Filter rows by words");
    const chosen = titles.flatMap((title, column) => {
      if (!("chooses" in title.dataset)) return [];
      const name = title.textContent;
      const select = make("select", {});
      select.setAttribute("aria-label", name);
      const values = [...new Set([...body.rows].map((row) => value(row, column)))].sort();
      select.append(new Option(`${name}: all`, ""), ...values.map((one) => new Option(one || "unknown", `=${one}`)));
      return [{ select, column }];
    });
    const count = make("output", {});
    const filter = () => {
      const asked = words.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of body.rows) {
        const text = row.textContent.toLowerCase();
        const kept =
          asked.every((word) => text.includes(word)) &&
          chosen.every(({ select, column }) => !select.value || select.value === `=${value(row, column)}`);
        row.hidden = !kept;
        shown += kept;
      }
      count.textContent = `${shown} of ${body.rows.length}`;
    };
    const bar = make("form", { className: "filters" });
    bar.addEventListener("submit", (event) => event.preventDefault());
    bar.addEventListener("input", filter);
    bar.append(words, ...chosen.map(({ select }) => select), count);
    table.closest(".scroll").before(bar);
    filter();
  }

  // A film opens beside its heat map; the arrow keys go to the next one.
  const dialog = make("dialog", { className: "film" });
  dialog.setAttribute("aria-label", "A film beside its heat map");
  const show = (link) => {
    const figure = document.getElementById(link.hash.slice(1))?.cloneNode(true);
    if (!figure) return false;
    figure.removeAttribute("id");
    const close = make("button", { type: "button", textContent: "Close" });
    close.addEventListener("click", () => dialog.close());
    dialog.replaceChildren(figure, close);
    dialog.link = link;
    if (!dialog.open) dialog.showModal();
    return true;
  };
  const films = () => all("a.film").filter((link) => link.offsetParent);
  for (const link of all("a.film")) link.addEventListener("click", (event) => show(link) && event.preventDefault());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const shown = films();
    const next = step && shown[shown.indexOf(dialog.link) + step];
    if (next) show(next);
  });
  document.body.append(dialog);

  // What is folded is printed, too.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all("main details:not([open])");
    for (const one of opened) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of opened) one.open = false;
  });
})();
