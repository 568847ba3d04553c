"""`mediafm demo`: ingest, pretrain, embed, probe and search, then a page that shows what came of it.

Without films of the user's own it first renders a small synthetic catalogue whose story is known, so that cuts and
probes can be held against the truth. Every step skips what is already done: run again, it goes on where it stopped.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from mediafm.catalog import Catalog
from mediafm.config import Recipe, load_recipe
from mediafm.demo.report import ReportInput, write_report
from mediafm.embed import embed
from mediafm.errors import UsageError
from mediafm.ingest import IngestSummary, ingest
from mediafm.maps import build_map
from mediafm.model import Checkpoint
from mediafm.probes import ProbeResult, load_task, run_probe
from mediafm.progress import SILENT, Progress
from mediafm.synthetic import write_catalogue
from mediafm.train import PretrainResult, pretrain

SEED = 7
TITLES = 28
SHOTS_PER_TITLE = 72
FEW_TITLES = 5  # below this, holding out whole titles leaves too little to train on
OWN_FILM_QUERIES = ("where are you going", "I don't understand")
QUERIES = ("someone is afraid in the dark", "they laugh together", "looking for something that was lost")
PROBE_NOTES = {
    "tone": "What a shot feels like; several tones may hold at once. Inserts look the same under every tone, "
    "so part of the answer lies in the neighbours.",
    "clipworthy": "Is this shot part of a climax? It depends on where the story stands.",
    "scene_start": "Does a scene begin with this shot?",
}


@dataclass
class DemoResult:
    """Where everything is, and the figures worth keeping."""

    report: Path
    catalog: Path
    run: Path
    films: Path | None
    ingest: IngestSummary
    pretrain: PretrainResult
    probes: list[ProbeResult] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def failures(self) -> list[tuple[str, str]]:
        """Titles that failed, with reasons."""
        return self.ingest.failures

    @property
    def serve(self) -> list[str]:
        """Arguments of `mediafm serve` that show everything on the page."""
        out = self.run.parent
        shown = ["--catalog", str(self.catalog), "--model", str(self.run), "--runs", str(out)]
        shown += ["--films", str(self.films)] if self.films else []
        return [*shown, "--probes", str(out / "probes")] if self.probes else shown

    def as_json(self) -> dict[str, Any]:
        """The document `mediafm demo --json` prints."""
        return {
            "report": str(self.report),
            "catalog": str(self.catalog),
            "run": str(self.run),
            "serve": self.serve,
            "ingest": self.ingest.as_json(),
            "pretrain": asdict(self.pretrain),
            "probes": [p.model_dump(mode="json") for p in self.probes],
            "seconds": {k: round(v, 1) for k, v in self.seconds.items()},
        }


def run_demo(out: Path, films: Sequence[Path] = (), *, progress: Progress = SILENT) -> DemoResult:
    """Run the whole life on `films`, or on a generated catalogue, and write `out/report/index.html`.

    Raises UsageError where not one of the films could be read.
    """
    clock = _Clock()
    own = bool(films)
    folder = out / "films"
    if not own:
        write_catalogue(folder, seed=SEED, titles=TITLES, shots_per_title=SHOTS_PER_TITLE, progress=progress)
        clock.lap("render")
    catalog_path, run = out / "catalog", out / "run"
    metadata = None if own else folder / "metadata.csv"
    summary = ingest(list(films) or [folder], str(catalog_path), "offline", metadata=metadata, progress=progress)
    clock.lap("ingest")
    catalog = Catalog.open(str(catalog_path))
    if not catalog.title_ids():
        raise UsageError("none of the films could be read.", summary.failures[0][1] if summary.failures else "")
    trained = _pretrain(catalog, run, progress)
    clock.lap("pretrain")
    for context in ("title", "none"):
        embed(catalog, run, context=context, replace=True, progress=progress)
    clock.lap("embed")
    for name in ("concat", run.name):
        build_map(catalog, name, progress=progress)
    clock.lap("map")
    probes = [] if own else _probes(catalog, Checkpoint.load(run), folder / "truth", out / "probes", progress)
    clock.lap("probes")
    progress.start("report", None, "")
    report = write_report(
        ReportInput(
            catalog=catalog,
            run=run,
            out=out / "report",
            failures=summary.failures,
            pretrain=trained,
            probes=[(p, PROBE_NOTES.get(p.task, "")) for p in probes],
            truth=None if own else folder / "truth",
            queries=OWN_FILM_QUERIES if own else QUERIES,
            seconds=clock.laps,
            command="mediafm demo " + " ".join(str(f) for f in films) if own else "make demo",
        )
    )
    clock.lap("report")
    progress.end(report=str(report))
    return DemoResult(report, catalog_path, run, None if own else folder, summary, trained, probes, clock.laps)


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name], self._last = now - self._last, now


def _recipe(catalog: Catalog) -> Recipe:
    """The `tiny` recipe; with a handful of titles the end of each is held out instead of whole titles."""
    few = len(catalog.title_ids()) < FEW_TITLES
    return load_recipe("tiny", ["data.hold_out=tails"] if few else [])


def _pretrain(catalog: Catalog, run: Path, progress: Progress) -> PretrainResult:
    """Train, or go on with a run that was stopped; a run on other data than the catalog's is begun anew."""
    recipe = _recipe(catalog)
    try:
        return pretrain(catalog, run, recipe, resume=run.exists(), progress=progress)
    except UsageError:
        # The demo owns its run folder: films or recipe changed since, and a demo run is cheap.
        shutil.rmtree(run, ignore_errors=True)
        return pretrain(catalog, run, recipe, progress=progress)


def _compared(run: str) -> list[str]:
    """What the demo's tables hold; `mediafm probe` by itself compares all there is."""
    around = ["neighbours", "moving_average_8", "past_future_8"]
    return ["concat", *around, run, *(f"{run}/{control}" for control in ("untrained", "own_hidden", "none"))]


def _probes(catalog: Catalog, run: Checkpoint, truth: Path, out: Path, progress: Progress) -> list[ProbeResult]:
    """The demo's own tasks, on the labels that the generated catalogue came with."""
    results = []
    for name in PROBE_NOTES:
        with as_file(files("mediafm.demo") / "tasks" / f"{name}.toml") as path:
            task = load_task(path, labels=truth / f"labels_{name}.csv")
        results.append(run_probe(catalog, task, _compared(run.name), out / name, progress, models=[run], curve=False))
    return results
