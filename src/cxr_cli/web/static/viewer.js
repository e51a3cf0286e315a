// Linked panes: the film, and the heat map of each run over it. One window, one zoom and one place for all.

import { byId, el, fill, percent } from "./dom.js";
import { Raster } from "./raster.js";

const PRESETS = { full: [0, 1], most: [0.01, 0.99], dark: [0.005, 0.6], bright: [0.4, 0.995] };
const LARGEST = 32; // screen pixels for a pixel of the film

export class Viewer {
  constructor(element) {
    this.element = element;
    this.gray = document.createElement("canvas");
    this.panes = [];
    this.pointers = new Map();
    this.inverted = false;
    new ResizeObserver(() => this.resized()).observe(element);
    const on = (id, event, act) => byId(id).addEventListener(event, act);
    on("preset", "change", () => this.preset(byId("preset").value));
    on("invert", "click", () => this.invert());
    on("fit", "click", () => this.fit());
    on("one", "click", () => this.one());
    on("in", "click", () => this.zoom(1.25));
    on("out", "click", () => this.zoom(0.8));
    on("reset", "click", () => this.reset());
    on("opacity", "input", () => this.draw());
    on("contour", "change", () => this.draw());
  }

  get opacity() {
    return byId("opacity").value / 100;
  }

  set opacity(value) {
    byId("opacity").value = Math.round(100 * Math.min(1, Math.max(0, value)));
    this.draw();
  }

  // Show panes: [{ title, heat, frame, caption }], of a film whose pixels may come later.
  arrange(panes) {
    const same = panes.length === this.panes.length;
    this.panes = panes.map((pane, place) => {
      const canvas = same ? this.panes[place].canvas : this.listen(el("canvas", { tabindex: 0, role: "img" }));
      canvas.setAttribute("aria-label", pane.title);
      return { ...pane, canvas };
    });
    const focused = document.activeElement;
    fill(this.element, this.panes.map((pane) => el("figure", {}, pane.canvas,
      el("figcaption", {}, el("b", {}, pane.title), pane.caption ? ` ${pane.caption}` : ""))));
    this.element.style.setProperty("--panes", panes.length);
    this.element.style.setProperty("--shape", this.size.width / this.size.height);
    if (this.element.contains(focused) || this.panes.some(({ canvas }) => canvas === focused)) focused.focus({ preventScroll: true });
    this.resized();
  }

  // Show a film; a picture until its pixels are here.
  show(source) {
    this.raster = source instanceof Raster ? source : undefined;
    this.preview = this.raster ? undefined : source;
    this.element.setAttribute("aria-busy", String(!this.raster));
    this.element.style.setProperty("--shape", this.size.width / this.size.height);
    this.reset();
  }

  get size() {
    const { width, height } = this.raster ?? this.preview ?? { width: 1, height: 1 };
    return { width, height };
  }

  reset() {
    this.inverted = false;
    this.preset("opened");
    this.fit();
  }

  preset(name) {
    byId("preset").value = name;
    this.window = PRESETS[name] && this.raster ? (name === "full" ? { low: 0, high: Math.max(1, this.raster.steps - 1) }
      : this.raster.between(...PRESETS[name])) : undefined;
    this.repaint();
  }

  invert() {
    this.inverted = !this.inverted;
    this.repaint();
  }

  // Move the window: by shares of its width.
  shift(wider, brighter, coarse) {
    if (!this.raster) return;
    const { low, high } = this.window ?? this.raster.opened, width = high - low;
    const center = (low + high) / 2 + (this.raster.falling ? brighter : -brighter) * width;
    const wide = Math.min(4 * this.raster.steps, Math.max(1, width * Math.exp(wider)));
    this.window = { low: center - wide / 2, high: center + wide / 2 };
    byId("preset").value = "own";
    this.repaint(coarse);
  }

  repaint(coarse = false) {
    byId("invert").setAttribute("aria-pressed", String(this.inverted));
    if (this.raster) this.raster.paint(this.gray, this.window, this.inverted, coarse);
    this.draw();
  }

  // Where the middle of a pane is on the film, and screen pixels for a pixel of the film.
  fit() {
    const { width, height } = this.size, [canvas] = this.panes.map((pane) => pane.canvas);
    if (!canvas) return;
    this.fitted = true;
    this.scale = Math.min(canvas.clientWidth / width, canvas.clientHeight / height) || 1;
    this.middle = { x: width / 2, y: height / 2 };
    this.draw();
  }

  one() {
    this.zoom(1 / ((this.raster?.reduced ?? 1) * devicePixelRatio * this.scale));
  }

  // Zoom by a factor; the place `at` (from a pane's middle) stays where it is.
  zoom(by, at = { x: 0, y: 0 }) {
    const { width, height } = this.size, [{ canvas }] = this.panes;
    const least = Math.min(canvas.clientWidth / width, canvas.clientHeight / height) / 4;
    const scale = Math.min(LARGEST, Math.max(least, this.scale * by));
    this.pan(at.x * (scale / this.scale - 1), at.y * (scale / this.scale - 1), scale);
  }

