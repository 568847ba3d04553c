"""The demo's page: one HTML file that shows shots, a title, context, training, probes, neighbours and search."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

from mediafm import __version__
from mediafm.catalog import Catalog, TitleRecord
from mediafm.demo.figures import loss_curve
from mediafm.demo.sections import (
    Spaces,
    Truth,
    context_section,
    nearest_section,
    search_section,
    strips_section,
    timeline_section,
)
from mediafm.probes import ProbeResult, probe_table_html
from mediafm.train import PretrainResult

TITLES_SHOWN = 3


@dataclass(frozen=True)
class ReportInput:
    """All that the page is made from."""

    catalog: Catalog
    run: Path
    out: Path
    failures: Sequence[tuple[str, str]]
    pretrain: PretrainResult
    probes: Sequence[tuple[ProbeResult, str]]
    truth: Path | None
    queries: Sequence[str]
    seconds: dict[str, float]
    command: str


def write_report(given: ReportInput) -> Path:
    """Write `out/index.html` and return its path. The page needs nothing but itself; the film plays from its file."""
    catalog = given.catalog
    titles = catalog.titles()
    shown = titles[:TITLES_SHOWN]
    truth, spaces = Truth.read(given.truth), Spaces(catalog, given.run)
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            version=__version__,
            style=(files("mediafm.demo") / "report.css").read_text(encoding="utf-8"),
            command=given.command,
            summary=_summary(titles, given),
            failures=[{"title": t, "reason": r} for t, r in given.failures],
            **strips_section(catalog, shown, truth),
            **timeline_section(catalog, shown[0], given.out, truth),
            **context_section(spaces, shown[0]),
            training=_training(given),
            probes=[{"name": p.task, "note": note, "table": probe_table_html(p)} for p, note in given.probes],
            nearest=nearest_section(catalog, spaces, titles),
            searches=search_section(catalog, given.queries),
        )
    )
    given.out.mkdir(parents=True, exist_ok=True)
    target = given.out / "index.html"
    target.write_text(page, encoding="utf-8")
    return target


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("mediafm", "demo"), autoescape=True, undefined=jinja2.StrictUndefined
    )


def _summary(titles: Sequence[TitleRecord], given: ReportInput) -> dict[str, Any]:
    shots = sum(t.n_shots for t in titles)
    minutes = sum(float(t.end_pts * t.time_base) for t in titles) / 60
    lead = (
        f"{shots:,} shots were found in {minutes:.0f} minutes of film. Each shot's picture, sound and words became a "
        "vector; a transformer learned to fill in masked shots from the rest of their title; its view of every shot is "
        "the context embedding shown below."
    )
    facts = [("titles", len(titles)), ("shots", f"{shots:,}"), ("film", f"{minutes:.0f} min")]
    facts += [(stage, f"{seconds:.0f} s") for stage, seconds in given.seconds.items()]
    return {"titles": len(titles), "lead": lead, "facts": facts}


def _training(given: ReportInput) -> dict[str, str]:
    rows = [json.loads(line) for line in (given.run / "metrics.jsonl").read_text().splitlines()]
    train = [(r["step"], r["loss"]) for r in rows if "loss" in r]
    valid = [(r["step"], r["msm"]) for r in rows if "msm" in r]
    result = given.pretrain
    best = min(result.trivial.values())
    verdict = "better" if result.msm < best else "no better"
    text = (
        "Masked Shot Modeling: a fifth of the shots is hidden and predicted from the rest. "
        f"After {result.steps} steps the cosine distance on held-out shots is {result.msm:.3f}, "
        f"{verdict} than the best trivial guess ({best:.3f})."
    )
    if result.msm >= best:
        text += " So few shots teach little of what follows what; some thousand are a start."
    return {"text": text, "curve": loss_curve(train, valid, result.trivial)}
