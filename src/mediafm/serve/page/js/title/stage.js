// Where the title is seen or heard. Without a film at hand the pictures of its shots stand in; without picture its words.

import * as api from "../api.js";
import { clock, make } from "../dom.js";

const A_MOMENT = 0.001; // past a cut, so that the new shot is on

export function makeStage(title, playhead) {
  const picture = title.pictures || (title.has_video && title.film);
  const said = make("p", { class: "spoken", "aria-hidden": "true" });
  const still = make("img", { class: "still", alt: "" });
  const player = title.film ? makePlayer(title) : null;
  const element = make("div", { class: `screen${picture ? "" : " heard"}` });
  if (!picture) element.append(said);
  if (player) element.append(player);
  else standIn(`The ${title.has_video ? "film" : "sound"} is not at hand: it was moved, or lies elsewhere.`);
  player?.addEventListener("error", () => {
    if (!player.getAttribute("src")) return; // left
    player.remove();
    standIn(`The ${title.has_video ? "film" : "sound"} cannot be played here: it was changed since, or this browser does not know its kind.`);
    show();
  });

  function standIn(why) {
    if (title.pictures) element.append(still);
    element.append(make("p", { class: "away" }, `${why} Shown ${title.pictures ? "are the pictures of its shots" : "is what is said in it"}.`));
  }

  function show() {
    const shot = playhead.shots[playhead.shot];
    if (!shot) return;
    if (!picture) said.textContent = shot.text || `Nothing is said in shot ${shot.shot}.`;
    said.classList.toggle("silent", !shot.text);
    if (!player?.isConnected && picture && shot.has_video) {
      still.src = api.pictureAddress(title.title, shot.shot, title.revision);
      still.alt = `Shot ${shot.shot} at ${clock(shot.start_s)}`;
    }
  }

  const stop = player ? follow(player, playhead) : () => {};
  playhead.on("shot", show);
  show();
  // Whether there was anything to play or pause.
  function toggle() {
    if (!player?.isConnected) return false;
    if (player.paused) player.play().catch(() => {});
    else player.pause();
    return true;
  }
  return { element, toggle, stop };
}

function makePlayer(title) {
  const track = title.has_text
    ? make("track", { kind: "subtitles", src: api.wordsAddress(title.title), label: "Timed text", srclang: "en", default: title.has_video })
    : "";
  return make(title.has_video ? "video" : "audio", { controls: true, preload: "metadata", playsinline: true, src: api.filmAddress(title.title), poster: title.pictures ? api.pictureAddress(title.title, 0, title.revision) : null, "aria-label": title.name || title.title }, track);
}

function follow(player, playhead) {
  let asked = 0;
  let wanted = null; // a place to be at before the player knows how long it is
  const tell = () => { if (wanted === null) playhead.be(player.currentTime); };
  const run = () => { tell(); if (!player.paused) asked = requestAnimationFrame(run); };
  player.addEventListener("play", run);
  for (const name of ["timeupdate", "seeked"]) player.addEventListener(name, tell);
  player.addEventListener("loadedmetadata", () => { if (wanted !== null) player.currentTime = wanted; wanted = null; });
  playhead.on("go", () => {
    if (player.readyState) player.currentTime = playhead.seconds + A_MOMENT;
    else wanted = playhead.seconds + A_MOMENT;
  });
  return () => {
    cancelAnimationFrame(asked);
    player.pause();
    player.removeAttribute("src");
    player.load();
  };
}
