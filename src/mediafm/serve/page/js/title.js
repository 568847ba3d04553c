// One title: the player, the shots under it, what is said, how long its shots are, and what a shot is like.

import * as api from "./api.js";
import { clock, make } from "./dom.js";
import { hitList } from "./hits.js";

const WIDTH = 128; // pixels of a shot in the strip

export async function show(view, parameters, id) {
  const [title, { shots }, about] = await Promise.all([api.title(id), api.shots(id), api.catalog()]);
  const kind = title.has_video ? "video" : "audio";
  const player = title.film
    ? make(kind, { controls: true, preload: "metadata", src: api.filmAddress(id) }, title.has_text ? make("track", { kind: "subtitles", src: api.wordsAddress(id), label: "Timed text", default: true }) : "")
    : make("p", { class: "faint" }, "The film is not on the service's machine; shots and words are shown without it.");
  const alike = make("section", { "aria-live": "polite" });
  let now = -1;

  const go = (seconds) => {
    if (title.film) {
      player.currentTime = seconds + 0.001;
      player.scrollIntoView({ block: "nearest" });
    }
    mark(shotAt(shots, seconds));
  };
  const strip = makeStrip(title, shots, (shot) => { go(shot.start_s); showAlike(shot.shot); });
  const lines = make("div", { class: "lines", role: "group", "aria-label": "What is said" }, shots.filter((s) => s.text).map((s) =>
    make("button", { type: "button", "data-shot": s.shot, onclick: () => go(s.start_s) }, make("time", {}, clock(s.start_s)), s.text)));
  const ribbon = makeRibbon(title, shots, go);

  function mark(shot) {
    if (shot === now) return;
    now = shot;
    strip.mark(shot);
    ribbon.mark(shots[shot]);
    for (const line of lines.children) line.classList.toggle("now", Number(line.dataset.shot) === shot);
  }

  async function showAlike(shot) {
    const lists = ["", "concat"].filter((name, i) => i === 0 || about.embedding_sets.length);
    const found = await Promise.all(lists.map((features) => api.similar({ like: `${id}#${shot}`, k: 6, features }).catch((trouble) => trouble)));
    alike.replaceChildren(
      make("h2", {}, `What is shot ${shot} like?`),
      ...found.flatMap((answer, i) => [
        make("h3", {}, i ? "by its own picture, sound and words" : about.embedding_sets.length ? "as it is seen in its context" : "by its own picture, sound and words"),
        answer instanceof Error ? make("p", { class: "bad" }, answer.message) : hitList(answer.hits),
      ]),
    );
  }

  view.replaceChildren(
    make("h1", {}, title.name || title.title),
    make("p", { class: "faint" }, `${clock(title.duration_s)}, ${title.shots} shots${title.width ? `, ${title.width} × ${title.height}` : ""}${title.genres.length ? `, ${title.genres.join(", ")}` : ""}${title.live ? ", live" : ""}`),
    title.warning ? make("p", { class: "bad" }, title.warning) : "",
    title.synopsis ? make("p", {}, title.synopsis) : "",
    make("div", { class: "watch" }, player, lines),
    strip.element,
    make("h2", {}, "Length of shots over time"),
    ribbon.element,
    alike,
  );
  strip.layOut();
  ribbon.draw();
  if (title.film) player.addEventListener("timeupdate", () => mark(shotAt(shots, player.currentTime)));
  const start = Number(parameters.get("t"));
  if (start > 0) {
    if (title.film) player.addEventListener("loadedmetadata", () => go(start), { once: true });
    else mark(shotAt(shots, start));
  }
  return () => { if (title.film) player.removeAttribute("src"); };
}

function shotAt(shots, seconds) {
  let [low, high] = [0, shots.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (shots[middle].start_s <= seconds) low = middle;
    else high = middle - 1;
  }
  return low;
}

// Only the shots that can be seen are in the page, however many there are.
function makeStrip(title, shots, chosen) {
  const rail = make("div", { class: "rail" });
  const element = make("div", { class: "strip", role: "group", tabindex: "0", "aria-label": `${shots.length} shots; arrow keys go from shot to shot` }, rail);
  const there = new Map();
  let marked = -1;
  rail.style.width = `${shots.length * WIDTH}px`;

  function layOut() {
    const first = Math.max(0, Math.floor(element.scrollLeft / WIDTH) - 4);
    const end = Math.min(shots.length, Math.ceil((element.scrollLeft + element.clientWidth) / WIDTH) + 4);
    for (const [index, button] of there) if (index < first || index >= end) { button.remove(); there.delete(index); }
    for (let index = first; index < end; index += 1) if (!there.has(index)) add(index);
  }

  function add(index) {
    const shot = shots[index];
    const button = make(
      "button",
      { type: "button", title: shot.text, tabindex: "-1", onclick: () => chosen(shot), class: index === marked ? "now" : "" },
      shot.has_video ? make("img", { src: api.pictureAddress(title.title, shot.shot, title.revision), alt: "", loading: "lazy", decoding: "async" }) : "",
      make("small", {}, `${clock(shot.start_s)} · ${(shot.end_s - shot.start_s).toFixed(1)} s`),
      make("small", {}, shot.text),
    );
    button.setAttribute("aria-label", `Shot ${index} at ${clock(shot.start_s)}${shot.text ? `: ${shot.text}` : ""}`);
    button.style.left = `${index * WIDTH}px`;
    there.set(index, button);
    rail.append(button);
  }

  function mark(index) {
    there.get(marked)?.classList.remove("now");
    marked = index;
    const left = index * WIDTH;
    if (left < element.scrollLeft || left + WIDTH > element.scrollLeft + element.clientWidth) element.scrollLeft = left - element.clientWidth / 2;
    layOut();
    there.get(index)?.classList.add("now");
  }

  element.addEventListener("scroll", layOut, { passive: true });
  element.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -shots.length, End: shots.length }[event.key];
    if (!step || !shots.length) return;
    event.preventDefault();
    chosen(shots[Math.min(shots.length - 1, Math.max(0, Math.max(marked, 0) + step))]);
  });
  return { element, mark, layOut };
}

function makeRibbon(title, shots, go) {
  const element = make("canvas", { class: "ribbon", role: "img", "aria-label": `Length of ${shots.length} shots over ${clock(title.duration_s)}` });
  let current = null;

  function draw() {
    const [width, height] = [element.clientWidth * devicePixelRatio, element.clientHeight * devicePixelRatio];
    [element.width, element.height] = [width, height];
    const paint = element.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const longest = Math.max(...shots.map((s) => s.end_s - s.start_s), 1e-6);
    for (const shot of shots) {
      const [left, right] = [shot.start_s, shot.end_s].map((s) => (s / title.duration_s) * width);
      const tall = Math.sqrt((shot.end_s - shot.start_s) / longest) * height;
      paint.fillStyle = style.getPropertyValue(shot === current ? "--text" : "--video");
      paint.fillRect(left, height - tall, Math.max(1, right - left - 0.5), tall);
    }
  }

  element.addEventListener("click", (event) => go((event.offsetX / element.clientWidth) * title.duration_s));
  new ResizeObserver(draw).observe(element);
  return { element, draw, mark: (shot) => { current = shot; draw(); } };
}
