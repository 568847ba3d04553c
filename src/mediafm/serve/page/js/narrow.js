// What narrows a search: units, how shots are compared, and filters.

import { FILTERS, PLAIN } from "./asking.js";
import { make } from "./dom.js";

export function makeFilters(asked, facets, sets, go) {
  const fields = new Map();
  const field = (name, tag, attributes, ...children) => {
    const element = make(tag, { ...attributes, onchange: () => { asked[name] = element.type === "checkbox" ? (element.checked ? "1" : "") : element.value.trim(); go(); } }, ...children);
    fields.set(name, element);
    return element;
  };
  const choice = (name, all, counts) => make("label", {}, all, field(name, "select", {}, make("option", { value: "" }, "any"), Object.entries(counts).map(([value, n]) => make("option", { value }, `${value} (${n})`))));
  const switcher = (name, label, options) => make("fieldset", { class: "switch" }, make("legend", { class: "hidden" }, label), options.map(([value, text]) => {
    const radio = make("input", { type: "radio", name, value, onchange: () => { asked[name] = value; go(); } });
    fields.set(`${name}=${value}`, radio);
    return make("label", {}, radio, make("span", {}, text));
  }));
  const number = (name, label, step, placeholder = "") => make("label", {}, label, field(name, "input", { type: "number", min: 0, step, placeholder, inputmode: "decimal" }));
  const by = sets.length ? switcher("by", "Compared", [["", "In context"], ["own", "By itself"], ["both", "Side by side"]]) : "";
  const summary = make("summary", {}, "Filters");
  const years = facets.years && facets.fields.includes("year");
  const more = make(
    "details",
    { class: "more-filters", open: FILTERS.some((name) => asked[name]) },
    summary,
    make(
      "div",
      { class: "inside" },
      Object.keys(facets.genres).length ? choice("genre", "Genre", facets.genres) : "",
      Object.keys(facets.tags).length ? choice("tag", "Tag", facets.tags) : "",
      years ? [number("since", "From year", 1, facets.years[0]), number("until", "To year", 1, facets.years[1])] : "",
      make("label", {}, "Title", field("title", "input", { type: "text", placeholder: "id or s01*", maxlength: 1000 })),
      number("after", "After minute", "any"),
      number("before", "Before minute", "any"),
      make("label", { class: "tick" }, field("twins", "input", { type: "checkbox" }), "Show near-duplicates"),
    ),
  );
  const element = make("div", { class: "narrow" }, switcher("unit", "Find", [["shot", "Shots"], ["clip", "Clips"], ["title", "Titles"]]), by, more);
  const draw = () => {
    for (const [name, input] of fields) {
      const [key, value] = name.split("=");
      if (input.type === "radio") input.checked = (asked[key] || (key === "unit" ? "shot" : "")) === value;
      else if (input.type === "checkbox") input.checked = Boolean(asked[name]);
      else if (PLAIN.includes(name)) input.value = asked[name];
    }
    if (by) by.hidden = !asked.like.length;
    const set = FILTERS.filter((name) => asked[name]).length;
    summary.textContent = set ? `Filters (${set})` : "Filters";
  };
  return { element, draw };
}
