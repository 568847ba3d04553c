// Search: words, a shot, a picture, a sound, or a mix of them; filters; results with their reasons.

import * as api from "./api.js";
import { catchFiles, makeBox } from "./askbox.js";
import { files, parts, question, read, write } from "./asking.js";
import { make } from "./dom.js";
import { makeFilters } from "./narrow.js";
import { makeParts } from "./parts.js";
import { drawAnswer, lostNote, toldOf, trouble, waiting, welcome } from "./results.js";

const FIRST = 24;
const SLOW_MS = 2500;
const MOST = 960;
const LARGEST = 7_500_000; // bytes of a file: what the service takes

export async function show(draw, parameters) {
  const asked = read(parameters);
  const lost = ["image", "sound"].filter((kind) => asked[kind] && !files[kind]);
  for (const kind of ["image", "sound"]) if (!parameters.has(kind)) files[kind] = null;
  const search = new Search(asked, lost, await api.facets());
  const leave = catchFiles((file) => search.take(file));
  draw(...search.elements());
  search.look();
  return () => { search.running?.abort(); leave(); };
}

class Search {
  // lost: files that the address speaks of and nobody has.
  constructor(asked, lost, facets) {
    Object.assign(this, { asked, lost, k: FIRST, running: null });
    this.sets = Object.entries(facets.sets).filter(([, context]) => context !== "none").map(([name]) => name);
    const go = () => this.go();
    this.box = makeBox(asked.words, go, (file) => this.take(file));
    this.chips = makeParts(asked, go);
    this.filters = makeFilters(asked, facets, this.sets, go);
    this.found = make("section", { class: "found", "aria-label": "Results" });
    this.told = make("p", { class: "count", role: "status" });
    this.walkByKeys();
  }

  elements() {
    const head = make("div", { class: "seek" }, make("h1", { class: "hidden" }, "Search"), this.box.element, this.chips.element, this.filters.element);
    return [head, this.told, this.found];
  }

  walkByKeys() {
    this.box.element.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown" || event.target !== this.box.words) return;
      event.preventDefault();
      this.found.querySelector(".hit a")?.focus();
    });
    this.found.addEventListener("keydown", (event) => { if (event.key === "Escape") this.box.words.focus(); });
  }

  take(file) {
    const kind = file.type.startsWith("image/") ? "image" : /^(audio|video)\//.test(file.type) ? "sound" : "";
    if (!kind) return this.say(trouble("That is neither a picture nor a sound.", "Choose a JPEG, PNG or WebP, a sound file or a film."));
    if (file.size > LARGEST) return this.say(trouble(`${file.name || "The file"} is larger than ${LARGEST / 1e6} MB.`, "Choose a smaller one, or cut a part of it."));
    files[kind] = file;
    this.lost = this.lost.filter((one) => one !== kind);
    return this.go();
  }

  go() {
    this.asked.words = this.box.words.value;
    this.k = FIRST;
    const text = write(this.asked).toString();
    const address = `#/search${text ? `?${text}` : ""}`;
    if (address !== location.hash) history.pushState(null, "", address);
    return this.look();
  }

  // more: the answer goes on below the one that stands there.
  async look(more = false) {
    this.running?.abort();
    const mine = (this.running = new AbortController());
    this.chips.draw();
    this.filters.draw();
    if (!parts(this.asked).length) {
      this.say(welcome(this.lost));
      return this.box.words.focus();
    }
    if (!more) this.wait();
    const slow = setTimeout(() => { this.told.textContent = "Searching … the first search loads the encoders."; }, SLOW_MS);
    try {
      const answer = await api.find(question(this.asked, this.sets, this.k), mine.signal);
      if (mine === this.running) this.draw(answer, more);
    } catch (error) {
      if (mine === this.running && error.name !== "AbortError") this.say(trouble(error.message));
    } finally {
      clearTimeout(slow);
      if (mine === this.running) this.found.removeAttribute("aria-busy");
    }
    return undefined;
  }

  wait() {
    this.told.textContent = "Searching …";
    this.found.setAttribute("aria-busy", "true");
    if (!this.found.querySelector(".hits")) this.found.replaceChildren(waiting());
  }

  draw(answer, more) {
    const { found } = this;
    this.told.textContent = toldOf(answer, this.asked);
    found.querySelector(".more")?.remove();
    const stood = more ? found.querySelectorAll(".hit").length : 0;
    drawAnswer(found, answer, this.asked, more);
    if (more) found.querySelectorAll(".hit")[stood]?.querySelector("a").focus(); // the button that had it is gone
    if (this.lost.length) found.prepend(lostNote(this.lost));
    const onclick = () => { this.k *= 2; this.look(true); };
    if (answer.hits.length >= this.k && this.k < MOST) found.append(make("p", { class: "more" }, make("button", { type: "button", onclick }, "Show more")));
  }

  say(shown) {
    this.told.textContent = "";
    this.found.replaceChildren(shown);
  }
}
