// The map: all shots or titles of a feature set on a plane; what is alike lies together.

import * as api from "./api.js";
import { clock, later, make, say } from "./dom.js";
import { load } from "./mapdata.js";
import { css } from "./palette.js";
import { plot } from "./plot.js";

const COLOURINGS = [["cluster", "cluster"], ["title", "title"], ["genre", "genre"], ["tag", "tag"], ["place", "place in title"]];
const LISTED = 120; // of a selection
const LEGEND = 40;

export async function show(draw, parameters) {
  const [{ maps }, { keyframes }] = await Promise.all([api.ask("/v1/maps"), api.catalog()]);
  const names = [...new Set(maps.map((entry) => entry.features))];
  const first = maps.find((entry) => entry.drawn) ?? maps[0];
  const asked = {
    features: names.includes(parameters.get("features")) ? parameters.get("features") : first.features,
    unit: parameters.get("unit") ?? first.unit,
    by: COLOURINGS.some(([name]) => name === parameters.get("by")) ? parameters.get("by") : "cluster",
  };
  const state = { data: null, colouring: null, hidden: new Set(), selected: new Set() };
  const card = make("div", { class: "card", hidden: true });
  const legend = make("section", { class: "legend", "aria-label": "Legend" });
  const chosen = make("section", { class: "chosen", "aria-live": "polite" });
  const clusters = make("section", { class: "clusters" });
  const about = make("p", { class: "faint about-map" });
  const plane = plot({ hover, open, select: (rows) => select(rows), told: (row) => say(told(state.data, row)) });
  const stage = make("div", { class: "stage" }, plane.element, card, tools(plane));
  const empty = make("section", { class: "not-drawn", hidden: true });
  const drawn = make("div", { class: "map-view" }, stage, make("div", { class: "map-side" }, legend, chosen));

  const features = choice("Features", names.map((name) => [name, label(name, maps)]), asked.features, (value) => change({ features: value }));
  const unit = choice("A point is", [["shot", "a shot"], ["title", "a title"]], asked.unit, (value) => change({ unit: value }));
  const by = choice("Colour by", COLOURINGS, asked.by, (value) => { asked.by = value; remember(); recolour(); });
  draw(make("h1", {}, "Map"), make("div", { class: "bar" }, features, unit, by), empty, drawn, about, clusters);

  async function change(what) {
    Object.assign(asked, what);
    remember();
    const kept = [...state.selected].map((row) => [state.data.title(row).title, state.data.shot(row)]);
    const sameUnit = !("unit" in what);
    await fetchMap(sameUnit ? kept : []);
  }

  const remember = () => history.replaceState(null, "", `#/map?${new URLSearchParams(asked)}`);

  async function fetchMap(keep) {
    let data;
    try {
      data = await load(asked.features, asked.unit);
    } catch (trouble) {
      if (trouble.status !== 404) throw trouble;
      notDrawn(empty, asked, () => fetchMap([]));
      for (const part of [drawn, about, clusters]) part.hidden = true;
      empty.hidden = false;
      return;
    }
    for (const part of [drawn, about, clusters]) part.hidden = false;
    empty.hidden = true;
    const move = state.data !== null && state.data.about.unit === data.about.unit && state.data.count === data.count;
    state.data = data;
    data.pictures = keyframes > 0; // imported shots have none
    state.selected = new Set(keep.map(([title, shot]) => data.rowOf(title, shot)).filter((row) => row >= 0));
    plane.element.setAttribute("aria-label", `Map of ${data.about.placed.toLocaleString()} ${data.about.unit}s. Arrow keys move, plus and minus zoom, Enter opens what is under the cross, 0 shows all. The clusters are listed below.`);
    plane.show(data.places, { move });
    recolour();
    about.textContent = describe(data.about);
    listClusters(clusters, data);
  }

  function recolour() {
    state.colouring = state.data.colouring(asked.by);
    state.hidden = new Set();
    paint();
    showLegend(legend, state, paint);
    showChosen(chosen, state, () => select(null));
  }

  function paint() {
    const { data, colouring, hidden, selected } = state;
    const rgba = new Uint8Array(4 * data.count);
    const quiet = selected.size > 0;
    const strength = Math.round(255 * (data.count > 20_000 ? 0.75 : 0.9));
    for (let row = 0; row < data.count; row += 1) {
      if (!data.has(row) || hidden.has(colouring.of[row])) continue;
      rgba.set(colouring.colour(row), 4 * row);
      rgba[4 * row + 3] = quiet && !selected.has(row) ? 40 : strength;
    }
    plane.colours(rgba, (row) => data.has(row) && !hidden.has(colouring.of[row]));
  }

  function select(rows) {
    state.selected = new Set(rows ?? []);
    paint();
    showChosen(chosen, state, () => select(null));
    if (rows) say(`${rows.length.toLocaleString()} ${state.data.about.unit}s selected`);
  }

  function open(row) {
    location.hash = address(state.data, row);
  }

  const words = later(async (row) => {
    if (card.dataset.row !== String(row) || state.data.about.unit !== "shot") return;
    const { shots } = await api.ask(`/v1/titles/${state.data.title(row).title.split("/").map(encodeURIComponent).join("/")}/shots`, { first: state.data.shot(row), limit: 1 }).catch(() => ({ shots: [] }));
    if (card.dataset.row === String(row) && shots[0]?.text) card.append(make("p", {}, shots[0].text.slice(0, 140)));
  }, 140);

  function hover(row, where) {
    card.hidden = row < 0;
    card.dataset.row = row;
    if (row < 0) return;
    const { data, colouring } = state;
    card.replaceChildren(
      picture(data, row),
      make("strong", {}, data.name(row)),
      make("small", {}, data.about.unit === "shot" ? `${clock(data.seconds(row))} · shot ${data.shot(row)}` : `${data.title(row).shots} shots`),
      make("small", { class: "group" }, colouring.groups[colouring.of[row]]?.name ?? ""),
    );
    const box = plane.element.getBoundingClientRect();
    card.style.left = `${where[0] > box.width - 250 ? where[0] - 236 : where[0] + 16}px`;
    card.style.top = `${Math.max(8, Math.min(where[1] - 40, box.height - 230))}px`;
    words(row);
  }

  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const repaint = () => { if (state.data) recolour(); };
  scheme.addEventListener("change", repaint);
  await fetchMap([]);
  return () => { scheme.removeEventListener("change", repaint); plane.end(); };
}

