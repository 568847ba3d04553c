// Models: runs with their curves and recipes, side by side; what probes and ablations found.

import * as api from "./api.js";
import { intervalScale, lineChart, number } from "./charts.js";
import { clock, make } from "./dom.js";
import { category, grey } from "./palette.js";

const SHOWN_AT_FIRST = 1;
const TRIVIAL = { title_mean: "title's mean", previous: "shot before", neighbours: "mean of neighbours" };

const path = (name) => name.split("/").map(encodeURIComponent).join("/");

export async function show(draw, parameters) {
  const [{ runs }, { probes }, { ablations }] = await Promise.all(["runs", "probes", "ablations"].map((kind) => api.ask(`/v1/${kind}`)));
  const readable = runs.filter((run) => !run.trouble);
  const wanted = parameters.getAll("run").filter((name) => readable.some((run) => run.name === name));
  const chosen = new Set(wanted.length ? wanted : readable.slice(0, SHOWN_AT_FIRST).map((run) => run.name));
  const details = new Map();
  const body = make("div", { class: "runs-body" });
  const picker = make("ul", { class: "picker" }, runs.map((run, i) => runChoice(run, i, chosen, refresh)));

  async function refresh() {
    history.replaceState(null, "", `#/model?${new URLSearchParams([...chosen].map((name) => ["run", name]))}`);
    const missing = [...chosen].filter((name) => !details.has(name));
    for (const told of await Promise.all(missing.map((name) => api.ask(`/v1/runs/${path(name)}`)))) details.set(told.name, told);
    const told = readable.map((run, i) => ({ ...details.get(run.name), colour: category(i), shown: chosen.has(run.name) })).filter((run) => run.shown && details.has(run.name));
    body.replaceChildren(...(told.length ? [charts(told), comparison(told), encoders(told)] : [make("p", { class: "faint" }, "Choose a run to see its curves.")]));
  }

  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", refresh);
  draw(
    make("h1", {}, "Model"),
    make("section", { class: "runs", "aria-label": "Runs" }, make("h2", {}, "Runs"), runs.length ? picker : none("No run is at hand.", "mediafm serve --catalog CATALOG --runs FOLDER"), body),
    make("section", { "aria-label": "Probes" }, make("h2", {}, "Probes"), probes.length ? results(probes, "probe", probeTable) : none("No probe results are at hand.", "mediafm probe --catalog CATALOG --task TASK.toml --out FOLDER/NAME")),
    make("section", { "aria-label": "Ablations" }, make("h2", {}, "Ablations"), ablations.length ? results(ablations, "ablation", ablationTable) : none("No ablations are at hand.", "mediafm ablate GRID.toml --catalog CATALOG --out FOLDER/NAME")),
  );
  if (runs.length) await refresh();
  return () => scheme.removeEventListener("change", refresh);
}

const none = (said, command) => make("div", {}, make("p", { class: "faint" }, said), make("pre", {}, command));

function runChoice(run, number_of, chosen, refresh) {
  const box = make("input", { type: "checkbox", checked: chosen.has(run.name), disabled: Boolean(run.trouble), onchange: () => {
    if (box.checked) chosen.add(run.name);
    else chosen.delete(run.name);
    refresh();
  } });
  const said = run.trouble || [run.status, run.msm === null ? "" : `distance ${number(run.msm)}`, run.parameters ? `${(run.parameters / 1e6).toFixed(1)} M weights` : ""].filter(Boolean).join(" · ");
  return make("li", {}, make("label", {}, box, make("span", {}, make("strong", {}, run.name), make("small", { class: run.trouble ? "bad" : "" }, said))));
}

