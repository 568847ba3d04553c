// One of the two matrices: what it compares by, its picture at the zoom of both, and how to have it where it is missing.

import { later, make } from "../dom.js";
import * as ask from "./ask.js";
import { colour } from "./colours.js";
import { Layer } from "./layer.js";
import { sized } from "./lanes.js";

const FULL = 512; // cells on a side of the whole title
const DETAIL = 448;
const REST_MS = 160;

export function makePanel({ title, playhead, state, heading, name, i, sets, changed }) {
  const canvas = make("canvas", { tabindex: "0", role: "application", "aria-roledescription": "matrix", "aria-label": `${heading}: likeness of ${playhead.shots.length} shots`, "aria-describedby": "how-matrix" });
  const legend = make("p", { class: "key" });
  const trouble = make("p", { class: "missing", hidden: true });
  const chosen = choice(heading, sets, name, i, (picked) => { self.name = picked; self.load(); });
  const self = { canvas, name, short: i ? "after" : "before", layer: null };
  let [detail, turn, leaving] = [null, 0, null];
  self.element = make("div", { class: "panel" }, make("div", { class: "panel-heading" }, make("h3", {}, heading), chosen), canvas, legend, trouble);

  self.load = async () => {
    const mine = (turn += 1);
    leaving?.abort();
    [self.layer, detail] = [null, null];
    const lacking = sets.sets.find((one) => one.name === self.name && !one.covers);
    if (!self.name || lacking) return refuse(lacking ? `${lacking.why_not} ${lacking.remedy}` : missing(sets));
    try {
      const found = await ask.matrix(title.title, { features: self.name, size: FULL });
      if (mine !== turn) return undefined;
      self.layer = new Layer(found);
    } catch (error) {
      return mine === turn ? refuse(error.message) : undefined;
    }
    [canvas.hidden, legend.hidden, trouble.hidden] = [false, false, true];
    self.paint();
    self.moved();
    return changed();
  };

  function refuse(why) {
    trouble.replaceChildren(...asText(why));
    [canvas.hidden, legend.hidden, trouble.hidden] = [true, true, false];
    changed();
  }

  // Colours run over what is seen: in a part there is less between unlike and alike than in the whole.
  self.paint = () => {
    const seen = detail ?? self.layer;
    if (!seen) return;
    const bounds = seen.bounds().map(seen.cosine);
    for (const layer of [self.layer, detail]) layer?.paint(...bounds);
    legend.replaceChildren(make("span", {}, two(bounds[0])), make("span", { class: "scale", role: "img", "aria-label": "from unlike to alike" }), make("span", {}, two(bounds[1])));
  };
  self.value = ({ column, row }) => detail?.value(column, row) ?? self.layer?.value(column, row) ?? null;

  // Where a zoom goes closer than the whole title's cells, the part that is seen is asked for.
  const closer = later(async () => {
    const { x, y, span } = state.view;
    const n = playhead.shots.length;
    if (!self.layer || self.layer.fine || span > n / 2 || !canvas.isConnected) return;
    leaving?.abort();
    leaving = new AbortController();
    const [mine, part] = [turn, { start: Math.floor(x), end: Math.min(n, Math.ceil(x + span)), row_start: Math.floor(y), row_end: Math.min(n, Math.ceil(y + span)) }];
    try {
      const found = await ask.matrix(title.title, { features: self.name, size: DETAIL, ...part }, leaving.signal);
      if (mine !== turn) return;
      detail = new Layer(found);
      self.paint();
      changed();
    } catch (error) {
      if (error.name !== "AbortError") console.info(error.message); // the coarser picture stays
    }
  }, REST_MS);
  self.moved = () => {
    if (detail && state.view.span > playhead.shots.length / 2) { detail = null; self.paint(); }
    closer();
  };

  self.draw = () => {
    if (!self.layer || canvas.hidden) return;
    const { paint, width: side } = sized(canvas);
    self.layer.draw(paint, state.view, side);
    detail?.draw(paint, state.view, side);
    drawOver(paint, side, state, playhead);
  };
  return self;
}

