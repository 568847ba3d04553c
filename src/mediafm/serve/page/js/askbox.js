// The box that a search is asked in: words, and files that are chosen, dropped anywhere on the page, or pasted.

import { make } from "./dom.js";
import { icon } from "./icons.js";

// go: asks; take: gets a file. `element` and the field `words`.
export function makeBox(asked, go, take) {
  const words = make("input", { type: "search", class: "words", "aria-label": "Words to look for", placeholder: "What happens, what is said …", maxlength: 2000, value: asked, autocomplete: "off" });
  const element = make(
    "form",
    { class: "ask-box", role: "search", "aria-label": "Search", onsubmit: (event) => { event.preventDefault(); go(); } },
    icon("search"),
    words,
    fileButton("picture", "image/jpeg,image/png,image/webp", "Search by a picture", take),
    fileButton("sound", "audio/*,video/*", "Search by a sound", take),
    make("button", { class: "main" }, "Search"),
  );
  return { element, words };
}

function fileButton(kind, accept, label, take) {
  const chosen = () => { if (input.files[0]) take(input.files[0]); input.value = ""; };
  const input = make("input", { type: "file", accept, hidden: true, "aria-label": label, onchange: chosen });
  return [make("button", { type: "button", class: "tool", title: label, "aria-label": label, onclick: () => input.click() }, icon(kind)), input];
}

// Files that are dropped anywhere on the page, or pasted; the answer ends that.
export function catchFiles(take) {
  const view = document.getElementById("view");
  const over = (event) => { if ([...event.dataTransfer.types].includes("Files")) { event.preventDefault(); view.classList.add("dropping"); } };
  const out = (event) => { if (!event.relatedTarget) view.classList.remove("dropping"); };
  const drop = (event) => {
    view.classList.remove("dropping");
    const [file] = event.dataTransfer.files;
    if (!file) return;
    event.preventDefault();
    take(file);
  };
  const paste = (event) => { const [file] = event.clipboardData.files; if (file) { event.preventDefault(); take(file); } };
  const heard = { dragover: over, dragleave: out, drop, paste };
  for (const [name, act] of Object.entries(heard)) document.addEventListener(name, act);
  return () => { view.classList.remove("dropping"); for (const [name, act] of Object.entries(heard)) document.removeEventListener(name, act); };
}
