// What a shot is like elsewhere: by itself, and as it is seen in its context.

import * as api from "../api.js";
import { clock, later, make } from "../dom.js";
import { hitList } from "../hits.js";

const ASKED = 60; // nearest shots looked at; those of the same title are left out
const SHOWN = 6;
const REST_MS = 300;

export function makeAlike(title, playhead, sets) {
  const image = make("img", { alt: "" });
  const about = make("p", {});
  const here = make("input", { type: "checkbox", onchange: () => look() });
  const columns = make("div", { class: "pair", "aria-live": "polite" });
  const ask = make("button", { type: "button", class: "main", onclick: () => look() }, "Find shots like it");
  const element = make("section", { class: "alike", "aria-labelledby": "like" },
    make("h2", { id: "like" }, "What is this shot like?"),
    make("div", { class: "asked" }, title.pictures ? image : "", make("div", {}, about, make("div", { class: "controls" }, ask, make("label", {}, here, " also in this title")))),
    columns);
  const ways = [["By itself", sets.before, "its own picture, sound and words"], ["In its context", sets.after, "the shot as the model sees it among its neighbours"]];
  let turn = 0;
  let looked = -1;

  function name() {
    const shot = playhead.shots[playhead.shot];
    if (!shot) return;
    about.textContent = `Shot ${shot.shot}, ${clock(shot.start_s)} to ${clock(shot.end_s)}${shot.text ? `: “${shot.text.slice(0, 160)}”` : ""}`;
    if (shot.has_video) image.src = api.pictureAddress(title.title, shot.shot, title.revision);
    ask.hidden = looked === playhead.shot;
    columns.classList.toggle("past", looked >= 0 && looked !== playhead.shot);
  }

  async function look() {
    const mine = (turn += 1);
    const shot = playhead.shot;
    looked = shot;
    name();
    columns.setAttribute("aria-busy", "true");
    const found = await Promise.all(ways.map(([, features]) => (features
      ? api.similar({ like: `${title.title}#${shot}`, k: ASKED, features }).catch((trouble) => trouble)
      : null)));
    if (mine !== turn) return;
    columns.removeAttribute("aria-busy");
    columns.replaceChildren(...ways.map((way, i) => column(way, found[i])));
  }

  function column([heading, features, how], answer) {
    const head = [make("h3", {}, heading, features ? make("small", {}, features) : ""), make("p", { class: "faint" }, how)];
    if (answer === null) return make("div", {}, head, make("p", { class: "missing" }, "There is no embedding set with context of this title."));
    if (answer instanceof Error) return make("div", {}, head, make("p", { class: "bad" }, answer.message));
    const others = answer.hits.filter((hit) => hit.title !== title.title);
    const shown = here.checked ? answer.hits : others;
    if (shown.length || !answer.hits.length) return make("div", {}, head, hitList(shown.slice(0, SHOWN)));
    return make("div", {}, head, make("p", { class: "faint" }, `The ${answer.hits.length} nearest shots are all of this title:`), hitList(answer.hits.slice(0, SHOWN)));
  }

  const rested = later(look, REST_MS);
  playhead.on("shot", name);
  playhead.on("choose", () => { if (looked >= 0 && looked !== playhead.shot) rested(); });
  name();
  return { element };
}
