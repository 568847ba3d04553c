// What a search has come to: results, two lists beside each other, or what to do when there is nothing.

import { FILTERS } from "./asking.js";
import { make } from "./dom.js";
import { appendHits, hitList } from "./hits.js";

const UNITS = { shot: "shots", clip: "clips", title: "titles" };
const OWN = "concat"; // the feature set that knows no context

export const toldOf = (answer, asked) => `${answer.hits.length} ${UNITS[asked.unit] ?? "hits"} in ${answer.seconds.toFixed(2)} s`;

// more: the same question with a larger k; what stands there already stays, and so does what has the focus.
export function drawAnswer(found, answer, asked, more) {
  const names = Object.keys(answer.lists);
  const beside = asked.by === "both" && asked.like.length && names.length > 1;
  const list = more && !beside ? found.querySelector(".hits") : null;
  if (list) appendHits(list, answer.hits.slice(list.children.length));
  else if (!answer.hits.length) found.replaceChildren(nothing(asked));
  else if (beside) found.replaceChildren(make("div", { class: "beside" }, names.map((name) => side(name, answer.lists[name]))));
  else found.replaceChildren(hitList(answer.hits));
  if (!list) found.prepend(...answer.notes.map((note) => make("p", { class: "note" }, note)));
}

function side(name, hits) {
  const [head, what, label] = name === OWN ? ["By itself", "its own picture, sound and words", "Results by itself"] : ["In its context", `embedding set ${name}`, "Results in context"];
  return make("section", {}, make("h2", {}, head, make("small", {}, what)), hitList(hits, label));
}

function nothing(asked) {
  const filtered = FILTERS.some((name) => asked[name]);
  const help = filtered ? "Take a filter away, or say it in other words." : "Say it in other words, or search by a shot or a picture.";
  return make("div", { class: "empty" }, make("p", {}, "Nothing was found."), make("p", { class: "faint" }, help));
}

export const lostNote = (lost) => make("p", { class: "note" }, `The ${lost.join(" and ")} of this search was not kept: choose it again.`);

export function welcome(lost) {
  return make("div", { class: "empty" }, lost.length ? lostNote(lost) : "", make("p", {}, "Look for what is said or meant, or drop a picture or a sound here."), make("p", { class: "faint" }, "Each result leads on: “more like this shot” finds its kin."));
}

export const trouble = (message, remedy = "") => make("div", { class: "empty", role: "alert" }, make("p", { class: "bad" }, message), remedy ? make("p", { class: "faint" }, remedy) : "");

export const waiting = () => make("ul", { class: "hits waiting", "aria-hidden": "true" }, Array.from({ length: 8 }, () => make("li", { class: "ghost" })));
