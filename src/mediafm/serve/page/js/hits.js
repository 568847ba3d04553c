// Results: a picture that plays while it is pointed at, when, what is said, and why it was found.

import * as api from "./api.js";
import { clock, make } from "./dom.js";
import { icon } from "./icons.js";

const LONG_S = 30; // of what is longer, only a part plays: from its best shot on
const PART_S = 10;
const TELLING = 100; // a rank beyond says nothing about why
const KINDS = { video: "Picture", audio: "Sound", text: "Words" };
const ORDINAL = new Intl.PluralRules("en", { type: "ordinal" });
const ENDINGS = { one: "st", two: "nd", few: "rd", other: "th" };

export function hitList(hits, label = "Results") {
  if (!hits.length) return make("p", { class: "faint" }, "Nothing was found.");
  const list = make("ul", { class: "hits", role: "list", "aria-label": label }, hits.map(hitCard));
  walkByKeys(list);
  return list;
}

export function appendHits(list, hits) {
  list.append(...hits.map(hitCard));
}

export const shotAddress = (hit) => `${hit.title}#${hit.best_shot ?? hit.first_shot}`;

function hitCard(hit) {
  const shot = hit.best_shot ?? Math.floor((hit.first_shot + hit.end_shot - 1) / 2);
  const whole = hit.end_s - hit.start_s > LONG_S;
  const start = whole ? hit.best_s ?? hit.start_s : hit.start_s;
  const name = hit.name || hit.title;
  const address = `#/title/${encodeURIComponent(hit.title)}?t=${start.toFixed(3)}`;
  const frame = make(
    "a",
    { class: "frame", href: address, "aria-label": `${name}, ${clock(start)}. Watch` },
    hit.has_video === false
      ? make("span", { class: "nothing" }, icon("sound"))
      : make("img", { src: api.pictureAddress(hit.title, shot, hit.revision ?? 0), alt: "", loading: "lazy", decoding: "async", onerror: (event) => event.target.remove() }),
    make("span", { class: "time" }, whole ? clock(start) : `${clock(hit.start_s)} – ${clock(hit.end_s)}`),
  );
  if (hit.film !== false && hit.has_video !== false) playWhilePointedAt(frame, hit.title, start, whole ? start + PART_S : hit.end_s);
  return make(
    "li",
    { class: "hit" },
    frame,
    make("div", { class: "told" }, make("strong", {}, name), make("a", { class: "likewise", href: `#/search?like=${encodeURIComponent(shotAddress(hit))}`, title: "More like this shot", "aria-label": `More like this shot of ${name}` }, icon("like"))),
    hit.text ? make("p", { class: "said" }, marked(hit.text, hit.why?.words ?? [])) : "",
    hit.why ? reasons(hit.why) : "",
    hit.duplicates?.length ? make("p", { class: "twins" }, `and ${hit.duplicates.length} near-${hit.duplicates.length === 1 ? "duplicate" : "duplicates"}`) : "",
  );
}

// As the service compares words: without case, accents and apostrophes.
const plain = (word) => word.toLowerCase().normalize("NFKD").replace(/[\p{M}'’]/gu, "");

function marked(text, words) {
  const wanted = new Set(words);
  const parts = text.split(/([\p{L}\p{N}\p{M}]+(?:['’][\p{L}\p{N}]+)*)/u);
  return parts.map((part, i) => (i % 2 && wanted.has(plain(part)) ? make("mark", {}, part) : part)).filter(Boolean);
}

function reasons(why) {
  const alike = Object.entries(why.alike ?? {});
  const ways = why.rankings.filter((one, i) => (one.way !== "likeness" || !alike.length) && (i === 0 || one.rank <= TELLING));
  return make(
    "dl",
    { class: "why", "aria-label": "Why it was found" },
    alike.map(([modality, cosine]) => meter(KINDS[modality] ?? modality, modality, cosine)),
    ways.slice(0, 4).map((one) => make("div", { title: `${one.features}, score ${one.score.toFixed(3)}, weight ${one.weight}` }, make("dt", {}, wayName(one)), make("dd", {}, `${one.rank}${ENDINGS[ORDINAL.select(one.rank)]}`))),
  );
}

const WAYS = { "full text": "Words said", meaning: "Meaning", picture: "Picture", sound: "Sound" };
function wayName(one) {
  if (one.way !== "likeness") return WAYS[one.way] ?? one.way;
  return { image: "Your picture", sound: "Your sound" }[one.query] ?? `Like ${one.query}`;
}

function meter(name, modality, cosine) {
  const bar = make("i", { class: `meter ${modality}` }, make("i", {}));
  bar.firstChild.style.width = `${Math.max(0, Math.min(1, cosine)) * 100}%`;
  return make("div", { title: `cosine ${cosine.toFixed(3)}` }, make("dt", {}, name), make("dd", {}, bar, make("span", {}, cosine.toFixed(2))));
}

function playWhilePointedAt(frame, title, start, end) {
  let [film, timer] = [null, 0];
  const begin = () => {
    if (film || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      film = make("video", { playsinline: true, preload: "auto", tabindex: "-1", "aria-hidden": "true", src: `${api.filmAddress(title)}#t=${start},${end}` });
      film.muted = true;
      film.addEventListener("playing", () => film?.classList.add("here"), { once: true });
      film.addEventListener("timeupdate", () => { if (film && film.currentTime >= end) { film.currentTime = start; film.play().catch(() => {}); } });
      film.addEventListener("error", stop);
      frame.append(film);
      film.play().catch(() => {});
    }, 120);
  };
  const stop = () => {
    clearTimeout(timer);
    const gone = film;
    film = null;
    if (!gone) return;
    gone.pause();
    gone.removeAttribute("src");
    gone.load();
    gone.remove();
  };
  for (const name of ["mouseenter", "focus"]) frame.addEventListener(name, begin);
  for (const name of ["mouseleave", "blur"]) frame.addEventListener(name, stop);
}

// Arrow keys go from result to result, by rows as they stand there.
function walkByKeys(list) {
  list.addEventListener("keydown", (event) => {
    const cards = [...list.children];
    const now = cards.findIndex((card) => card.contains(document.activeElement));
    if (now < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const columns = Math.max(1, cards.findIndex((card) => card.offsetTop > cards[0].offsetTop));
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -cards.length, End: cards.length }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = cards[Math.min(cards.length - 1, Math.max(0, now + step))];
    next.querySelector("a").focus();
    next.scrollIntoView({ block: "nearest" });
  });
}
