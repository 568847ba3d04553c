// Elements without strings of HTML: what comes from a catalog is text, never markup.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export function dots(thing) {
  const kinds = { video: "picture", audio: "sound", text: "words" };
  return make(
    "span",
    { role: "img", "aria-label": `has ${Object.keys(kinds).filter((k) => thing[`has_${k}`]).map((k) => kinds[k]).join(", ") || "nothing"}` },
    Object.keys(kinds).filter((k) => thing[`has_${k}`]).map((k) => make("span", { class: `dot ${k}` })),
  );
}

export function say(text) {
  document.getElementById("status").textContent = text;
}

export const later = (act, ms) => {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), ms);
  };
};
