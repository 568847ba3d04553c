// Charts as SVG: lines over steps, and scores with their intervals. Each comes with the table behind it.

import { make } from "./dom.js";
import { css } from "./palette.js";

const NS = "http://www.w3.org/2000/svg";
const EDGE = { left: 54, right: 14, top: 10, bottom: 34 };

function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null && value !== undefined) element.setAttribute(name, value);
  element.append(...children.flat());
  return element;
}

export function number(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)) return value.toExponential(1);
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return Number.isInteger(value) ? String(value) : value.toFixed(digits);
}

// series: {name, points: [[x, y]], colour: [r, g, b], dash, faint}. A figure that follows the width it is given.
export function lineChart({ title, note = "", x = "step", series, height = 260, zero = false }) {
  const stage = make("div", { class: "chart" });
  const reading = make("p", { class: "reading faint", "aria-hidden": "true" });
  const drawn = series.filter((one) => one.points.length);
  const figure = make(
    "figure",
    {},
    make("figcaption", {}, make("strong", {}, title), note ? make("span", { class: "faint" }, ` ${note}`) : ""),
    key(drawn),
    stage,
    reading,
    behind(title, [x, ...drawn.map((one) => one.name)], tableOf(drawn)),
  );
  new ResizeObserver(() => stage.replaceChildren(lines(drawn, x, Math.max(260, stage.clientWidth), height, zero, reading, title))).observe(stage);
  return figure;
}

function key(series) {
  return make("ul", { class: "chart-key" }, series.map((one) => {
    const swatch = draw("svg", { width: 22, height: 8, "aria-hidden": "true" }, draw("line", { x1: 0, x2: 22, y1: 4, y2: 4, stroke: css(one.colour), "stroke-width": one.faint ? 1.5 : 2.5, "stroke-dasharray": one.dash ?? null, opacity: one.faint ? 0.55 : 1 }));
    return make("li", {}, swatch, ` ${one.name}`);
  }));
}

function lines(series, label, width, height, zero, reading, title) {
  const all = series.flatMap((one) => one.points);
  const [x0, x1] = span(all.map(([x]) => x));
  const [low, high] = span(all.map(([, y]) => y));
  const ticks = nice(zero ? Math.min(0, low) : low, high, Math.max(3, Math.round(height / 52)));
  const [y0, y1] = [ticks[0], ticks.at(-1)];
  const across = (value) => EDGE.left + ((value - x0) / (x1 - x0 || 1)) * (width - EDGE.left - EDGE.right);
  const down = (value) => height - EDGE.bottom - ((value - y0) / (y1 - y0 || 1)) * (height - EDGE.top - EDGE.bottom);
  const steps = nice(x0, x1, Math.max(2, Math.round(width / 110))).filter((tick) => tick >= x0 && tick <= x1);
  const svg = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}: ${series.map((one) => `${one.name} ends at ${number(one.points.at(-1)[1])}`).join("; ")}` });
  svg.append(
    ...ticks.map((tick) => draw("g", { class: "grid" }, draw("line", { x1: EDGE.left, x2: width - EDGE.right, y1: down(tick), y2: down(tick) }), text(EDGE.left - 8, down(tick) + 4, short(tick, y1 - y0), "end"))),
    ...steps.map((tick) => text(across(tick), height - EDGE.bottom + 18, number(tick), "middle")),
    text(width - EDGE.right, height - 2, label, "end"),
    ...series.map((one) => draw("polyline", { class: "line", points: one.points.map(([x, y]) => `${across(x).toFixed(1)},${down(y).toFixed(1)}`).join(" "), stroke: css(one.colour), "stroke-width": one.faint ? 1.2 : 2, "stroke-dasharray": one.dash ?? null, opacity: one.faint ? 0.55 : 1 })),
  );
  const hair = draw("line", { class: "hair", y1: EDGE.top, y2: height - EDGE.bottom, visibility: "hidden" });
  svg.append(hair);
  svg.addEventListener("pointermove", (event) => {
    const step = x0 + ((event.offsetX - EDGE.left) / (width - EDGE.left - EDGE.right)) * (x1 - x0);
    if (step < x0 || step > x1) return;
    for (const edge of ["x1", "x2"]) hair.setAttribute(edge, across(step));
    hair.setAttribute("visibility", "visible");
    reading.textContent = `${label} ${Math.round(step).toLocaleString("en")}: ${series.map((one) => `${one.name} ${number(at(one.points, step))}`).join(", ")}`;
  });
  svg.addEventListener("pointerleave", () => { hair.setAttribute("visibility", "hidden"); reading.textContent = ""; });
  return svg;
}

// rows: {name, score, low, high, chance, strong}. Dots with their intervals on one scale, as a cell each.
export function intervalScale(rows) {
  const values = rows.flatMap((row) => [row.score, row.low, row.high, row.chance]).filter((value) => value !== null && value !== undefined);
  const ticks = nice(...span(values), 4);
  const [low, high] = [ticks[0], ticks.at(-1)];
  const [width, height] = [220, 22];
  const across = (value) => 6 + ((value - low) / (high - low || 1)) * (width - 12);
  const cell = (row, colour) => draw(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}`, class: "interval", "aria-hidden": "true" },
    ...ticks.map((tick) => draw("line", { class: "tick", x1: across(tick), x2: across(tick), y1: 0, y2: height })),
    row.chance === null || row.chance === undefined ? [] : draw("line", { class: "chance", x1: across(row.chance), x2: across(row.chance), y1: 4, y2: height - 4 }),
    row.low === null || row.low === undefined ? [] : draw("line", { x1: across(row.low), x2: across(row.high), y1: height / 2, y2: height / 2, stroke: css(colour), "stroke-width": 3, "stroke-linecap": "round", opacity: 0.45 }),
    draw("circle", { cx: across(row.score), cy: height / 2, r: 4.5, fill: css(colour) }),
  );
  return { cell, said: `${number(low, 2)} to ${number(high, 2)}` };
}

