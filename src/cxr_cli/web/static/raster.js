// A film at full depth, drawn as gray through a table with an entry for each value.

const COARSE = 1_000_000; // pixels that are drawn while the window moves
const STRIPE = 256; // rows that are drawn at once, so that a large film needs little memory

export class Raster {
  // The bytes are those of `web/pixels.py`: a length, a description, the table of gray levels, the pixels.
  constructor(buffer) {
    const length = new DataView(buffer).getUint32(0, true);
    Object.assign(this, JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length))));
    this.shown = new Uint8Array(buffer, 4 + length, this.steps);
    const start = 4 + length + this.steps;
    this.values = this.depth === 1 ? new Uint8Array(buffer, start) : new Uint16Array(buffer.slice(start));
    this.falling = this.shown[0] > this.shown[this.steps - 1]; // the lowest value is white
    this.by = Math.max(1, Math.ceil(Math.sqrt(this.values.length / COARSE)));
  }

  // Every `by`th pixel of every `by`th row.
  get coarse() {
    if (this.by === 1) return this;
    if (!this.few) {
      const width = Math.ceil(this.width / this.by), height = Math.ceil(this.height / this.by);
      const values = new this.values.constructor(width * height);
      for (let y = 0, place = 0; y < height; y++)
        for (let x = 0, from = y * this.by * this.width; x < width; x++, from += this.by) values[place++] = this.values[from];
      this.few = { width, height, values };
    }
    return this.few;
  }

  // The window, in values, that is closest to how the film is shown at first.
  get opened() {
    const { shown, steps } = this;
    let low = 0, high = steps - 1;
    while (low < high && shown[low + 1] === shown[0]) low++;
    while (high > low && shown[high - 1] === shown[steps - 1]) high--;
    // The line through both ends, from black to white: the file's window may be wider than its values.
    const slope = (shown[high] - shown[low]) / (high - low);
    if (!slope) return { low, high: low + 1 };
    const [black, white] = [0, 255].map((gray) => low + (gray - shown[low]) / slope);
    return { low: Math.min(black, white), high: Math.max(black, white) };
  }

  // The window between two shares of the pixels, for example from 0.01 to 0.99.
  between(first, last) {
    if (!this.sums) {
      const counts = new Float64Array(this.steps), { values } = this.coarse;
      for (const value of values) counts[value]++;
      for (let value = 1; value < this.steps; value++) counts[value] += counts[value - 1];
      this.sums = counts;
    }
    const total = this.sums[this.steps - 1];
    const at = (share) => Math.max(0, this.sums.findIndex((sum) => sum >= share * total));
    // Shares count from dark to bright.
    const [low, high] = this.falling ? [at(1 - last), at(1 - first)] : [at(first), at(last)];
    return { low, high: Math.max(high, low + 1) };
  }

  // What a value stands for in the units of the file.
  unit(value) {
    const [first, last] = this.ends;
    return this.steps > 1 ? first + ((last - first) * value) / (this.steps - 1) : first;
  }

  // RGBA of each value. Without a window it is the film as it is shown at first.
  table(window, inverted) {
    const table = new Uint32Array(this.steps);
    for (let value = 0; value < this.steps; value++) {
      let gray = this.shown[value];
      if (window) {
        gray = Math.round(255 * Math.min(1, Math.max(0, (value - window.low) / (window.high - window.low))));
        if (this.falling) gray = 255 - gray;
      }
      if (inverted) gray = 255 - gray;
      table[value] = 0xff000000 | (gray << 16) | (gray << 8) | gray;
    }
    return table;
  }

  paint(canvas, window, inverted, coarse) {
    const source = coarse ? this.coarse : this, table = this.table(window, inverted);
    const { width, height, values } = source;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    for (let top = 0; top < height; top += STRIPE) {
      const rows = Math.min(STRIPE, height - top), image = context.createImageData(width, rows);
      const pixels = new Uint32Array(image.data.buffer), start = top * width;
      for (let place = 0; place < pixels.length; place++) pixels[place] = table[values[start + place]];
      context.putImageData(image, 0, top);
    }
  }
}

// A heat map as a picture, and the line around what is at least half as hot as the peak.
export class Heat {
  constructor({ width, height, levels }, palette) {
    Object.assign(this, { width, height, levels });
    this.canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = this.canvas.getContext("2d"), image = context.createImageData(width, height);
    levels.forEach((level, place) => {
      for (let channel = 0; channel < 3; channel++) image.data[4 * place + channel] = palette[3 * level + channel];
      image.data[4 * place + 3] = level;
    });
    context.putImageData(image, 0, 0);
    this.contour = this.blank ? new Path2D() : this.around(127.5);
  }

  get blank() {
    return !this.levels.some(Boolean);
  }

  // Marching squares; the unit is a pixel of the map, whose values stand at the pixels' centers.
  around(level) {
    const path = new Path2D(), { width, height, levels } = this;
    const at = (x, y) => levels[Math.min(height - 1, Math.max(0, y)) * width + Math.min(width - 1, Math.max(0, x))];
    for (let y = -1; y < height; y++) {
      for (let x = -1; x < width; x++) {
        const corners = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]], crossed = [];
        corners.forEach(([ax, ay], side) => {
          const [bx, by] = corners[(side + 1) % 4], a = at(ax, ay), b = at(bx, by);
          if (a < level === b < level) return;
          const share = (level - a) / (b - a);
          crossed.push([ax + share * (bx - ax) + 0.5, ay + share * (by - ay) + 0.5]);
        });
        for (let pair = 0; pair + 1 < crossed.length; pair += 2) {
          path.moveTo(...crossed[pair]);
          path.lineTo(...crossed[pair + 1]);
        }
      }
    }
    return path;
  }
}
