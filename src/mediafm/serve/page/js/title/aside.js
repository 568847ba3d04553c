// Beside the player: the chapters, and what is said. Where the title is stays in sight. Lines are of one height, and only
// those that can be seen are in the page: a series of podcasts has tens of thousands.

import * as api from "../api.js";
import { clock, make } from "../dom.js";
import { chapterOf } from "./timeline.js";

const BESIDE = 3; // lines made beyond either edge

export function makeAside(title, playhead, chapters) {
  const tabs = make("div", { class: "tabs", role: "tablist", "aria-label": "Beside the player" });
  const element = make("div", { class: "aside", hidden: true }, tabs);
  const held = [];

  function add(name, lines) {
    const id = name.toLowerCase();
    const one = lines;
    one.tab = make("button", { type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `beside-${id}`, onclick: () => open(one) }, name);
    one.panel.id = `beside-${id}`;
    one.panel.setAttribute("aria-labelledby", `tab-${id}`);
    held.push(one);
    tabs.append(one.tab);
    element.append(one.panel);
    element.hidden = false;
    open(held[0]);
  }

  function open(chosen) {
    for (const one of held) {
      one.tab.setAttribute("aria-selected", String(one === chosen));
      one.tab.tabIndex = one === chosen ? 0 : -1;
      one.panel.hidden = one !== chosen;
    }
    chosen.mark(playhead.shot);
  }

  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const next = held[(held.findIndex((one) => one.tab === document.activeElement) + step + held.length) % held.length];
    open(next);
    next.tab.focus();
  });

  playhead.on("shot", () => held.find((one) => !one.panel.hidden)?.mark(playhead.shot));
  const said = playhead.shots.flatMap((shot, index) => (shot.text ? [index] : []));
  const place = new Map(said.map((shot, i) => [shot, i]));
  if (said.length) add("Words", makeLines(said.length, 52, (i) => wordLine(playhead, said[i]), (shot) => place.get(shot) ?? -1));
  return { element, stop: () => held.forEach((one) => one.stop()), chaptersCame: () => {
    if (chapters.length < 2) return;
    add("Chapters", makeLines(chapters.length, 62, (i) => chapterLine(title, playhead, chapters[i], i), (shot) => chapterOf(chapters, shot)));
  } };
}

// `count` lines of `height` pixels; `line` makes one, `current` says which belongs to a shot (-1: none).
function makeLines(count, height, line, current) {
  const rail = make("div", { class: "rail" });
  const panel = make("div", { class: "lines", role: "tabpanel", tabindex: "0" }, rail);
  const there = new Map();
  let marked = -1;
  rail.style.height = `${count * height}px`;

  function layOut() {
    const first = Math.max(0, Math.floor(panel.scrollTop / height) - BESIDE);
    const end = Math.min(count, Math.ceil((panel.scrollTop + panel.clientHeight) / height) + BESIDE);
    for (const [i, made] of there) if (i < first || i >= end) { made.remove(); there.delete(i); }
    for (let i = first; i < end; i += 1) {
      if (there.has(i)) continue;
      const made = line(i);
      made.style.top = `${i * height}px`;
      made.style.height = `${height}px`;
      there.set(i, made);
      rail.append(made);
      show(i, i === marked);
    }
  }

  function show(i, now) {
    const made = there.get(i);
    made?.classList.toggle("now", now);
    if (now) made?.setAttribute("aria-current", "true");
    else made?.removeAttribute("aria-current");
  }

  function mark(shot) {
    show(marked, false);
    marked = current(shot);
    const top = marked * height;
    if (marked >= 0 && (top < panel.scrollTop || top + height > panel.scrollTop + panel.clientHeight)) panel.scrollTop = top - panel.clientHeight / 3;
    layOut();
    show(marked, true);
  }

  panel.addEventListener("scroll", layOut, { passive: true });
  const seen = new ResizeObserver(layOut);
  seen.observe(panel);
  return { panel, mark, stop: () => seen.disconnect() };
}

function wordLine(playhead, index) {
  const shot = playhead.shots[index];
  return make("button", { type: "button", title: shot.text, onclick: () => playhead.choose(index) }, make("time", {}, clock(shot.start_s)), make("span", { class: "two" }, shot.text));
}

function chapterLine(title, playhead, chapter, number) {
  const shot = playhead.shots[chapter.first_shot];
  const about = [`${chapter.end_shot - chapter.first_shot} shots`, chapter.words.join(", ")].filter(Boolean).join(" · ");
  return make("button", { type: "button", class: "with-picture", onclick: () => playhead.choose(chapter.first_shot) },
    shot?.has_video ? make("img", { src: api.pictureAddress(title.title, chapter.first_shot, title.revision), alt: "", decoding: "async" }) : "",
    make("span", {}, make("strong", {}, `Chapter ${number + 1}`), make("small", {}, make("time", {}, clock(chapter.start_s)), about)));
}
