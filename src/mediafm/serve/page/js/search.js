// Search: words, a shot, a picture, a sound, or a mix of them; filters; results with their reasons.

import * as api from "./api.js";
import { files, parts, question, read, write } from "./asking.js";
import { make } from "./dom.js";
import { icon } from "./icons.js";
import { makeFilters } from "./narrow.js";
import { makeParts } from "./parts.js";
import { drawAnswer, lostNote, toldOf, trouble, waiting, welcome } from "./results.js";

const FIRST = 24;
const SLOW_MS = 2500;
const MOST = 960;
const LARGEST = 7_500_000; // bytes of a file: what the service takes

export async function show(view, parameters) {
  const asked = read(parameters);
  const facets = await api.facets();
  const sets = Object.entries(facets.sets).filter(([, context]) => context !== "none").map(([name]) => name);
  let lost = ["image", "sound"].filter((kind) => asked[kind] && !files[kind]);
  if (!parameters.has("image")) files.image = null;
  if (!parameters.has("sound")) files.sound = null;
  const found = make("section", { class: "found", "aria-label": "Results" });
  const told = make("p", { class: "count", role: "status" });
  let [running, k] = [null, FIRST];

  const words = make("input", { type: "search", class: "words", "aria-label": "Words to look for", placeholder: "What happens, what is said …", maxlength: 2000, value: asked.words, autocomplete: "off" });
  const choose = (kind, accept, label) => {
    const input = make("input", { type: "file", accept, hidden: true, "aria-label": label, onchange: () => { if (input.files[0]) take(input.files[0]); input.value = ""; } });
    return [make("button", { type: "button", class: "tool", title: label, "aria-label": label, onclick: () => input.click() }, icon(kind)), input];
  };
  const box = make(
    "form",
    { class: "ask-box", role: "search", "aria-label": "Search", onsubmit: (event) => { event.preventDefault(); go(); } },
    icon("search"),
    words,
    choose("picture", "image/jpeg,image/png,image/webp", "Search by a picture"),
    choose("sound", "audio/*,video/*", "Search by a sound"),
    make("button", { class: "main" }, "Search"),
  );
  const chips = makeParts(asked, go);
  const filters = makeFilters(asked, facets, sets, go);

  function take(file) {
    const kind = file.type.startsWith("image/") ? "image" : /^(audio|video)\//.test(file.type) ? "sound" : "";
    if (!kind) return say(trouble("That is neither a picture nor a sound.", "Choose a JPEG, PNG or WebP, a sound file or a film."));
    if (file.size > LARGEST) return say(trouble(`${file.name || "The file"} is larger than ${LARGEST / 1e6} MB.`, "Choose a smaller one, or cut a part of it."));
    files[kind] = file;
    lost = lost.filter((one) => one !== kind);
    return go();
  }

  function go() {
    asked.words = words.value;
    k = FIRST;
    const text = write(asked).toString();
    const address = `#/search${text ? `?${text}` : ""}`;
    if (address !== location.hash) history.pushState(null, "", address);
    return look();
  }

  async function look(more = false) {
    running?.abort();
    const mine = (running = new AbortController());
    chips.draw();
    filters.draw();
    if (!parts(asked).length) {
      say(welcome(lost));
      return words.focus();
    }
    if (!more) {
      told.textContent = "Searching …";
      found.setAttribute("aria-busy", "true");
      if (!found.querySelector(".hits")) found.replaceChildren(waiting());
    }
    const slow = setTimeout(() => { told.textContent = "Searching … the first search loads the encoders."; }, SLOW_MS);
    try {
      const answer = await api.find(question(asked, sets, k), mine.signal);
      if (mine === running) draw(answer, more);
    } catch (error) {
      if (mine !== running || error.name === "AbortError") return undefined;
      say(trouble(error.message));
    } finally {
      clearTimeout(slow);
      if (mine === running) found.removeAttribute("aria-busy");
    }
    return undefined;
  }

  function draw(answer, more) {
    told.textContent = toldOf(answer, asked);
    found.querySelector(".more")?.remove();
    const stood = more ? found.querySelectorAll(".hit").length : 0;
    drawAnswer(found, answer, asked, more);
    if (more) found.querySelectorAll(".hit")[stood]?.querySelector("a").focus(); // the button that had it is gone
    if (lost.length) found.prepend(lostNote(lost));
    const onclick = () => { k *= 2; look(true); };
    if (answer.hits.length >= k && k < MOST) found.append(make("p", { class: "more" }, make("button", { type: "button", onclick }, "Show more")));
  }

  function say(shown) {
    told.textContent = "";
    found.replaceChildren(shown);
  }

  const leave = catchFiles(view, take);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" || event.target !== words) return;
    event.preventDefault();
    found.querySelector(".hit a")?.focus();
  });
  found.addEventListener("keydown", (event) => { if (event.key === "Escape") words.focus(); });
  view.replaceChildren(make("div", { class: "seek" }, make("h1", { class: "hidden" }, "Search"), box, chips.element, filters.element), told, found);
  look();
  return () => { running?.abort(); leave(); };
}

// Files that are dropped anywhere on the page, or pasted.
function catchFiles(view, take) {
  const over = (event) => { if ([...event.dataTransfer.types].includes("Files")) { event.preventDefault(); view.classList.add("dropping"); } };
  const out = (event) => { if (!event.relatedTarget) view.classList.remove("dropping"); };
  const drop = (event) => {
    view.classList.remove("dropping");
    const [file] = event.dataTransfer.files;
    if (!file) return;
    event.preventDefault();
    take(file);
  };
  const paste = (event) => { const [file] = event.clipboardData.files; if (file) { event.preventDefault(); take(file); } };
  const heard = { dragover: over, dragleave: out, drop, paste };
  for (const [name, act] of Object.entries(heard)) document.addEventListener(name, act);
  return () => { view.classList.remove("dropping"); for (const [name, act] of Object.entries(heard)) document.removeEventListener(name, act); };
}
