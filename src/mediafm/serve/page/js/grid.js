// A list or grid of any length: only what can be seen is in the page, and pages are fetched as they come into sight.

import { make } from "./dom.js";

const SPARE = 2; // rows kept above and below what can be seen

// load(after) -> { items, total, after }; card(item, width) -> element with one link; shape(width) -> { columns, width, height, gap }.
export function makeGrid({ label, load, card, shape, told }) {
  const element = make("div", { class: "shelf", role: "list", "aria-label": label });
  const there = new Map();
  let items = [];
  let [total, after, busy, turn, now, form] = [0, "", null, 0, 0, shape(800)];
  let trouble = "";

  async function begin() {
    turn += 1;
    [items, after, busy, now, trouble] = [[], "", null, 0, ""];
    await fetchMore(true);
  }

  function fetchMore(anew = false) {
    if (busy || after === null) return busy;
    const mine = turn;
    busy = load(after)
      .then((page) => {
        if (mine !== turn) return;
        if (anew) clear();
        items = items.concat(page.items);
        [total, after, trouble] = [page.total, page.after, ""];
        told?.(total, items.length);
      })
      .catch((error) => {
        if (mine !== turn) return;
        [after, trouble] = [null, error.message];
        if (anew) { clear(); throw error; }
      })
      .finally(() => {
        if (mine !== turn) return;
        busy = null;
        layOut();
      });
    return busy;
  }

  function clear() {
    for (const shown of there.values()) shown.remove();
    there.clear();
  }

  function layOut() {
    if (!element.isConnected) return;
    const wanted = shape(element.clientWidth);
    if (wanted.columns !== form.columns || wanted.width !== form.width || wanted.height !== form.height) {
      form = wanted;
      clear();
    }
    const { columns, height, gap } = form;
    const tall = height + gap;
    element.style.height = `${Math.max(0, Math.ceil(total / columns) * tall - gap)}px`;
    const top = element.getBoundingClientRect().top;
    const first = Math.max(0, (Math.floor(-top / tall) - SPARE) * columns);
    const end = Math.min(total, (Math.ceil((innerHeight - top) / tall) + SPARE) * columns);
    for (const [index, shown] of there) {
      const kept = index >= first && index < end;
      if (!kept && !shown.contains(document.activeElement)) { shown.remove(); there.delete(index); }
    }
    for (let index = first; index < end; index += 1) if (!there.has(index) && items[index]) add(index);
    if (end > items.length && !trouble) fetchMore();
  }

  function add(index) {
    const { columns, width, height, gap } = form;
    const shown = make("div", { role: "listitem", class: "place", "aria-setsize": total, "aria-posinset": index + 1 }, card(items[index], width));
    shown.style.transform = `translate(${(index % columns) * (width + gap)}px, ${Math.floor(index / columns) * (height + gap)}px)`;
    shown.style.width = `${width}px`;
    shown.style.height = `${height}px`;
    const link = shown.querySelector("a");
    link.tabIndex = index === now ? 0 : -1;
    link.addEventListener("focus", () => { there.get(now)?.querySelector("a")?.setAttribute("tabindex", "-1"); now = index; link.tabIndex = 0; });
    there.set(index, shown);
    element.append(shown);
  }

  async function goTo(index) {
    const wanted = Math.min(total - 1, Math.max(0, index));
    while (items.length <= wanted && after !== null) await fetchMore();
    if (!items[wanted]) return;
    const { columns, height, gap } = form;
    const top = element.getBoundingClientRect().top + Math.floor(wanted / columns) * (height + gap);
    if (top < 90 || top + height > innerHeight - 20) scrollBy(0, top - innerHeight / 2 + height / 2);
    layOut();
    there.get(wanted)?.querySelector("a")?.focus({ preventScroll: true });
  }

  element.addEventListener("keydown", (event) => {
    const rows = Math.max(1, Math.floor(innerHeight / (form.height + form.gap)) - 1) * form.columns;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: form.columns, ArrowUp: -form.columns, PageDown: rows, PageUp: -rows, Home: -total, End: total }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    goTo(now + step);
  });

  let asked = false;
  const soon = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; layOut(); });
  };
  addEventListener("scroll", soon, { passive: true });
  addEventListener("resize", soon);
  const leave = () => {
    turn += 1;
    removeEventListener("scroll", soon);
    removeEventListener("resize", soon);
  };
  const reshape = (other) => { shape = other; layOut(); };
  return { element, begin, layOut, leave, reshape, goTo, count: () => total };
}