function choice(name, options, value, chosen) {
  const select = make("select", { onchange: () => chosen(select.value) }, options.map(([key, text]) => make("option", { value: key, selected: key === value }, text)));
  return make("label", {}, name, select);
}

const MODALITIES = { video: "picture", audio: "sound", text: "words" };

function label(name) {
  if (name === "concat") return "raw: picture, sound and words";
  return name in MODALITIES ? `raw: ${MODALITIES[name]}` : `in context: ${name}`;
}

function tools(plane) {
  const lasso = make("button", { type: "button", "aria-pressed": "false", title: "Draw a line around points (or hold Shift)", onclick: () => {
    const on = lasso.getAttribute("aria-pressed") !== "true";
    lasso.setAttribute("aria-pressed", String(on));
    plane.lasso(on);
  } }, "Select");
  return make(
    "div",
    { class: "map-tools", role: "group", "aria-label": "Map controls" },
    lasso,
    make("button", { type: "button", "aria-label": "Zoom in", onclick: () => plane.zoom(1.6) }, "+"),
    make("button", { type: "button", "aria-label": "Zoom out", onclick: () => plane.zoom(1 / 1.6) }, "−"),
    make("button", { type: "button", onclick: () => plane.reset() }, "All"),
  );
}

const address = (data, row) => `#/title/${encodeURIComponent(data.title(row).title)}${data.about.unit === "shot" ? `?t=${data.seconds(row).toFixed(3)}` : ""}`;

const told = (data, row) => `${data.name(row)}${data.about.unit === "shot" ? `, ${clock(data.seconds(row))}` : ""}`;

function picture(data, row) {
  const title = data.title(row);
  if (!title.has_video || !data.pictures) return "";
  return make("img", { src: api.pictureAddress(title.title, data.pictured(row), title.revision), alt: "", width: 220, height: 124, decoding: "async", onerror: (event) => event.target.remove() });
}

function describe(about) {
  const left = about.left_out ? ` ${about.left_out.toLocaleString()} points of titles that have changed since are left out.` : "";
  const missing = about.missing ? ` ${about.missing.toLocaleString()} titles came since: run mediafm map again to place them.` : "";
  const nowhere = about.points - about.placed ? ` ${(about.points - about.placed).toLocaleString()} have nothing under these features.` : "";
  return `${about.placed.toLocaleString()} ${about.unit}s of ${about.titles.length.toLocaleString()} titles. Neighbours are what counts: ${Math.round(100 * about.neighbours_kept)} % of the nearest are nearest here too; far distances and sizes of groups say little.${nowhere}${missing}${left}`;
}

