// What the matrices say, in pictures, words and a table.

import * as api from "../api.js";
import { clock, later, make } from "../dom.js";
import { two } from "./panel.js";
import { chapterOf } from "./timeline.js";

const number = (value) => (value === null ? "unknown" : two(value));

// Both shots that are pointed at, and how alike they are.
export function makeReadout(title, playhead) {
  const sides = [0, 1].map(() => ({ image: make("img", { alt: "" }), text: make("span", {}) }));
  const middle = make("p", { class: "compared" });
  const figure = ({ image, text }) => make("figure", {}, title.pictures ? image : "", make("figcaption", {}, text));
  const element = make("div", { class: "readout", "aria-hidden": "true" }, figure(sides[0]), middle, figure(sides[1]));
  const loads = sides.map(({ image }) => later((shot) => { image.src = api.pictureAddress(title.title, shot, title.revision); }, 50));

  function show(pointer, panels) {
    element.classList.toggle("idle", !pointer);
    if (!pointer) {
      middle.textContent = "Point at a cell to see its two shots.";
      return;
    }
    [pointer.row, pointer.column].forEach((shot, i) => {
      sides[i].text.textContent = `Shot ${shot}, ${clock(playhead.shots[shot].start_s)}`;
      if (playhead.shots[shot].has_video) loads[i](shot);
    });
    middle.replaceChildren(...panels.filter((panel) => panel.name).map((panel) => make("span", {}, `${panel.short} `, make("strong", {}, number(panel.value(pointer))))));
  }

  const words = (pointer, panels) => (pointer
    ? `Shot ${pointer.row} at ${clock(playhead.shots[pointer.row].start_s)} and shot ${pointer.column} at ${clock(playhead.shots[pointer.column].start_s)}: ${panels.filter((p) => p.name).map((p) => `${p.short} ${number(p.value(pointer))}`).join(", ")}`
    : "");
  return { element, show, words };
}

// Mean likeness of shots of one chapter, and of different ones, by the cells of the whole title.
function within(layer, chapters) {
  const owner = Array.from({ length: layer.columns }, (_, i) => chapterOf(chapters, Math.floor(((i + 0.5) * (layer.end - layer.start)) / layer.columns)));
  const [same, other] = [chapters.map(() => [0, 0]), [0, 0]];
  for (let y = 0; y < layer.rows; y += 1) {
    for (let x = 0; x < layer.columns; x += 1) {
      const byte = layer.cells[y * layer.columns + x];
      if (!byte || x === y) continue;
      const held = owner[x] === owner[y] ? same[owner[x]] : other;
      held[0] += layer.cosine(byte);
      held[1] += 1;
    }
  }
  const mean = ([sum, count]) => (count ? sum / count : null);
  const all = same.reduce(([sum, count], [s, c]) => [sum + s, count + c], [0, 0]);
  return { chapters: same.map(mean), same: mean(all), other: mean(other) };
}

export function summaryOf(panels, chapters) {
  const known = panels.filter((panel) => panel.layer);
  if (!known.length) return "";
  if (chapters.length < 2) return "No part of this title stands out from the rest, so it has no chapters.";
  const told = known.map((panel) => ({ panel, ...within(panel.layer, chapters) })).filter((found) => found.same !== null && found.other !== null);
  return told.map(({ panel, same, other }, i) =>
    `${i ? "" : "Likeness of two shots, on average: "}${panel.short} ${two(same)} within a chapter and ${two(other)} across`).join("; ") + (told.length ? "." : "");
}

export function makeTable(playhead, chapters, panels) {
  const body = make("div", { class: "table-box", tabindex: "0", role: "group", "aria-label": "Chapters" });
  const element = make("details", { class: "as-table", hidden: true, ontoggle: () => show() }, make("summary", {}, "Chapters as a table"), body);
  function show() {
    if (!element.open) return;
    const known = panels.filter((panel) => panel.layer);
    const found = known.map((panel) => within(panel.layer, chapters).chapters);
    const head = ["Chapter", "From", "To", "Shots", "Words", ...known.map((panel) => `Alike ${panel.short}`)];
    body.replaceChildren(make("table", {},
      make("thead", {}, make("tr", {}, head.map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, chapters.map((c, i) => make("tr", {},
        make("th", { scope: "row" }, make("button", { type: "button", class: "pill", onclick: () => playhead.choose(c.first_shot) }, `Chapter ${i + 1}`)),
        make("td", {}, clock(c.start_s)), make("td", {}, clock(c.end_s)), make("td", {}, c.end_shot - c.first_shot), make("td", {}, c.words.join(", ")),
        found.map((values) => make("td", {}, values[i] === null ? "" : two(values[i]))))))));
  }
  return { element, show };
}
