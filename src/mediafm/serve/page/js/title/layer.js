// A picture of likeness: the bytes of a part of the matrix, painted once and drawn at any zoom.

import { ramp } from "./colours.js";

const CLIPPED = 0.02; // of the cells lie below the lowest colour, and as many above the highest

export class Layer {
  constructor(found) {
    Object.assign(this, found);
    this.canvas = document.createElement("canvas");
    [this.canvas.width, this.canvas.height] = [this.columns, this.rows];
  }

  // The bytes between which colours run: most cells, but for the diagonal, which is always alike.
  bounds() {
    const counts = new Uint32Array(256);
    const diagonal = this.row_start === this.start && this.row_end === this.end;
    for (let y = 0; y < this.rows; y += 1) {
      for (let x = 0; x < this.columns; x += 1) if (!diagonal || x !== y) counts[this.cells[y * this.columns + x]] += 1;
    }
    const total = counts.reduce((sum, n) => sum + n, 0) - counts[0];
    let [low, high, sum] = [1, 255, 0];
    for (let byte = 1; byte < 256; byte += 1) {
      sum += counts[byte];
      if (sum <= CLIPPED * total) low = byte;
      if (sum < (1 - CLIPPED) * total) high = byte + 1;
    }
    return total ? [low, Math.max(Math.min(high, 255), low + 1)] : [1, 255];
  }

  cosine = (byte) => this.low + ((byte - 1) / 254) * (this.high - this.low);
  byte = (cosine) => 1 + ((cosine - this.low) / Math.max(this.high - this.low, 1e-9)) * 254;

  // Colours from one cosine to another; what is not there shows the ground.
  paint(low, high) {
    const colours = ramp(this.byte(low), this.byte(high));
    colours[0] = 0;
    const image = new ImageData(this.columns, this.rows);
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < pixels.length; i += 1) pixels[i] = colours[this.cells[i]];
    this.canvas.getContext("2d").putImageData(image, 0, 0);
  }

  // The cell of a shot across and one down; null where nothing is known.
  value(column, row) {
    const cell = (shot, from, to, cells) => Math.ceil(((shot - from + 1) * cells) / (to - from)) - 1;
    const [x, y] = [cell(column, this.start, this.end, this.columns), cell(row, this.row_start, this.row_end, this.rows)];
    if (x < 0 || y < 0 || x >= this.columns || y >= this.rows) return null;
    const byte = this.cells[y * this.columns + x];
    return byte ? this.cosine(byte) : null;
  }

  get fine() {
    return this.columns === this.end - this.start && this.rows === this.row_end - this.row_start;
  }

  draw(paint, view, side) {
    const scale = side / view.span;
    paint.imageSmoothingEnabled = scale * (this.end - this.start) < this.columns;
    paint.drawImage(this.canvas, (this.start - view.x) * scale, (this.row_start - view.y) * scale, (this.end - this.start) * scale, (this.row_end - this.row_start) * scale);
  }
}