function showLegend(legend, state, paint) {
  const { groups } = state.colouring;
  const boxes = groups.slice(0, LEGEND).map((group, number) => {
    const box = make("input", { type: "checkbox", checked: true, onchange: () => { toggle(number, box.checked); } });
    const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.backgroundColor = css(group.colour);
    const row = make("li", {}, make("label", {}, box, swatch, make("span", { class: "name" }, group.name), make("span", { class: "count" }, group.count.toLocaleString())));
    return { box, row };
  });
  function toggle(number, on) {
    if (on) state.hidden.delete(number);
    else state.hidden.add(number);
    paint();
  }
  function all(on) {
    groups.forEach((_, number) => (on ? state.hidden.delete(number) : state.hidden.add(number)));
    for (const { box } of boxes) box.checked = on;
    paint();
  }
  legend.replaceChildren(
    make("div", { class: "map-head" }, make("h2", {}, "Legend"), make("button", { type: "button", onclick: () => all(true) }, "All"), make("button", { type: "button", onclick: () => all(false) }, "None")),
    make("ul", {}, boxes.map(({ row }) => row)),
    groups.length > LEGEND ? make("p", { class: "faint" }, `and ${(groups.length - LEGEND).toLocaleString()} more`) : "",
  );
}

function showChosen(section, state, clear) {
  const { data, selected } = state;
  if (!selected.size) {
    section.replaceChildren(make("h2", {}, "Selection"), make("p", { class: "faint" }, "Choose Select, or hold Shift, and draw a line around points to list them."));
    return;
  }
  const rows = [...selected];
  section.replaceChildren(
    make("div", { class: "map-head" }, make("h2", {}, `${rows.length.toLocaleString()} selected`), make("button", { type: "button", onclick: clear }, "Clear")),
    make("ul", { class: "list" }, rows.slice(0, LISTED).map((row) => make("li", {}, make("a", { href: address(data, row) }, thumbnail(data, data.title(row), data.pictured(row)), make("span", {}, data.name(row), data.about.unit === "shot" ? make("small", {}, clock(data.seconds(row))) : ""))))),
    rows.length > LISTED ? make("p", { class: "faint" }, `and ${(rows.length - LISTED).toLocaleString()} more`) : "",
  );
}

function thumbnail(data, title, shot) {
  return title.has_video && data.pictures ? make("img", { src: api.pictureAddress(title.title, shot, title.revision), alt: "", loading: "lazy", decoding: "async", width: 96, height: 54, onerror: (event) => event.target.remove() }) : "";
}

function listClusters(section, data) {
  const titles = new Map(data.about.titles.map((title) => [title.title, title]));
  section.replaceChildren(
    make("h2", {}, "Clusters"),
    make("ol", {}, data.about.clusters.map((cluster, number) => make(
      "li",
      {},
      make("h3", {}, data.clusterName(number)),
      make("p", { class: "faint" }, `${cluster.size.toLocaleString()} ${data.about.unit}s${cluster.words.length > 3 ? `; also said: ${cluster.words.slice(3).join(", ")}` : ""}`),
      make("ul", {}, cluster.typical.map((typical) => {
        const title = titles.get(typical.title);
        const shots = data.about.unit === "shot";
        return make("li", {}, make("a", { href: `#/title/${encodeURIComponent(typical.title)}${shots ? `?t=${typical.start_s.toFixed(3)}` : ""}` },
          thumbnail(data, title, shots ? typical.shot : Math.floor(title.shots / 3)), make("small", {}, title.name || title.title, shots ? ` ${clock(typical.start_s)}` : "")));
      })),
    ))),
  );
}

function notDrawn(section, asked, done) {
  const button = make("button", { type: "button", class: "main", onclick: draw }, "Draw this map");
  const standing = make("p", { class: "faint", role: "status" });
  section.replaceChildren(
    make("h2", {}, "This map has not been drawn yet"),
    make("p", {}, "Drawing takes seconds for a few thousand points and minutes for a hundred thousand. It goes on in the background."),
    make("pre", {}, `mediafm map --catalog CATALOG --features ${asked.features} --unit ${asked.unit}`),
    button,
    standing,
  );
  async function draw() {
    button.disabled = true;
    try {
      const job = await api.ask("/v1/jobs", {}, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ kind: "map", features: asked.features, unit: asked.unit }) });
      const events = new EventSource(`/v1/jobs/${job.id}/events`);
      const look = (event) => {
        const { state, progress, said } = JSON.parse(event.data);
        standing.textContent = progress.total ? `${state}: ${progress.done} of ${progress.total} ${progress.unit}` : state;
        if (!["done", "failed", "cancelled"].includes(state)) return;
        events.close();
        button.disabled = false;
        if (state === "done") done();
        else standing.textContent = `${state}: ${said.split("\n").at(-1)}`;
      };
      for (const name of ["queued", "running", "done", "failed", "cancelled"]) events.addEventListener(name, look);
      events.onerror = () => { events.close(); button.disabled = false; };
    } catch (trouble) {
      standing.textContent = trouble.message;
      button.disabled = false;
    }
  }
}
