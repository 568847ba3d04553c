// One title: what a person sees beside what the model sees. The parts share a playhead and know nothing of each other.

import * as api from "./api.js";
import { clock, make, say } from "./dom.js";
import { makeAlike } from "./title/alike.js";
import { makeAside } from "./title/aside.js";
import * as ask from "./title/ask.js";
import { makeMatrix } from "./title/matrix.js";
import { asText } from "./title/panel.js";
import { Playhead } from "./title/playhead.js";
import { makeStage } from "./title/stage.js";
import { makeStrip } from "./title/strip.js";
import { makeTimeline } from "./title/timeline.js";

const OWN_KEYS = "input, select, textarea, video, audio, [role=application], [role=tab], [contenteditable]";
const PRESSED = "button, a, summary"; // what the space bar presses

export async function show(draw, parameters, id) {
  const [title, shots, sets] = await Promise.all([api.title(id), ask.shots(id), ask.features(id)]);
  // Imported titles have features of pictures, but none to show.
  if (!sets.pictures) shots.forEach((shot) => { shot.has_video = false; });
  title.pictures = sets.pictures > 0;
  if (!shots.length) {
    draw(...heading(title), make("p", {}, title.live ? "The event has begun and has no shots yet. Come again in a moment." : "This title has no shots."));
    return undefined;
  }
  const playhead = new Playhead(shots, Math.max(title.duration_s, shots.at(-1).end_s));
  const known = ask.tags(id).catch(nothing);
  const chapters = []; // found while everything else can be looked at already: of a long title that takes seconds
  const cut = ask.chapters(id).then((found) => chapters.push(...found.chapters)).catch((trouble) => say(trouble.message));
  const stage = makeStage(title, playhead);
  const aside = makeAside(title, playhead, chapters);
  const below = make("div", { "aria-busy": "true" }, make("p", { class: "faint" }, "Looking inside …"));
  const strip = makeStrip(title, playhead, chapters);
  draw(...heading(title), make("div", { class: "watch" }, stage.element, aside.element), strip.element, below);
  strip.mark();
  const parts = [stage, strip, aside];
  const leave = listen(playhead, stage, id);
  let gone = false;
  known.then((tags) => { if (!gone) fill(tags); }).catch((trouble) => {
    below.removeAttribute("aria-busy");
    below.replaceChildren(make("p", { class: "bad", role: "alert" }, trouble.message));
  });

  function fill(tags) {
    const timeline = makeTimeline(title, playhead, chapters, tags);
    const matrix = makeMatrix(title, playhead, chapters, sets);
    below.removeAttribute("aria-busy");
    below.replaceChildren(timeline.element, matrix.element, makeAlike(title, playhead, sets).element);
    parts.push(timeline, matrix);
    timeline.ready();
    const loaded = matrix.load();
    cut.then(async () => {
      await loaded;
      if (gone) return;
      for (const part of [strip, aside, timeline, matrix]) part.chaptersCame();
    });
  }

  const start = Number(parameters.get("t"));
  if (start > 0) playhead.go(start);
  return () => {
    gone = true;
    leave();
    for (const part of parts) part.stop();
  };
}

const nothing = (trouble) => ({ tags: [], probes: [], why_not: "", remedy: "", trouble: trouble.message });

function heading(title) {
  const facts = [clock(title.duration_s), `${title.shots.toLocaleString()} ${title.shots === 1 ? "shot" : "shots"}`,
    title.width ? `${title.width} × ${title.height}` : title.has_audio ? "sound only" : "", ...title.genres, title.live ? "live" : ""];
  return [
    make("h1", {}, title.name || title.title),
    make("p", { class: "facts" }, facts.filter(Boolean).join(" · ")),
    title.warning ? make("p", { class: "bad" }, asText(title.warning)) : "",
    title.synopsis ? make("p", { class: "synopsis" }, title.synopsis) : "",
  ].filter(Boolean);
}

// Arrow keys go from shot to shot and the space bar plays, wherever the page has no other use for them.
function listen(playhead, stage, id) {
  function pressed(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(OWN_KEYS)) return;
    const inStrip = event.target.closest?.(".strip");
    const steps = { ArrowRight: 1, ArrowLeft: -1, ...(inStrip ? { PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity } : {}) };
    if (event.key === " ") {
      if (event.target.closest?.(PRESSED) || !stage.toggle()) return;
    } else if (event.key in steps) playhead.choose(Math.min(Math.max(playhead.shot + steps[event.key], 0), playhead.shots.length - 1));
    else return;
    event.preventDefault();
  }
  // The address says where one is, for a bookmark or somebody else; no new entry in the history for each shot.
  playhead.on("choose", () => history.replaceState(null, "", `#/title/${encodeURIComponent(id)}?t=${playhead.seconds.toFixed(2)}`));
  document.addEventListener("keydown", pressed);
  return () => document.removeEventListener("keydown", pressed);
}