  pan(x, y, scale = this.scale) {
    const { width, height } = this.size;
    this.fitted = false;
    this.middle = {
      x: Math.min(width, Math.max(0, this.middle.x + x / scale)), y: Math.min(height, Math.max(0, this.middle.y + y / scale)),
    };
    this.scale = scale;
    this.draw();
  }

  resized() {
    for (const { canvas } of this.panes) {
      const width = Math.round(canvas.clientWidth * devicePixelRatio), height = Math.round(canvas.clientHeight * devicePixelRatio);
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    }
    if (this.fitted ?? true) this.fit();
    else this.draw();
  }

  draw() {
    byId("opacity-said").textContent = percent(this.opacity, 0);
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      this.panes.forEach((pane) => this.drawPane(pane));
      this.read();
    });
  }

  drawPane(pane) {
    const { canvas } = pane, context = canvas.getContext("2d"), scale = this.scale * devicePixelRatio;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!this.middle || !(this.raster ?? this.preview)) return;
    context.setTransform(scale, 0, 0, scale, canvas.width / 2 - this.middle.x * scale, canvas.height / 2 - this.middle.y * scale);
    this.compose(context, pane, scale);
  }

  // The film, and a pane's heat over it, where a unit is a pixel of the film.
  compose(context, { heat, frame }, scale) {
    const { width, height } = this.size;
    context.imageSmoothingEnabled = scale < 3;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.raster ? this.gray : this.preview, 0, 0, width, height);
    if (!heat) return;
    context.save();
    context.imageSmoothingEnabled = true;
    context.globalAlpha = this.opacity;
    context.drawImage(heat.canvas, 0, 0, width, height);
    context.restore();
    if (frame?.length) {
      const [left, top, right, bottom] = frame;
      context.strokeStyle = "#c8c8c8";
      context.lineWidth = 1 / scale;
      context.strokeRect(left * width, top * height, (right - left) * width, (bottom - top) * height);
    }
    if (!byId("contour").checked || !this.opacity || heat.blank) return;
    context.save();
    context.scale(width / heat.width, height / heat.height);
    for (const [color, thick] of [["#000", 3], ["#fff", 1.25]]) { // to be seen on white and on black
      context.strokeStyle = color;
      context.lineWidth = (thick * devicePixelRatio * heat.width) / width / scale;
      context.stroke(heat.contour);
    }
    context.restore();
  }

  // Say window, zoom, and the value under the pointer.
  read() {
    const raster = this.raster, parts = [];
    if (raster) {
      const { low, high } = this.window ?? raster.opened, first = raster.unit(low), last = raster.unit(high);
      const round = (value) => +value.toPrecision(4);
      parts.push(`center ${round((first + last) / 2)}, width ${round(Math.abs(last - first))}`);
      parts.push(`zoom ${percent((this.scale * devicePixelRatio * raster.reduced), 0)}`);
      parts.push(`${raster.width * raster.reduced} × ${raster.height * raster.reduced} pixels`
        + (raster.reduced > 1 ? `, shown at 1/${raster.reduced}` : ""));
      const at = this.at;
      if (at && at.x >= 0 && at.y >= 0 && at.x < raster.width && at.y < raster.height)
        parts.push(`value ${round(raster.unit(raster.values[at.y * raster.width + at.x]))} at ${at.x * raster.reduced}, ${at.y * raster.reduced}`);
    }
    byId("readout").textContent = parts.join(" · ");
  }

  listen(canvas) {
    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
    };
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), place(event));
    }, { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("dblclick", () => this.fit());
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      const tool = document.querySelector("[name=tool]:checked").value, other = event.button || event.shiftKey;
      this.tool = (tool === "pan") !== Boolean(other) ? "pan" : "window";
      this.pointers.set(event.pointerId, event);
    });
    canvas.addEventListener("pointermove", (event) => this.moved(event, place));
    for (const end of ["pointerup", "pointercancel"])
      canvas.addEventListener(end, (event) => {
        this.pointers.delete(event.pointerId);
        if (this.tool === "window" && this.window) this.repaint();
      });
    canvas.addEventListener("pointerleave", () => {
      this.at = undefined;
      this.read();
    });
    canvas.addEventListener("keydown", (event) => this.key(event));
    return canvas;
  }

  moved(event, place) {
    const before = this.pointers.get(event.pointerId), at = place(event);
    if (!before) {
      if (this.middle) this.at = { x: Math.floor(this.middle.x + at.x / this.scale), y: Math.floor(this.middle.y + at.y / this.scale) };
      return this.read();
    }
    const x = event.clientX - before.clientX, y = event.clientY - before.clientY;
    this.pointers.set(event.pointerId, event);
    const [other] = [...this.pointers.values()].filter(({ pointerId }) => pointerId !== event.pointerId);
    if (other) { // two fingers
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      this.pan(-x / 2, -y / 2);
      return this.zoom(apart(event) / Math.max(1, apart(before)), at);
    }
    return this.tool === "pan" ? this.pan(-x, -y) : this.shift(x / 300, -y / 300, true);
  }

  // Arrow keys on a pane: pan, or with Shift the window.
  key(event) {
    const [x, y] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [];
    if (x === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (event.shiftKey) this.shift(x / 10, -y / 20);
    else this.pan(40 * x, 40 * y);
  }
}
