// Over time: chapters, lengths of shots, and a ribbon for every tag. What is pointed at is read at the right.

import * as api from "../api.js";
import { clock, later, make } from "../dom.js";
import { whenColoursChange } from "./colours.js";
import { drawLengths } from "./lanes.js";
import { makeRibbons } from "./ribbons.js";

const LABELLED = 0.025; // of the title is the least part that has room for its number
const TICKS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

export function makeTimeline(title, playhead, chapters, told) {
  const { shots, duration } = playhead;
  const rows = make("div", { class: "lanes" });
  const lanes = [];
  const place = (seconds) => `${(seconds / duration) * 100}%`;

  function lane(name, drawn, value, about = "") {
    const box = make("div", { class: "lane" }, drawn);
    const read = make("span", { class: "value", "aria-hidden": "true" });
    const row = make("div", { class: "track" }, make("span", { class: "label", title: name }, name, about ? make("small", {}, about) : ""), box, read);
    lanes.push({ row, read, value, name });
    for (const kind of ["pointermove", "pointerdown"]) box.addEventListener(kind, (event) => playhead.peek(at(event, box)));
    box.addEventListener("pointerleave", () => playhead.peek(null));
    box.addEventListener("click", (event) => playhead.choose(playhead.shotAt(at(event, box))));
    return row;
  }

  const at = (event, box) => ((event.clientX - box.getBoundingClientRect().left) / box.clientWidth) * duration;
  const lengths = make("canvas", { role: "img", "aria-label": lengthsAsWords(shots, duration) });
  const ruler = make("div", { class: "ruler", "aria-hidden": "true" }, ticks(duration).map((s) => placed(make("span", {}, clock(s)), place(s))));
  rows.append(
    make("div", { class: "track" }, make("span", { class: "label" }), ruler, make("span", { class: "value" })),
    lane("Shot length", lengths, (shot) => `${(shots[shot].end_s - shots[shot].start_s).toFixed(1)} s`),
  );
  const peek = makePeek(title, playhead, rows);
  const ribbons = makeRibbons(title, playhead, told, lane, (row) => lanes.splice(lanes.findIndex((l) => l.row === row), 1));
  const element = make("section", { class: "timeline", "aria-labelledby": "over-time" },
    make("div", { class: "heading" }, make("h2", { id: "over-time" }, "Over time"), ribbons.controls), rows, ribbons.element, peek.element, ribbons.notes, ribbons.table);

  function read() {
    const seconds = playhead.peeked ?? playhead.seconds;
    const shot = playhead.shotAt(seconds);
    element.style.setProperty("--now", place(playhead.seconds));
    element.style.setProperty("--peek", playhead.peeked === null ? "-1000%" : place(seconds));
    for (const one of lanes) one.read.textContent = one.value(shot);
  }
  const draw = () => { drawLengths(lengths, shots, duration); ribbons.draw(); };
  playhead.on("time peek", read);
  ribbons.whenShown = () => { read(); draw(); };
  const seen = new ResizeObserver(later(draw, 60));
  seen.observe(rows);
  const colours = whenColoursChange(draw);
  function chaptersCame() {
    if (chapters.length < 2) return;
    rows.firstElementChild.after(lane("Chapters", chapterBand(chapters, playhead, place), (shot) => `${chapterOf(chapters, shot) + 1}`));
    read();
  }
  return { element, chaptersCame, ready: () => { ribbons.ready(); read(); draw(); }, stop: () => { seen.disconnect(); colours(); } };
}

const placed = (element, left) => { element.style.left = left; return element; };

export function chapterOf(chapters, shot) {
  const found = chapters.findIndex((c) => shot < c.end_shot);
  return found < 0 ? chapters.length - 1 : found;
}

function chapterBand(chapters, playhead, place) {
  const { duration } = playhead;
  return make("div", { class: "chapters" }, chapters.map((chapter, i) => {
    const wide = (chapter.end_s - chapter.start_s) / duration > LABELLED;
    const name = chapter.words.length ? `${i + 1} ${chapter.words.join(", ")}` : String(i + 1);
    const part = placed(make("span", { class: i % 2 ? "chapter-part odd" : "chapter-part", title: chapter.name }, wide ? name : ""), place(chapter.start_s));
    part.style.width = `${((chapter.end_s - chapter.start_s) / duration) * 100}%`;
    return part;
  }));
}

function ticks(duration) {
  const step = TICKS.find((s) => duration / s <= 8) ?? Math.ceil(duration / 8 / 3600) * 3600;
  return Array.from({ length: Math.floor(duration / step) + 1 }, (_, i) => i * step).filter((s) => s < duration * 0.97);
}

function lengthsAsWords(shots, duration) {
  const seconds = shots.map((s) => s.end_s - s.start_s).sort((a, b) => a - b);
  if (!seconds.length) return "No shots";
  const at = (share) => seconds[Math.min(seconds.length - 1, Math.floor(share * seconds.length))].toFixed(1);
  return `Length of ${shots.length} shots over ${clock(duration)}: half are shorter than ${at(0.5)} seconds, the longest has ${at(1)}`;
}

// The picture of the moment that is pointed at.
function makePeek(title, playhead, rows) {
  const image = make("img", { alt: "" });
  const when = make("span", {});
  const element = make("div", { class: "peek", hidden: true, "aria-hidden": "true" }, title.pictures ? image : "", when);
  const load = later((shot) => { image.src = api.pictureAddress(title.title, shot, title.revision); }, 60);
  let shown = -1;
  playhead.on("peek", () => {
    element.hidden = playhead.peeked === null;
    if (element.hidden) return;
    const shot = playhead.shotAt(playhead.peeked);
    const lane = rows.querySelector(".lane");
    const left = lane.offsetLeft + (playhead.peeked / playhead.duration) * lane.offsetWidth;
    element.style.left = `${Math.min(Math.max(left, 80), rows.offsetWidth - 80)}px`;
    when.textContent = `${clock(playhead.peeked)}, shot ${shot}`;
    if (shot !== shown && playhead.shots[shot].has_video) load(shot);
    shown = shot;
  });
  return { element };
}
