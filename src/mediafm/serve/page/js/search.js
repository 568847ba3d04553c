// Search by words, or by a shot or a span: playable results with their times.

import * as api from "./api.js";
import { make } from "./dom.js";
import { hitList } from "./hits.js";

export async function show(view, parameters) {
  const words = make("input", { id: "words", type: "search", value: parameters.get("words") ?? "", maxlength: 2000 });
  const like = make("input", { id: "like", value: parameters.get("like") ?? "", placeholder: "TITLE@12.5-20 or TITLE#3", maxlength: 2000 });
  const unit = make("select", {}, ["shot", "clip", "title"].map((name) => make("option", { selected: name === (parameters.get("unit") ?? "shot") }, name)));
  const found = make("section", { "aria-live": "polite" });
  const form = make(
    "form",
    { class: "bar", onsubmit: (event) => { event.preventDefault(); goTo(); } },
    make("label", {}, "Words", words),
    make("label", {}, "or like", like),
    make("label", {}, "Find", unit),
    make("button", { class: "main" }, "Search"),
  );
  const goTo = () => {
    const asked = new URLSearchParams({ unit: unit.value });
    if (words.value.trim()) asked.set("words", words.value);
    else if (like.value.trim()) asked.set("like", like.value);
    location.hash = `#/search?${asked}`;
  };
  view.replaceChildren(make("h1", {}, "Search"), form, found);
  const asked = { unit: unit.value, k: 24 };
  if (words.value.trim()) found.replaceChildren(hitList((await api.search({ ...asked, words: words.value })).hits));
  else if (like.value.trim()) found.replaceChildren(hitList((await api.similar({ ...asked, like: like.value })).hits));
  else words.focus();
}