function charts(runs) {
  const alone = runs.length === 1;
  const curve = (name, options = {}) => runs.map((run) => ({ name: alone && options.title ? options.title : `${run.name}${options.title && !alone ? `, ${options.title}` : ""}`, points: run.curves[name] ?? [], colour: run.colour, ...options })).filter((one) => one.points.length);
  const trivial = alone ? Object.entries(TRIVIAL).map(([name, title], i) => ({ name: title, points: runs[0].curves[name] ?? [], colour: grey(), dash: ["6 4", "2 3", "8 3 2 3"][i] })) : [];
  const main = lineChart({
    title: "Hidden shots",
    note: "cosine distance of what is guessed from what is there: lower is better; dashed: what needs no model",
    series: [...curve("loss", { title: "training", faint: true }), ...curve("msm", { title: "validation" }), ...trivial],
    height: 320,
  });
  const small = [["rate", "Learning rate"], ["objective", "Objective"], ["gradient_norm", "Norm of the gradient"], ["shots_per_s", "Shots a second"]]
    .map(([name, title]) => ({ title, series: curve(name), height: 170, zero: true })).filter((one) => one.series.length);
  return make("div", { class: "charts" }, main, make("div", { class: "small-charts" }, small.map(lineChart)));
}

function comparison(runs) {
  const changed = [...new Set(runs.flatMap((run) => Object.keys(run.recipe.changes ?? {})))].sort();
  const facts = [
    ["status", (run) => run.status],
    ["steps", (run) => (run.standing.steps === null ? "–" : `${number(run.standing.steps)} of ${number(run.standing.planned_steps)}`)],
    ["time", (run) => (run.standing.seconds === null ? "–" : clock(run.standing.seconds))],
    ["weights", (run) => number(run.model?.parameters ?? null)],
    ["layers × width", (run) => (run.model ? `${run.model.layers} × ${run.model.hidden}` : "–")],
    ["distance at best", (run) => number(run.measures.msm)],
    ["below the best trivial guess by", (run) => number(run.measures.margin)],
    ["best step", (run) => number(run.measures.best_step)],
    ["trained on", (run) => (run.catalog.shots === null ? "–" : `${number(run.catalog.shots)} shots of ${number(run.catalog.titles)} titles`)],
    ["preset", (run) => run.catalog.preset ?? "–"],
    ["nearest packaged recipe", (run) => run.recipe.nearest ?? "–"],
  ];
  const setting = (run, key) => {
    const change = run.recipe.changes?.[key];
    return change ? make("span", {}, make("strong", {}, written(change.here)), make("small", { class: "faint" }, ` packaged: ${written(change.packaged)}`)) : make("span", { class: "faint" }, "as packaged");
  };
  return make(
    "div",
    { class: "comparison" },
    make("h3", {}, runs.length > 1 ? "Runs compared" : "The run"),
    scroll("Runs compared", make(
      "table",
      {},
      make("thead", {}, make("tr", {}, make("td", {}), runs.map((run) => make("th", { scope: "col" }, run.name)))),
      make("tbody", {}, facts.map(([name, of]) => make("tr", {}, make("th", { scope: "row" }, name), runs.map((run) => make("td", {}, of(run)))))),
      changed.length ? make("tbody", {}, make("tr", {}, make("th", { scope: "rowgroup", colspan: runs.length + 1, class: "part" }, "Settings other than the packaged recipe's")), changed.map((key) => make("tr", {}, make("th", { scope: "row" }, make("code", {}, key)), runs.map((run) => make("td", {}, setting(run, key)))))) : "",
    )),
    changed.length ? "" : make("p", { class: "faint" }, "The recipe is the packaged one, unchanged."),
    runs.flatMap((run) => run.advice.map((line) => make("p", {}, make("strong", {}, `${run.name}: `), typeof line === "string" ? line : JSON.stringify(line)))),
  );
}

function encoders(runs) {
  const rows = runs.flatMap((run) => Object.entries(run.encoders).map(([modality, encoder]) => [run.name, modality, encoder.name, number(encoder.dim ?? null), encoder.licence || "not stated"]));
  if (!rows.length) return "";
  return make("div", {}, make("h3", {}, "Encoders and licences"), scroll("Encoders and licences", plain(["run", "modality", "encoder", "numbers", "licence"], rows)));
}

function results(found, kind, render) {
  const place = make("div", {});
  const select = make("select", { onchange: look }, found.map((one) => make("option", { value: one.name }, one.task ? `${one.name} (${one.metric})` : one.name)));
  async function look() {
    try {
      place.replaceChildren(...render(await api.ask(`/v1/${kind}s/${path(select.value)}`)));
    } catch (trouble) {
      place.replaceChildren(make("p", { class: "bad", role: "alert" }, trouble.message));
    }
  }
  look();
  return make("div", {}, make("div", { class: "bar" }, make("label", {}, kind === "probe" ? "Result" : "Grid", select)), place);
}

