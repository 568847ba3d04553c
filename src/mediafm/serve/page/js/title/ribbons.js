// A ribbon for every tag, the ones that vary most first; in words and as a table for those who do not see them.

import { clock, make } from "../dom.js";
import { drawHeat, rangeOf } from "./lanes.js";
import { asText } from "./panel.js";

const SHOWN = 12; // ribbons before "all" is asked for

export function makeRibbons(title, playhead, told, lane, forget) {
  const self = { whenShown: () => {} };
  const element = make("div", { class: "lanes", id: "ribbons" });
  const wanted = make("input", { type: "search", placeholder: "Filter tags", "aria-label": "Filter tags", "aria-controls": "ribbons", oninput: () => show() });
  const count = make("span", { class: "faint", role: "status" });
  const all = make("button", { type: "button", class: "pill", hidden: true, onclick: () => { everything = !everything; show(); } });
  const body = make("div", {});
  const table = make("details", { class: "as-table", ontoggle: () => { if (table.open) body.replaceChildren(tagTable(told.tags, playhead)); } }, make("summary", {}, "Tags as a table"), make("div", { class: "table-box", tabindex: "0", role: "group", "aria-label": "Tags" }, body));
  let everything = false;
  let drawn = [];

  function show() {
    for (const { row } of drawn) { row.remove(); forget(row); }
    const words = wanted.value.trim().toLowerCase().split(/\s+/);
    const fitting = told.tags.filter((tag) => words.every((word) => `${tag.label} ${tag.task}`.toLowerCase().includes(word)));
    const over = fitting.filter((tag) => tag.unit !== "title");
    drawn = over.slice(0, everything ? over.length : SHOWN).map((tag) => ribbon(tag));
    element.replaceChildren(...drawn.map(({ row }) => row), wholes(fitting.filter((tag) => tag.unit === "title")));
    all.hidden = over.length <= SHOWN;
    all.textContent = everything ? `Show the ${SHOWN} that vary most` : `Show all ${over.length}`;
    count.textContent = told.tags.length ? `${fitting.length} of ${told.tags.length} tags` : "";
    self.whenShown();
  }

  function ribbon(tag) {
    const canvas = make("canvas", { role: "img", "aria-label": tagAsWords(tag, playhead.shots) });
    const name = tag.label.replaceAll("_", " ");
    const value = (shot) => (tag.scores[shot] === null ? "" : tag.given ? tag.scores[shot].toFixed(2).replace(/^0/, "") : tag.scores[shot].toFixed(2));
    return { row: lane(name, canvas, value, tag.task.replaceAll("_", " ") === name ? "" : tag.task.replaceAll("_", " ")), canvas, tag };
  }

  const draw = () => { for (const { canvas, tag } of drawn) drawHeat(canvas, playhead.shots, tag, playhead.duration); };
  const controls = told.tags.length > 1 ? make("div", { class: "controls" }, count, wanted) : "";
  return Object.assign(self, { element, controls, notes: make("div", {}, all, notes(told)), table: told.tags.length ? table : "", draw, ready: show });
}

function wholes(tags) {
  if (!tags.length) return "";
  return make("p", { class: "wholes" }, "The whole title: ", tags.map((tag) => make("span", { class: tag.given?.[0] ? "whole-tag given" : "whole-tag" }, `${tag.label.replaceAll("_", " ")} ${tag.scores[0]?.toFixed(2) ?? "?"}`)));
}

const mean = (numbers) => numbers.reduce((sum, n) => sum + n, 0) / Math.max(numbers.length, 1);

function highest(tag) {
  return tag.scores.reduce((best, score, i) => (score !== null && (best < 0 || score > tag.scores[best]) ? i : best), -1);
}

function tagAsWords(tag, shots) {
  const best = highest(tag);
  const there = tag.scores.filter((score) => score !== null);
  if (best < 0) return `${tag.label}: nothing can be said`;
  const given = tag.given ? `, given to ${tag.given.filter(Boolean).length} of ${shots.length} shots` : "";
  return `${tag.label} (${tag.task}): mean ${mean(there).toFixed(2)}, highest ${tag.scores[best].toFixed(2)} in shot ${best} at ${clock(shots[best].start_s)}${given}`;
}

function tagTable(tags, playhead) {
  const rows = tags.filter((tag) => tag.unit !== "title").map((tag) => {
    const best = highest(tag);
    const [low, high] = rangeOf(tag);
    return make("tr", {},
      make("th", { scope: "row" }, tag.label), make("td", {}, tag.task), make("td", {}, tag.features),
      make("td", {}, mean(tag.scores.filter((s) => s !== null)).toFixed(3)),
      make("td", {}, best < 0 ? "" : make("button", { type: "button", class: "pill", onclick: () => playhead.choose(best) }, `${tag.scores[best].toFixed(3)} at ${clock(playhead.shots[best].start_s)}`)),
      make("td", {}, tag.given ? `${tag.given.filter(Boolean).length} of ${tag.given.length}` : `values ${low.toFixed(2)} to ${high.toFixed(2)}`));
  });
  return make("table", {}, make("thead", {}, make("tr", {}, ["Tag", "Task", "Features", "Mean", "Highest", "Shots given it"].map((name) => make("th", { scope: "col" }, name)))), make("tbody", {}, rows));
}

// Why there is nothing, or what is missing.
function notes(told) {
  if (told.trouble) return make("p", { class: "bad" }, told.trouble);
  if (!told.probes.length) return make("p", { class: "missing" }, `No tags: ${told.why_not.charAt(0).toLowerCase()}${told.why_not.slice(1)} `, asText(told.remedy));
  const tasks = new Set(told.tags.map((tag) => tag.task));
  const lacking = told.probes.filter((probe) => !tasks.has(probe.task));
  const reasons = new Map(lacking.map((probe) => [probe.task, probe]).reverse());
  return reasons.size ? make("ul", { class: "missing" }, [...reasons].map(([task, probe]) => make("li", {}, make("strong", {}, task), asText(`: ${probe.why_not} ${probe.remedy}`)))) : "";
}
