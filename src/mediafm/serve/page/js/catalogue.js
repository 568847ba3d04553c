// The catalogue: posters, filters, what failed.

import * as api from "./api.js";
import { clock, dots, later, make } from "./dom.js";

const PAGE = 200;

export async function show(view, parameters) {
  const [about, failed] = await Promise.all([api.catalog(), api.failures()]);
  const asked = { words: parameters.get("words") ?? "", has: parameters.get("has") ?? "" };
  const list = make("ul", { class: "posters" });
  const count = make("p", { class: "faint", role: "status" });
  const more = make("button", { type: "button", hidden: true, onclick: () => fill(false) }, "More titles");
  let after = "";

  async function fill(anew) {
    if (anew) after = "";
    const found = await api.titles({ ...asked, after, limit: PAGE });
    if (anew) list.replaceChildren();
    list.append(...found.titles.map(poster));
    count.textContent = `${found.total} of ${about.titles} titles`;
    after = found.after;
    more.hidden = after === null;
  }

  const again = later(() => fill(true), 150);
  const words = make("input", { type: "search", value: asked.words, oninput: () => { asked.words = words.value; again(); } });
  const has = make(
    "select",
    { onchange: () => { asked.has = has.value; again(); } },
    [["", "anything"], ["video", "picture"], ["audio", "sound"], ["text", "words"]].map(([value, name]) => make("option", { value, selected: value === asked.has }, name)),
  );
  view.replaceChildren(
    make("h1", {}, "Catalogue"),
    make("p", { class: "faint" }, `${about.shots.toLocaleString()} shots in ${about.hours.toFixed(1)} hours; preset ${about.preset}; embedding sets: ${about.embedding_sets.join(", ") || "none"}`),
    make("div", { class: "bar" }, make("label", {}, "Title", words), make("label", {}, "Has", has)),
    count,
    list,
    more,
    failed.failures.length ? failures(failed.failures) : "",
  );
  await fill(true);
}

function poster(title) {
  const picture = title.has_video && title.shots
    ? make("img", { src: api.pictureAddress(title.title, Math.floor(title.shots / 3), title.revision), alt: "", loading: "lazy", decoding: "async", width: 320, height: 180 })
    : make("span", { class: "nothing" }, "no picture");
  return make(
    "li",
    {},
    make(
      "a",
      { class: "poster", href: `#/title/${encodeURIComponent(title.title)}` },
      picture,
      make(
        "div",
        { class: "about" },
        make("strong", {}, title.name || title.title),
        make("small", {}, dots(title), ` ${clock(title.duration_s)}, ${title.shots} shots${title.live ? ", live" : ""}`),
        title.warning ? make("small", { class: "bad" }, ` ${title.warning}`) : "",
      ),
    ),
  );
}

function failures(failed) {
  return make(
    "section",
    {},
    make("h2", {}, `${failed.length} could not be ingested`),
    make("table", {}, make("tbody", {}, failed.map((f) => make("tr", {}, make("th", { scope: "row" }, f.title), make("td", {}, f.reason))))),
  );
}
