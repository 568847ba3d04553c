// The catalogue: every title with a picture, in any order, and what is being worked on.

import * as api from "./api.js";
import { clock, dots, later, make } from "./dom.js";
import { makeGrid } from "./grid.js";
import { icon } from "./icons.js";
import { makeWork } from "./work.js";

const ORDERS = [["name", "Name"], ["newest", "Newest"], ["year", "Year"], ["longest", "Longest"], ["shots", "Most shots"]];
const HAS = [["video", "Picture"], ["audio", "Sound"], ["text", "Words"]];
const FIELDS = ["words", "genre", "tag", "since", "until", "state", "order", "look"];
const FIRST = 60;
const MORE = 500;

export async function show(draw, parameters) {
  const asked = Object.fromEntries(FIELDS.map((name) => [name, parameters.get(name) ?? ""]));
  asked.has = parameters.getAll("has");
  const count = make("p", { class: "count", role: "status" });
  const empty = make("div", { class: "empty", hidden: true });
  const list = () => asked.look === "list";
  const grid = makeGrid({
    label: "Titles",
    shape: (width) => (list() ? asList(width) : asGrid(width)),
    card: (title) => (list() ? row(title) : poster(title)),
    load: async (after) => {
      const { look: _, ...rest } = asked;
      const page = await api.shelf({ ...rest, after, limit: after ? MORE : FIRST });
      return { items: page.titles, total: page.total, after: page.after };
    },
    told: (total) => {
      count.textContent = `${total.toLocaleString()} ${total === 1 ? "title" : "titles"}`;
      empty.hidden = total > 0;
      empty.replaceChildren(...nothing(asked));
    },
  });
  const work = makeWork(() => again());
  let left = false; // what is typed just before is asked for no more
  const again = () => {
    if (left) return undefined;
    const written = new URLSearchParams();
    for (const name of FIELDS) if (asked[name]) written.append(name, asked[name]);
    for (const name of asked.has) written.append("has", name);
    history.replaceState(null, "", `#/${written.size ? `?${written}` : ""}`);
    return grid.begin().catch((trouble) => { count.textContent = ""; empty.hidden = false; empty.replaceChildren(make("p", { class: "bad", role: "alert" }, trouble.message)); });
  };

  const first = grid.begin();
  const facets = await api.facets();
  const bar = makeBar(facets, asked, again);
  draw(make("div", { class: "head" }, make("h1", {}, "Catalogue"), count, work.tools, make("span", { class: "end" }, ordered(asked, again), looks(asked, again))), work.element, bar, grid.element, empty);
  await first;
  grid.layOut();
  work.begin();
  return () => { left = true; grid.leave(); work.leave(); };
}

function nothing(asked) {
  const filtered = FIELDS.slice(0, 6).some((name) => asked[name]) || asked.has.length;
  if (filtered) {
    const clear = () => { location.hash = "#/?"; };
    return [make("p", {}, "No title fits all of these filters."), make("button", { type: "button", onclick: clear }, "Show all titles")];
  }
  return [make("p", {}, "There are no titles yet."), make("p", { class: "faint" }, "Fill the catalogue with ", make("code", {}, "mediafm ingest --catalog CATALOG FILMS"), ".")];
}

