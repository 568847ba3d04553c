// How alike the shots of a title are, before context and after, side by side: one zoom, one pointer, one playing position.

import { later, make } from "../dom.js";
import { whenColoursChange } from "./colours.js";
import { makePanel } from "./panel.js";
import { makeReadout, makeTable, summaryOf } from "./compared.js";
import { handle } from "./touch.js";

const LEAST = 4; // shots across at the closest zoom
const STEP = 1.5; // of a zoom by key or button

export function makeMatrix(title, playhead, chapters, sets) {
  const { shots } = playhead;
  const n = shots.length;
  const view = { x: 0, y: 0, span: n };
  const state = { pointer: null, view, chapters };
  let cut = false; // whether chapters are there
  const panels = [["Before context", sets.before], ["After context", sets.after]].map(([heading, name], i) =>
    makePanel({ title, playhead, state, heading, name, i, sets, changed: () => { describe(); draw(); } }));
  const read = makeReadout(title, playhead);
  const said = make("p", { class: "hidden", role: "status" });
  const summary = make("p", { class: "summary" });
  const table = makeTable(playhead, chapters, panels);
  const button = (label, text, act) => make("button", { type: "button", class: "pill", "aria-label": label, title: label, onclick: act }, text);
  const whole = button("Show the whole title", "Whole title", () => zoom(0));
  const element = make("section", { class: "likeness", "aria-labelledby": "alike" },
    make("div", { class: "heading" }, make("h2", { id: "alike" }, "Which shots are alike"),
      make("div", { class: "controls" }, whole, button("Zoom out", "−", () => zoom(1 / STEP)), button("Zoom in", "+", () => zoom(STEP)))),
    make("p", { class: "faint", id: "how-matrix" }, "Every shot against every other, unlike to alike in the colours of the scale; squares are chapters. Point to see both shots, click to go there; wheel, pinch or + and − zoom, arrow keys move, Enter goes there."),
    make("div", { class: "panels" }, panels.map((panel) => panel.element), read.element),
    summary, table.element, said);

  function clamp() {
    view.span = Math.min(Math.max(view.span, Math.min(LEAST, n)), n);
    for (const axis of ["x", "y"]) view[axis] = Math.min(Math.max(view[axis], 0), n - view.span);
  }

  // Zoom by a factor, keeping a place (shots across and down) where it is; 0: the whole title.
  function zoom(factor, column = view.x + view.span / 2, row = view.y + view.span / 2) {
    const before = view.span;
    view.span = factor ? before / factor : n;
    clamp();
    view.x = column - (column - view.x) * (view.span / before);
    view.y = row - (row - view.y) * (view.span / before);
    moved();
  }

  function pan(columns, rows) {
    view.x += columns;
    view.y += rows;
    moved();
  }

  function moved() {
    clamp();
    whole.disabled = view.span >= n;
    for (const panel of panels) panel.moved();
    draw();
  }

  let asked = 0;
  function draw() {
    asked ||= requestAnimationFrame(() => { asked = 0; for (const panel of panels) panel.draw(); });
  }

  // The pointer: shots across and down, by mouse or by keys.
  function point(at, byKeys = false) {
    state.pointer = at && { column: Math.min(Math.max(at.column, 0), n - 1), row: Math.min(Math.max(at.row, 0), n - 1) };
    if (state.pointer && byKeys) follow();
    read.show(state.pointer, panels);
    if (byKeys) announce();
    draw();
  }

  function follow() {
    const { column, row } = state.pointer;
    for (const [axis, place] of [["x", column], ["y", row]]) {
      if (place < view[axis]) view[axis] = place;
      if (place + 1 > view[axis] + view.span) view[axis] = place + 1 - view.span;
    }
    moved();
  }

  const announce = later(() => { said.textContent = read.words(state.pointer, panels); }, 250);

  function describe() {
    summary.textContent = cut ? summaryOf(panels, chapters) : "";
    table.show();
    read.show(state.pointer, panels);
  }

  const acts = { view, n, zoom, pan, point, go: (shot) => playhead.choose(shot), pointer: () => state.pointer, now: () => playhead.shot };
  for (const panel of panels) handle(panel.canvas, acts);
  playhead.on("time", draw);
  const colours = whenColoursChange(() => { for (const panel of panels) panel.paint(); draw(); });
  const seen = new ResizeObserver(draw);
  for (const panel of panels) seen.observe(panel.canvas);
  whole.disabled = true;
  function chaptersCame() {
    table.element.hidden = chapters.length < 2;
    cut = true;
    describe();
    draw();
  }
  return { element, chaptersCame, load: () => Promise.all(panels.map((panel) => panel.load())), stop: () => { colours(); seen.disconnect(); cancelAnimationFrame(asked); } };
}