function probeTable(result) {
  const scale = intervalScale(result.rows);
  const leaders = new Set(result.leaders);
  const rows = [...result.rows].sort((a, b) => b.score - a.score).map((row) => make(
    "tr",
    { class: leaders.has(row.features) ? "leads" : "" },
    make("th", { scope: "row" }, row.features),
    make("td", { class: "drawn" }, scale.cell(row, leaders.has(row.features) ? category(0) : grey())),
    make("td", { class: "number" }, number(row.score)),
    make("td", { class: "number faint" }, row.low === null ? "–" : `${number(row.low)} – ${number(row.high)}`),
    make("td", { class: "number faint" }, number(row.chance)),
    make("td", { class: "number" }, difference(row.versus_concat)),
  ));
  return [
    ...result.verdict.map((line) => make("p", { class: "verdict" }, line)),
    scroll(`Probe ${result.task}`, make(
      "table",
      { class: "scores" },
      make("caption", {}, `${result.task}: ${result.metric.replaceAll("_", " ")}, ${number(result.test_examples)} held-out examples of ${number(result.test_titles)} titles. Dots: scores; bars: 95 % over titles; ticks: chance; drawn from ${scale.said}.`),
      make("thead", {}, make("tr", {}, ["features", "score", "", "interval", "chance", "over concat"].map((name, i) => (i === 1 ? make("th", { scope: "col", colspan: 2 }, name) : i === 2 ? "" : make("th", { scope: "col" }, name))))),
      make("tbody", {}, rows),
    )),
    result.notes.length ? make("ul", { class: "faint" }, result.notes.map((note) => make("li", {}, note))) : "",
  ];
}

// Bold only what stands with all comparisons of the table taken into account.
function difference(found) {
  if (!found) return "–";
  const said = `${found.difference >= 0 ? "+" : "−"}${number(Math.abs(found.difference))}`;
  return found.p_table !== null && found.p_table < 0.05 ? make("strong", {}, said) : said;
}

function ablationTable(result) {
  return Object.entries(result.metrics).map(([task, metric]) => {
    const rows = result.rows.filter((row) => row.scores[task]).map((row) => ({ ...row, ...row.scores[task], chance: result.chance[task] }));
    const scale = intervalScale(rows);
    return scroll(`Ablation, ${task}`, make(
      "table",
      { class: "scores" },
      make("caption", {}, `${task}: ${metric.replaceAll("_", " ")}, seeds ${result.seeds.join(", ")}; held against ${result.baseline}. Drawn from ${scale.said}.`),
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "row"), make("th", { scope: "col" }, "settings"), make("th", { scope: "col", colspan: 2 }, "score"), make("th", { scope: "col" }, "± over seeds"), make("th", { scope: "col" }, `over ${result.baseline}`), make("th", { scope: "col" }, "distance"))),
      make("tbody", {}, rows.map((row) => make(
        "tr",
        { class: row.name === result.baseline ? "leads" : "" },
        make("th", { scope: "row" }, row.name),
        make("td", {}, row.settings.map((setting) => make("code", {}, setting, " "))),
        make("td", { class: "drawn" }, scale.cell(row, row.msm.length ? category(0) : grey())),
        make("td", { class: "number" }, number(row.score)),
        make("td", { class: "number faint" }, row.spread === null ? "–" : number(row.spread)),
        make("td", { class: "number" }, difference(row.versus_baseline)),
        make("td", { class: "number faint" }, row.msm.length ? number(row.msm.reduce((a, b) => a + b, 0) / row.msm.length) : "–"),
      ))),
    ));
  });
}

const written = (value) => (Array.isArray(value) ? value.join(", ") || "none" : String(value));

const scroll = (name, table) => make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name }, table);

function plain(head, rows) {
  return make("table", {}, make("thead", {}, make("tr", {}, head.map((name) => make("th", { scope: "col" }, name)))), make("tbody", {}, rows.map((row) => make("tr", {}, row.map((cell, i) => make(i ? "td" : "th", i ? {} : { scope: "row" }, cell))))));
}
