"""The page of a result: one HTML file that asks nobody for anything."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from markupsafe import Markup

from mediafm.probes.report import measured, mistakes
from mediafm.probes.report.charts import Chart, calibration_chart, precision_recall_chart
from mediafm.probes.report.groups import Cast, Known, cast_of
from mediafm.probes.report.html import environment, style
from mediafm.probes.report.label_tables import confusion_matrix, decision_table, label_table
from mediafm.probes.report.markdown import sentences
from mediafm.probes.report.numbers import between, capital, counted, decimal, metric_words, signed
from mediafm.probes.report.predictions import Said, read_said
from mediafm.probes.report.tables import Sign, differences_table, gains_table, main_table, metrics_table, sign_of
from mediafm.probes.report.value_charts import radius_chart, tau_chart, values_chart
from mediafm.probes.result import ProbeResult
from mediafm.probes.tasks import CLASSIFYING
from mediafm.probes.verdict import describe

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

SECTIONS = {
    "table": ("scores", "Scores"), "curve": ("context", "Context"), "charts": ("curves", "Curves"),
    "labels": ("labels", "Labels"), "matrix": ("confusions", "Confusions"), "decided": ("decisions", "Decisions"),
    "scenes": ("errors", "Errors"), "measured": ("measured", "Method"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tile:
    """One number at the head of the page."""

    name: str
    value: str
    note: str
    sign: Sign | None = None
    class_: str = ""


def write_page(path: Path, result: ProbeResult, predictions: pa.Table | None, catalog: "Catalog") -> None:
    """Write the page of a result.

    predictions: the table of `mediafm.probes.files.predictions_table`; None for a task that learns nothing, whose page
    has no curves. catalog: where pictures and timed text of errors come from, as far as it has any.
    """
    known = Known.of(catalog)
    cast = cast_of(result, known)
    said = {} if predictions is None else _said(predictions, cast)
    views, charts = _charts(result, said) if said else ([], [])
    parts = {
        "table": main_table(result, known),
        "curve": radius_chart(result, cast) if result.curve else None,
        "charts": charts,
        "labels": label_table(cast),
        "matrix": confusion_matrix(said["focus"]) if said and result.kind == "multiclass" else None,
        "decided": decision_table(said["focus"], said.get("concat")) if said and result.kind in CLASSIFYING else None,
        "scenes": mistakes.show(mistakes.find_mistakes(said["focus"], result.kind), catalog) if said else [],
        "measured": _measured(result),
    }
    page = environment().get_template("page.html.j2").render(
        result=result, style=style("table", "page"), described=capital(describe(result)), sentences=sentences(result),
        tiles=_tiles(result, cast), metrics=metrics_table(result), gains=gains_table(result),
        differences=differences_table(result), metric_words=capital(metric_words(result.metric)), views=views,
        picks=_picks(len(views)), charts_title=_charts_title(result), scenes_words=_scenes_words(result, cast),
        sections=[SECTIONS[name] for name, held in parts.items() if held], decimal=decimal,
        predicted=predictions is not None, **parts,
    )  # fmt: skip
    path.write_text(page, encoding="utf-8")


def _said(predictions: pa.Table, cast: Cast) -> dict[str, Said]:
    """By part; a feature set that speaks for no example has nothing to draw."""
    read = {part: read_said(predictions, row.features) for part, row in cast.rows.items()}
    found = {part: said for part, said in read.items() if said is not None and len(said)}
    return found if "focus" in found else {}


def _charts(result: ProbeResult, said: dict[str, Said]) -> tuple[list[str], list[Chart]]:
    """Names of what can be picked, and the charts that show it."""
    labels = list(said["focus"].labels)
    if result.kind in ("ranking", "regression"):
        two = {part: one for part, one in said.items() if part != "around"}
        draw = tau_chart if result.kind == "ranking" else values_chart
        return labels, [draw(two, range(len(labels)))]
    views: list[int | None] = [None, *range(len(labels))] if len(labels) > 1 else [0]
    curves = precision_recall_chart(said, views, micro=result.averaging == "micro")
    charts = [curves] if result.kind in CLASSIFYING else []
    charts.append(calibration_chart(said, result.kind, views))
    return ["all together", *labels] if len(labels) > 1 else labels, charts


def _charts_title(result: ProbeResult) -> str:
    titles = {"ranking": "Order", "regression": "Values", "multiclass": "Probabilities"}
    return titles.get(result.kind, "Thresholds and probabilities")


def _picks(views: int) -> Markup:
    """Style that shows the picked view; a browser that does not know :has() shows the first, and all else as well."""
    if views < 2:
        return Markup("")
    rules = [f".pick:not(:has(option[value='{n}']:checked)) .v{n}{{display:none}}" for n in range(views)]
    return Markup("\n".join(["@supports not selector(:has(a)){.view:not(.v0){display:none}}", *rules]))


def _tiles(result: ProbeResult, cast: Cast) -> list[Tile]:
    row, difference = cast.focus, cast.focus.versus_concat
    tiles = [Tile(row.features, decimal(row.score), between(row.low, row.high) or "one held-out title: no interval")]
    if difference and cast.concat:
        sign = sign_of(difference) if difference.p is not None else None
        note = f"{between(difference.low, difference.high, signs=True)} · concat {decimal(cast.concat.score)}"
        tiles.append(Tile("minus concat", signed(difference.difference), note.removeprefix(" · "), sign))
    tiles.append(Tile("chance", decimal(row.chance), "what knowing nothing scores"))
    folds = f" in {result.folds} folds" if result.folds > 1 else f"; {counted(result.titles, 'title')} in all"
    judged = f"{counted(result.test_examples, result.unit)}{folds}"
    tiles.append(Tile("held-out titles", f"{result.test_titles:,}", judged))
    return tiles


def _scenes_words(result: ProbeResult, cast: Cast) -> str:
    name = cast.focus.features
    ways = {
        "multiclass": f"Examples to which {name} gives a wrong class most surely, with the true one's probability.",
        "ranking": f"Examples that {name} puts furthest from their place within the group.",
        "regression": f"Examples whose value {name} misses by most, in deviations of the label.",
    }
    shown = ways.get(result.kind, f"Misses and false alarms of which {name} is most sure, in turns.")
    return f"{shown} One is shown for each moment of a title. What is wrong may be the label."


def _measured(result: ProbeResult) -> dict[str, Any]:
    return {
        "split": measured.split_words(result),
        "fitting": measured.fitting_words(result),
        "intervals": measured.interval_words(result),
        "multiplicity": measured.multiplicity_words(result),
        "fits": measured.fits_table(result),
        "facts": measured.facts(result),
    }