// Two places, and no minus before a nought.
export const two = (value) => (Math.abs(value) < 0.005 ? "0.00" : value.toFixed(2));

function choice(heading, sets, name, i, pick) {
  const groups = [["With context", (s) => s.kind === "set" && s.context !== "none"], ["Without context", (s) => s.kind === "set" && s.context === "none"], ["The shot alone", (s) => s.kind !== "set"]];
  const options = groups.map(([label, of]) => [label, sets.sets.filter(of)]).filter(([, held]) => held.length)
    .map(([label, held]) => make("optgroup", { label }, held.map((s) => make("option", { value: s.name, selected: s.name === name }, s.name))));
  const select = make("select", { "aria-label": `${heading}: compare by`, onchange: () => pick(select.value) }, name ? "" : make("option", { value: "", selected: true }, "choose"), options);
  return select;
}

function missing(sets) {
  const known = sets.sets.filter((one) => one.kind === "set" && one.context !== "none");
  if (known.length) return `${known[0].why_not} ${known[0].remedy}`;
  return "The catalogue has no embedding set with context yet. `mediafm pretrain --catalog CATALOG --out RUN` trains a model, `mediafm embed --catalog CATALOG --model RUN` makes the set.";
}

// What stands between backticks is a command.
export function asText(text) {
  return text.split("`").map((part, i) => (i % 2 ? make("code", {}, part) : part)).filter((part) => part !== "");
}

// Chapters along the diagonal, where the title is, and what is pointed at.
function drawOver(paint, side, { view, pointer, chapters }, playhead) {
  const scale = side / view.span;
  const across = (shot) => (shot - view.x) * scale;
  const down = (shot) => (shot - view.y) * scale;
  const thin = Math.max(1, Math.round(devicePixelRatio));
  paint.strokeStyle = paint.fillStyle = colour("--mark");
  paint.lineWidth = thin;
  paint.font = `600 ${11 * devicePixelRatio}px system-ui, sans-serif`;
  if (chapters.length > 1) {
    chapters.forEach((c, i) => {
      const size = (c.end_shot - c.first_shot) * scale;
      const box = () => paint.strokeRect(across(c.first_shot) + thin / 2, down(c.first_shot) + thin / 2, size - thin, size - thin);
      behind(paint, 3 * thin, box);
      box();
      if (size < 22 * devicePixelRatio) return;
      const [x, y] = [across(c.first_shot) + 5 * devicePixelRatio, down(c.first_shot) + 14 * devicePixelRatio];
      behind(paint, 4 * thin, () => paint.strokeText(i + 1, x, y));
      paint.fillText(i + 1, x, y);
    });
  }
  paint.strokeStyle = colour("--cross");
  const now = playhead.shot + part(playhead);
  line(paint, across(now), down(now), side);
  if (!pointer) return;
  paint.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  paint.strokeStyle = colour("--mark");
  line(paint, across(pointer.column + 0.5), down(pointer.row + 0.5), side);
  paint.setLineDash([]);
  paint.lineWidth = 2 * thin;
  const cell = Math.max(scale, 6 * devicePixelRatio);
  paint.strokeRect(across(pointer.column + 0.5) - cell / 2, down(pointer.row + 0.5) - cell / 2, cell, cell);
}

// The ground's colour behind a line or a number, so that it is seen on light cells and on dark ones.
function behind(paint, wide, draw) {
  paint.save();
  [paint.strokeStyle, paint.lineWidth, paint.globalAlpha, paint.lineJoin] = [colour("--ground"), wide, 0.75, "round"];
  draw();
  paint.restore();
}

function line(paint, x, y, side) {
  paint.beginPath();
  paint.moveTo(Math.round(x) + 0.5, 0);
  paint.lineTo(Math.round(x) + 0.5, side);
  paint.moveTo(0, Math.round(y) + 0.5);
  paint.lineTo(side, Math.round(y) + 0.5);
  paint.stroke();
}

// How much of the shot that is on has passed.
function part({ shots, shot, seconds }) {
  const on = shots[shot];
  return on ? Math.min(Math.max((seconds - on.start_s) / Math.max(on.end_s - on.start_s, 1e-6), 0), 1) : 0;
}
