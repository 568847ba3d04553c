// Drawing over time: every lane shares one axis, from the title's first moment to its last.

import { colour } from "./colours.js";

export function sized(canvas) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((px) => Math.max(1, Math.round(px * devicePixelRatio)));
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const paint = canvas.getContext("2d");
  paint.clearRect(0, 0, width, height);
  return { paint, width, height };
}

// The mean of a value by shot in each column of pixels, by how long each shot is on in it; NaN where none is.
export function columns(shots, values, duration, width) {
  const [sums, weights] = [new Float64Array(width), new Float64Array(width)];
  const scale = width / duration;
  shots.forEach((shot, i) => {
    const value = values[i];
    if (value === null || value === undefined) return;
    const [left, right] = [shot.start_s * scale, Math.max(shot.end_s * scale, shot.start_s * scale + 1e-6)];
    for (let x = Math.floor(left); x < Math.min(width, right); x += 1) {
      const share = Math.min(x + 1, right) - Math.max(x, left);
      sums[x] += value * share;
      weights[x] += share;
    }
  });
  return sums.map((sum, x) => (weights[x] > 0 ? sum / weights[x] : NaN));
}

// A heat strip: the accent as strong as the value is high; a line below where the label is given.
export function drawHeat(canvas, shots, tag, duration) {
  const { paint, width, height } = sized(canvas);
  const [low, high] = rangeOf(tag);
  const line = Math.round(2 * devicePixelRatio);
  paint.fillStyle = colour("--accent");
  columns(shots, tag.scores, duration, width).forEach((value, x) => {
    if (Number.isNaN(value)) return;
    paint.globalAlpha = 0.04 + 0.92 * Math.min(Math.max((value - low) / Math.max(high - low, 1e-9), 0), 1);
    paint.fillRect(x, 0, 1, tag.given ? height - line - 1 : height);
  });
  paint.globalAlpha = 1;
  if (!tag.given) return;
  paint.fillStyle = colour("--faint");
  shots.forEach((shot, i) => {
    if (tag.given[i]) paint.fillRect((shot.start_s / duration) * width, height - line, Math.max(1, ((shot.end_s - shot.start_s) / duration) * width), line);
  });
}

// Probabilities from 0 to 1; values from their lowest to their highest.
export function rangeOf(tag) {
  if (tag.given) return [0, 1];
  const there = tag.scores.filter((score) => score !== null);
  return there.length ? [there.reduce((a, b) => Math.min(a, b)), there.reduce((a, b) => Math.max(a, b))] : [0, 1];
}

// Tall where shots are long; the root of their length, or a single long take would flatten all others.
export function drawLengths(canvas, shots, duration) {
  const { paint, width, height } = sized(canvas);
  const tall = columns(shots, shots.map((s) => Math.sqrt(s.end_s - s.start_s)), duration, width);
  const most = shots.reduce((longest, s) => Math.max(longest, s.end_s - s.start_s), 1e-6);
  paint.fillStyle = colour("--accent");
  paint.globalAlpha = 0.75;
  tall.forEach((root, x) => {
    if (Number.isNaN(root)) return;
    const top = Math.max(1, (root / Math.sqrt(most)) * height);
    paint.fillRect(x, height - top, 1, top);
  });
  paint.globalAlpha = 1;
  if (width / shots.length < 4 * devicePixelRatio) return;
  for (const shot of shots) paint.clearRect(Math.round((shot.start_s / duration) * width), 0, Math.max(1, Math.round(devicePixelRatio / 2)), height);
}