function makeBar(facets, asked, again) {
  const soon = later(again, 160);
  const field = (name, tag, attributes, ...children) => {
    const element = make(tag, { ...attributes, oninput: () => { asked[name] = element.value.trim(); soon(); } }, ...children);
    element.value = asked[name];
    return element;
  };
  const choice = (name, all, counts) => field(name, "select", { "aria-label": all }, make("option", { value: "" }, all), Object.entries(counts).map(([value, n]) => make("option", { value }, `${value} (${n})`)));
  const toggle = (name, label) => {
    const box = make("input", { type: "checkbox", checked: asked.has.includes(name), onchange: () => { asked.has = box.checked ? [...asked.has, name] : asked.has.filter((one) => one !== name); again(); } });
    return make("label", { class: "chip" }, box, make("span", {}, make("i", { class: `dot ${name}` }), label));
  };
  const year = (name, label, value) => field(name, "input", { type: "number", class: "year", min: facets.years[0], max: facets.years[1], placeholder: value, "aria-label": label });
  const states = [["", "Any state"], facets.live ? ["live", `Live (${facets.live})`] : null, facets.warnings ? ["warning", `With a warning (${facets.warnings})`] : null].filter(Boolean);
  return make(
    "form",
    { class: "filters", role: "search", "aria-label": "Filter titles", onsubmit: (event) => event.preventDefault() },
    make("span", { class: "field grow" }, icon("search"), field("words", "input", { type: "search", placeholder: "Find a title", "aria-label": "Find a title", maxlength: 500 })),
    make(
      "span",
      { class: "rest" },
      Object.keys(facets.genres).length ? choice("genre", "All genres", facets.genres) : "",
      Object.keys(facets.tags).length ? choice("tag", "All tags", facets.tags) : "",
      facets.years ? make("span", { class: "years" }, year("since", "From year", facets.years[0]), "–", year("until", "To year", facets.years[1])) : "",
      states.length > 1 ? field("state", "select", { "aria-label": "State" }, states.map(([value, name]) => make("option", { value }, name))) : "",
      make("span", { class: "chips", role: "group", "aria-label": "Has" }, HAS.map(([name, label]) => toggle(name, label))),
    ),
  );
}

function looks(asked, again) {
  const buttons = [["", "grid", "Posters"], ["list", "list", "List"]].map(([value, drawing, label]) => {
    const choose = () => {
      asked.look = value;
      for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
      again();
    };
    const button = make("button", { type: "button", "aria-label": label, title: label, "aria-pressed": String(asked.look === value), onclick: choose }, icon(drawing));
    return button;
  });
  return make("span", { class: "looks", role: "group", "aria-label": "Shown as" }, buttons);
}

function ordered(asked, again) {
  const element = make("select", { "aria-label": "Order", onchange: () => { asked.order = element.value; again(); } }, ORDERS.map(([value, name]) => make("option", { value }, name)));
  element.value = asked.order || "name";
  return element;
}

function asGrid(width) {
  const gap = width < 560 ? 14 : 22;
  const columns = Math.max(2, Math.floor((width + gap) / (width < 560 ? 150 + gap : 210 + gap)));
  const each = Math.floor((width - gap * (columns - 1)) / columns);
  return { columns, width: each, height: Math.round((each * 9) / 16) + 68, gap };
}

const asList = (width) => ({ columns: 1, width, height: width < 560 ? 68 : 60, gap: 0 });

const address = (title) => `#/title/${encodeURIComponent(title.title)}`;

function picture(title) {
  return title.poster
    ? make("img", { src: title.poster, alt: "", decoding: "async", width: 320, height: 180, onload: (event) => event.target.classList.add("here") })
    : make("span", { class: "nothing" }, icon(title.has_audio ? "sound" : "words"));
}

function badge(title) {
  if (title.live) return make("span", { class: "badge live" }, "live");
  return title.warning ? make("span", { class: "badge", title: title.warning }, icon("warning"), make("span", { class: "hidden" }, title.warning)) : "";
}

function poster(title) {
  return make(
    "a",
    { class: "poster", href: address(title) },
    make("span", { class: "frame" }, picture(title), badge(title), make("span", { class: "time" }, clock(title.duration_s))),
    make("strong", {}, title.name || title.title),
    make("small", {}, [title.year, `${title.shots.toLocaleString()} shots`].filter(Boolean).join(" · ")),
    dots(title),
  );
}

function row(title) {
  return make(
    "a",
    { class: "row", href: address(title) },
    make("span", { class: "frame" }, picture(title)),
    make("span", { class: "name" }, make("strong", {}, title.name || title.title), badge(title), make("small", {}, title.genres.join(", "))),
    make("span", { class: "cell" }, title.year ?? ""),
    make("span", { class: "cell" }, clock(title.duration_s)),
    make("span", { class: "cell" }, `${title.shots.toLocaleString()} shots`),
    dots(title),
  );
}