export function behind(name, head, rows) {
  const table = () => make("table", {}, make("caption", { class: "hidden" }, name), make("thead", {}, make("tr", {}, head.map((cell) => make("th", { scope: "col" }, cell)))), make("tbody", {}, rows.map((row) => make("tr", {}, row.map((cell, i) => make(i ? "td" : "th", i ? {} : { scope: "row" }, typeof cell === "number" || cell === null ? number(cell, 4) : cell))))));
  const details = make("details", { class: "behind" }, make("summary", {}, "Table"));
  details.addEventListener("toggle", () => { if (details.open && details.children.length === 1) details.append(make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name }, table())); });
  return details;
}

// Rows of steps at which any series has a point, thinned to what somebody would read.
function tableOf(series) {
  const steps = [...new Set(series.flatMap((one) => one.points.map(([x]) => x)))].sort((a, b) => a - b);
  const every = Math.ceil(steps.length / 100);
  const known = series.map((one) => new Map(one.points.map(([x, y]) => [x, y])));
  return steps.filter((_, i) => i % every === 0 || i === steps.length - 1).map((step) => [number(step), ...known.map((one) => one.get(step) ?? null)]);
}

function text(x, y, content, anchor) {
  const element = draw("text", { x, y, "text-anchor": anchor });
  element.textContent = content;
  return element;
}

const short = (tick, range) => (tick !== 0 && Math.abs(tick) < 1e-3 ? tick.toExponential(0) : range >= 10 ? number(tick) : tick.toFixed(range >= 2 ? 1 : range >= 0.2 ? 2 : 4));

function span(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) { if (value < low) low = value; if (value > high) high = value; }
  return low > high ? [0, 1] : low === high ? [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2] : [low, high];
}

// Round numbers that hold low and high between them, about `count` of them.
export function nice(low, high, count) {
  const raw = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw || 1));
  const step = [1, 2, 2.5, 5, 10].map((times) => times * power).find((size) => size >= raw * 0.999) ?? raw;
  const ticks = [];
  for (let i = Math.floor(low / step + 1e-9); i * step < high + step * 0.999 && ticks.length < 50; i += 1) ticks.push(Number((i * step).toPrecision(12)));
  if (ticks.at(-1) < high) ticks.push(Number((ticks.at(-1) + step).toPrecision(12)));
  return ticks.length > 1 && ticks.at(-2) >= high ? ticks.slice(0, -1) : ticks;
}

function at(points, step) {
  let [low, high] = [0, points.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < step) low = middle + 1;
    else high = middle;
  }
  const before = points[Math.max(0, low - 1)];
  return Math.abs(before[0] - step) < Math.abs(points[low][0] - step) ? before[1] : points[low][1];
}
