// Which view the address asks for. A view is a module with show(draw, parameters, id), which draws once it has what it shows, and
// not at all where another view was asked for meanwhile; it may return how to leave it.

import * as api from "./api.js";
import { make, say } from "./dom.js";
import * as catalogue from "./catalogue.js";
import * as map from "./map.js";
import * as model from "./model.js";
import * as search from "./search.js";
import * as title from "./title.js";

const view = document.getElementById("view");
let leave = null;
let turn = 0;

function route() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?", 2);
  const [name = "", ...rest] = path.replace(/^\//, "").split("/");
  return { module: { "": catalogue, search, title, map, model }[name] ?? catalogue, name, id: decodeURIComponent(rest.join("/")), parameters: new URLSearchParams(query) };
}

async function show() {
  const { module, name, id, parameters } = route();
  const mine = (turn += 1);
  leave?.();
  leave = null;
  for (const link of document.querySelectorAll("nav a")) {
    const current = link.getAttribute("href") === (["search", "map", "model"].includes(name) ? `#/${name}` : "#/");
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  say("");
  try {
    const end = await module.show((...shown) => { if (mine === turn) view.replaceChildren(...shown); }, parameters, id);
    if (mine !== turn) return end?.();
    leave = end ?? null;
    document.title = `${view.querySelector("h1")?.textContent ?? "mediafm"} – mediafm`;
  } catch (trouble) {
    if (mine !== turn) return undefined;
    if (trouble.status === 401) askForKey();
    else view.append(make("p", { class: "bad", role: "alert" }, trouble.message));
  }
  return undefined;
}

function askForKey() {
  const key = make("input", { type: "password", autocomplete: "current-password", required: true });
  const form = make("form", { class: "bar", onsubmit: enter }, make("label", {}, "Key", key), make("button", { class: "main" }, "Enter"));
  async function enter(event) {
    event.preventDefault();
    try {
      await api.enter(key.value);
      show();
    } catch (trouble) {
      say(trouble.message);
    }
  }
  view.replaceChildren(make("h1", {}, "This catalogue takes a key"), form);
  key.focus();
}

document.getElementById("quick").addEventListener("submit", (event) => {
  event.preventDefault();
  const words = document.getElementById("quick-words").value.trim();
  if (words) location.hash = `#/search?words=${encodeURIComponent(words)}`;
});
const place = () => `${route().name}/${route().id}`;
let shown = place();
addEventListener("hashchange", () => {
  if (shown !== place()) scrollTo(0, 0); // another view begins at its top, not where the last one was left
  shown = place();
  show().then(() => view.focus({ preventScroll: true }));
});
show();
