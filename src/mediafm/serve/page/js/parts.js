// The parts of a search as chips: what each is, a way to take it out, and its weight where there are several.

import * as api from "./api.js";
import { KINDS, files, parts } from "./asking.js";
import { make } from "./dom.js";
import { icon } from "./icons.js";

const NAMES = { words: "Words", like: "Shot", image: "Picture", sound: "Sound" };
const LEAST = -2;
const MOST = 2;

export function makeParts(asked, go) {
  const element = make("ul", { class: "parts", "aria-label": "Parts of this search" });
  let shown = "";
  let address = "";

  function draw() {
    const there = parts(asked);
    const state = JSON.stringify([there, asked.like, files.image?.name, files.sound?.name, files.image?.size]);
    if (state === shown) return;
    shown = state;
    URL.revokeObjectURL(address);
    const mixed = there.length > 1;
    const rows = there.filter((kind) => kind !== "words" || mixed).flatMap((kind) => (kind === "like" ? asked.like.map((place, i) => part(kind, place, i, mixed && i === 0)) : [part(kind, kind === "words" ? asked.words.trim() : files[kind].name || NAMES[kind], 0, mixed)]));
    element.replaceChildren(...rows);
    element.hidden = !rows.length;
  }

  function part(kind, text, index, weighed) {
    const out = () => {
      if (kind === "like") asked.like = asked.like.filter((_, i) => i !== index);
      else files[kind] = null;
      if (!KINDS.some((one) => parts(asked).includes(one))) asked.by = "";
      go();
    };
    return make(
      "li",
      {},
      sample(kind, text),
      make("span", { class: "text" }, make("small", {}, kind === "like" ? "Like this shot" : NAMES[kind]), make("span", {}, text)),
      weighed ? slider(kind) : "",
      kind === "words" ? "" : make("button", { type: "button", class: "tool", "aria-label": `Take out ${text}`, onclick: out }, icon("close")),
    );
  }

  function sample(kind, text) {
    const [, title, shot] = /^(.*)#(\d+)$/.exec(text) ?? [];
    if (kind === "like" && title) return make("img", { src: api.pictureAddress(title, shot, "now"), alt: "", onerror: (event) => event.target.remove() });
    if (kind === "image") {
      address = URL.createObjectURL(files.image);
      return make("img", { src: address, alt: "" });
    }
    return make("span", { class: "sign" }, icon({ words: "words", like: "like", sound: "sound" }[kind]));
  }

  function slider(kind) {
    const told = make("output", {}, asked.weights[kind].toFixed(1));
    const range = make("input", {
      type: "range", min: LEAST, max: MOST, step: 0.1, value: asked.weights[kind], "aria-label": `Weight of ${NAMES[kind].toLowerCase()}`,
      oninput: () => { told.textContent = Number(range.value).toFixed(1); },
      onchange: () => {
        asked.weights[kind] = Number(range.value) || 0.1; // a part of weight zero is no part
        go();
      },
    });
    return make("label", { class: "weight" }, range, told);
  }

  return { element, draw };
}
