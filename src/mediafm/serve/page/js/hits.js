// Results: a picture that plays while it is pointed at, when, and why.

import * as api from "./api.js";
import { clock, make } from "./dom.js";

export function hitList(hits) {
  return hits.length ? make("ul", { class: "hits" }, hits.map(hitCard)) : make("p", { class: "faint" }, "Nothing was found.");
}

function hitCard(hit) {
  const shot = Math.floor((hit.first_shot + hit.end_shot - 1) / 2);
  const address = `#/title/${encodeURIComponent(hit.title)}?t=${hit.start_s.toFixed(3)}`;
  const frame = make(
    "a",
    { class: "frame", href: address, "aria-label": `Watch ${hit.title} from ${clock(hit.start_s)}` },
    make("img", { src: api.pictureAddress(hit.title, shot, 0), alt: "", loading: "lazy", decoding: "async", onerror: (event) => event.target.remove() }),
  );
  playWhilePointedAt(frame, hit);
  return make(
    "li",
    { class: "hit" },
    frame,
    make("p", {}, make("a", { href: address }, hit.title), make("span", { class: "faint" }, ` ${clock(hit.start_s)}–${clock(hit.end_s)}, score ${hit.score.toFixed(3)}`)),
    hit.text ? make("p", {}, hit.text.slice(0, 240)) : "",
  );
}

function playWhilePointedAt(frame, hit) {
  let film = null;
  const begin = () => {
    if (film || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    film = make("video", { muted: true, playsinline: true, preload: "auto", src: `${api.filmAddress(hit.title)}#t=${hit.start_s},${hit.end_s}` });
    film.muted = true;
    film.addEventListener("timeupdate", () => { if (film && film.currentTime >= hit.end_s) film.currentTime = hit.start_s; });
    film.addEventListener("error", end);
    frame.append(film);
    film.play().catch(() => {});
  };
  const end = () => {
    film?.removeAttribute("src");
    film?.remove();
    film = null;
  };
  for (const name of ["mouseenter", "focus"]) frame.addEventListener(name, begin);
  for (const name of ["mouseleave", "blur"]) frame.addEventListener(name, end);
}
