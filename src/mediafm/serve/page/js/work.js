// What is being worked on: jobs with their progress, new ones, and titles that could not be ingested.

import * as api from "./api.js";
import { make, say } from "./dom.js";
import { icon } from "./icons.js";

const ENDED = ["done", "failed", "cancelled"];
const SHOWN = 20;
const EVERY_MS = 15_000;

export function makeWork(changed) {
  const list = make("ul", { class: "jobs", "aria-label": "Jobs" });
  const failed = make("div", {});
  const summary = make("span", {});
  const tools = make("span", { class: "tools" });
  const panel = make("details", { class: "work" }, make("summary", {}, summary), make("div", { class: "inside" }, list, failed));
  const element = make("section", { "aria-label": "Work and failures", hidden: true }, panel);
  const dialog = makeDialog(async (job) => { await api.addJob(job); await look(); panel.open = true; });
  let [known, failures, may, events, watched, timer, left] = [[], [], false, null, "", 0, false];

  async function begin() {
    const [who, films, models] = await Promise.all([api.who(), api.films(), api.models()]).catch(() => [{ role: "none" }, { films: [] }, { models: [] }]);
    may = ["write", "admin"].includes(who.role);
    if (may && films.films.length) tools.append(make("button", { type: "button", onclick: () => dialog.ingest(films.films) }, "Ingest films…"));
    if (may && models.models.length) tools.append(make("button", { type: "button", onclick: () => dialog.embed(models.models) }, "Embed…"));
    tools.parentElement.append(dialog.element); // outside the panel, which is hidden while there is nothing to tell
    await look();
  }

  async function look() {
    clearTimeout(timer);
    if (left) return;
    try {
      [known, failures] = await Promise.all([api.jobs().then((said) => said.jobs), api.failures().then((said) => said.failures)]);
      draw();
      follow();
    } catch (trouble) {
      if (!left) say(trouble.message);
    }
    if (!left) timer = setTimeout(look, EVERY_MS);
  }

  // One job runs at a time, so one stream is enough: a browser has few connections to a host.
  function follow() {
    const next = known.find((job) => job.state === "running") ?? known.filter((job) => job.state === "queued").at(-1);
    if ((next?.id ?? "") === watched) return;
    events?.close();
    watched = next?.id ?? "";
    if (!next) return;
    events = new EventSource(api.jobEvents(next.id));
    for (const state of ["queued", "running", ...ENDED]) events.addEventListener(state, (event) => heard(JSON.parse(event.data)));
    events.onerror = () => { events.close(); watched = ""; };
  }

  function heard(job) {
    known = known.map((one) => (one.id === job.id ? job : one));
    draw();
    if (!ENDED.includes(job.state)) return;
    events?.close();
    watched = "";
    say(`${named(job)}: ${job.state}.`);
    changed();
    look();
  }

  function draw() {
    const busy = known.filter((job) => !ENDED.includes(job.state)).length;
    const parts = [busy ? `${busy} ${busy === 1 ? "job" : "jobs"} at work` : "", failures.length ? `${failures.length} not ingested in full` : ""].filter(Boolean);
    element.hidden = !(parts.length || known.length);
    summary.replaceChildren(icon(failures.length && !busy ? "warning" : "work"), parts.join(" · ") || `${known.length} ${known.length === 1 ? "job" : "jobs"} done`);
    panel.classList.toggle("busy", busy > 0);
    list.replaceChildren(...known.slice(0, SHOWN).map(jobLine));
    failed.replaceChildren(...(failures.length ? [failureTable(failures)] : []));
  }

  function jobLine(job) {
    const { done = 0, total = null, stage = "", title = "", left_s: leftS = null } = job.progress;
    const running = job.state === "running";
    const bar = running ? make("progress", { max: total || 1, "aria-label": `${named(job)}, ${stage}`, ...(total ? { value: done } : {}) }) : "";
    const detail = running ? [stage, total ? `${done} of ${total}` : "", title, leftS ? `${Math.ceil(leftS)} s left` : ""].filter(Boolean).join(" · ") : job.state === "failed" ? job.said.split("\n").at(-1) : "";
    const cancel = may && !ENDED.includes(job.state) ? make("button", { type: "button", class: "quiet", onclick: () => api.cancelJob(job.id).then(look, (trouble) => say(trouble.message)) }, "Cancel") : "";
    return make(
      "li",
      { class: job.state },
      make("span", { class: "what" }, make("strong", {}, named(job)), make("span", { class: "state" }, job.state), make("small", {}, new Date(job.made).toLocaleString())),
      bar,
      detail ? make("small", { class: job.state === "failed" ? "bad" : "" }, detail) : "",
      cancel,
    );
  }

  const leave = () => { left = true; clearTimeout(timer); events?.close(); };
  return { element, tools, begin, leave };
}

const named = (job) => ({ ingest: "Ingest", embed: "Embed" })[job.kind] ?? job.kind;

function failureTable(failures) {
  const rows = failures.slice(0, 200).map((one) => make("tr", {}, make("th", { scope: "row" }, one.title), make("td", {}, one.reason), make("td", { class: "when" }, new Date(one.failed_at).toLocaleDateString())));
  return make("table", { class: "failures" }, make("caption", {}, `Not ingested in full (${failures.length})`), make("thead", {}, make("tr", {}, ["Title", "Why, and what helps", "When"].map((name) => make("th", { scope: "col" }, name)))), make("tbody", {}, rows));
}

function makeDialog(send) {
  const element = make("dialog", { class: "ask", "aria-labelledby": "ask-name" });

  function open(name, inside, read) {
    const trouble = make("p", { class: "bad", role: "alert" });
    const go = async (event) => {
      event.preventDefault();
      try {
        await send(read());
        element.close();
      } catch (error) {
        trouble.textContent = error.message;
      }
    };
    element.replaceChildren(make("form", { onsubmit: go }, make("h2", { id: "ask-name" }, name), ...inside, trouble, make("div", { class: "tools" }, make("button", { type: "button", onclick: () => element.close() }, "Not now"), make("button", { class: "main" }, "Start"))));
    element.showModal();
  }

  function ingest(films) {
    const boxes = films.slice(0, 2000).map((film) => make("label", {}, make("input", { type: "checkbox", value: film }), film));
    const filter = make("input", { type: "search", placeholder: `Filter ${films.length} films`, "aria-label": "Filter films", oninput: () => { for (const label of boxes) label.hidden = !label.textContent.toLowerCase().includes(filter.value.toLowerCase()); } });
    const all = make("button", { type: "button", class: "quiet", onclick: () => { for (const label of boxes) if (!label.hidden) label.firstChild.checked = true; } }, "Choose all");
    open("Ingest films", [make("div", { class: "tools" }, filter, all), make("div", { class: "choices", role: "group", "aria-label": "Films", tabindex: "0" }, boxes)], () => ({ kind: "ingest", films: boxes.filter((label) => label.firstChild.checked).map((label) => label.firstChild.value) }));
  }

  function embed(models) {
    const model = make("select", {}, models.map((name) => make("option", {}, name)));
    const context = make("select", {}, [["title", "the whole title"], ["past", "what came before"], ["none", "nothing but itself"]].map(([value, name]) => make("option", { value }, name)));
    open("Embed all titles", [make("label", {}, "Model", model), make("label", {}, "A shot is seen with", context)], () => ({ kind: "embed", model: model.value, context: context.value }));
  }

  return { element, ingest, embed };
}
