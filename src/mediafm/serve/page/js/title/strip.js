// All shots side by side. Only those that can be seen are in the page, and pictures wait until scrolling has come to rest.

import * as api from "../api.js";
import { clock, later, make } from "../dom.js";

const WIDTH = 136; // pixels of a shot
const BESIDE = 4; // shots made beyond either edge
const REST_MS = 90;
const AGAIN_MS = 1500; // a picture that was refused is asked for once more

export function makeStrip(title, playhead, chapters) {
  const { shots } = playhead;
  const rail = make("div", { class: "rail", role: "presentation" });
  const element = make("div", { class: "strip", role: "listbox", tabindex: "0", "aria-orientation": "horizontal", "aria-label": "Shots" }, rail);
  const there = new Map();
  let starts = new Map();
  let marked = -1;
  rail.style.width = `${shots.length * WIDTH}px`;

  function layOut() {
    const first = Math.max(0, Math.floor(element.scrollLeft / WIDTH) - BESIDE);
    const end = Math.min(shots.length, Math.ceil((element.scrollLeft + element.clientWidth) / WIDTH) + BESIDE);
    for (const [index, cell] of there) if (index < first || index >= end) { cell.remove(); there.delete(index); }
    for (let index = first; index < end; index += 1) if (!there.has(index)) add(index);
    picture();
  }

  const picture = later(() => {
    for (const image of rail.querySelectorAll("img[data-src]")) {
      image.src = image.dataset.src;
      delete image.dataset.src;
    }
  }, REST_MS);

  function add(index) {
    const cell = makeCell(title, shots[index], index, shots.length, starts.get(index));
    cell.style.left = `${index * WIDTH}px`;
    cell.addEventListener("click", () => playhead.choose(index));
    choose(cell, index === marked);
    there.set(index, cell);
    rail.append(cell);
  }

  function mark() {
    if (there.has(marked)) choose(there.get(marked), false);
    marked = playhead.shot;
    const left = marked * WIDTH;
    if (left < element.scrollLeft || left + WIDTH > element.scrollLeft + element.clientWidth) element.scrollLeft = left - element.clientWidth / 3;
    layOut();
    const cell = there.get(marked);
    if (!cell) return;
    choose(cell, true);
    element.setAttribute("aria-activedescendant", cell.id);
  }

  element.addEventListener("scroll", layOut, { passive: true });
  element.addEventListener("wheel", (event) => {
    if (Math.abs(event.deltaY) <= Math.abs(event.deltaX) || !event.shiftKey) return;
    element.scrollLeft += event.deltaY;
  }, { passive: true });
  playhead.on("shot", mark);
  const seen = new ResizeObserver(layOut);
  seen.observe(element);
  function chaptersCame() {
    if (chapters.length < 2) return;
    starts = new Map(chapters.map((chapter, i) => [chapter.first_shot, i + 1]));
    for (const cell of there.values()) cell.remove();
    there.clear();
    mark();
  }
  return { element, mark, chaptersCame, stop: () => seen.disconnect() };
}

const choose = (cell, is) => {
  cell.classList.toggle("now", is);
  cell.setAttribute("aria-selected", String(is));
};

function makeCell(title, shot, index, total, chapter) {
  const image = shot.has_video
    ? make("img", { "data-src": api.pictureAddress(title.title, shot.shot, title.revision), alt: "", decoding: "async", onerror: again })
    : make("span", { class: "quote" }, shot.text);
  return make(
    "div",
    {
      id: `shot-${index}`, role: "option", class: chapter ? "shot begins" : "shot",
      "aria-posinset": index + 1, "aria-setsize": total,
      "aria-label": `Shot ${index} at ${clock(shot.start_s)}, ${(shot.end_s - shot.start_s).toFixed(1)} seconds${chapter ? `, chapter ${chapter} begins` : ""}${shot.text ? `: ${shot.text}` : ""}`,
      title: shot.text,
    },
    image,
    make("small", {}, make("span", { class: "when" }, clock(shot.start_s)), make("span", {}, `${(shot.end_s - shot.start_s).toFixed(1)} s`)),
    chapter ? make("span", { class: "chapter" }, chapter) : "",
  );
}

function again(event) {
  const image = event.target;
  if (image.dataset.again) { image.remove(); return; }
  image.dataset.again = "yes";
  setTimeout(() => { if (image.isConnected) image.src = `${image.src}&again`; }, AGAIN_MS);
}
