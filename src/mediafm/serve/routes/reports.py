"""What there is to tell of models: runs with their curves, probe results, ablations."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Path as InPath
from pydantic import Field

from mediafm.errors import MediafmError
from mediafm.probes.ablation import AblationResult
from mediafm.probes.result import ProbeResult
from mediafm.serve.forms import Form
from mediafm.serve.reports import Reports

Name = Annotated[str, InPath(max_length=1000, description="As the list has it.", examples=["run"])]


class RunInShort(Form):
    """A run in a list. status: starting, unfinished, finished, checkpoint or damaged."""

    name: str
    status: str
    msm: float | None = Field(description="Cosine distance on hidden shots of validation titles, at its best.")
    margin: float | None = Field(description="How far that is below the best trivial predictor.")
    steps: int | None
    parameters: int | None
    trouble: str = ""


class Runs(Form):
    """All that were found."""

    runs: list[RunInShort]


class RunDetail(Form):
    """What `mediafm info RUN --json` tells, and curves: name -> [step, value]."""

    name: str
    status: str
    fingerprint: str | None
    catalog: dict[str, Any]
    encoders: dict[str, Any]
    recipe: dict[str, Any]
    model: dict[str, Any] | None
    standing: dict[str, Any]
    measures: dict[str, Any]
    advice: list[Any]
    versions: dict[str, Any]
    bytes: int
    curves: dict[str, list[tuple[float, float]]]


class Named(Form):
    """A result and its name."""

    name: str
    task: str = ""
    metric: str = ""
    trouble: str = ""


class Probes(Form):
    """All probe results that were found."""

    probes: list[Named]


class Ablations(Form):
    """All ablations that were found."""

    ablations: list[Named]


def make_router(folder: Path | None, models: Mapping[str, Path]) -> APIRouter:
    """`/v1/runs`, `/v1/probes` and `/v1/ablations`. folder: below which they lie; models: runs named one by one."""
    router, reports = APIRouter(prefix="/v1", tags=["models"]), Reports(folder, models)

    @router.get("/runs")
    def runs() -> Runs:
        """Pretraining runs and checkpoints at hand."""
        return Runs(runs=[_short(name, reports) for name in reports.names("run")])

    @router.get("/runs/{run:path}")
    def run(run: Name) -> RunDetail:
        """A run: what it is, how it stands, its curves."""
        return RunDetail(**{**reports.run(run), "name": run})

    @router.get("/probes")
    def probes() -> Probes:
        """Results of `mediafm probe`."""
        return Probes(probes=[_named(n, lambda n=n: reports.probe(n)) for n in reports.names("probe")])  # type: ignore[misc]

    @router.get("/probes/{probe:path}")
    def probe(probe: Name) -> ProbeResult:
        """One: every feature set's score, interval and differences."""
        return reports.probe(probe)

    @router.get("/ablations")
    def ablations() -> Ablations:
        """Results of `mediafm ablate`."""
        return Ablations(ablations=[_named(n, lambda n=n: reports.ablation(n)) for n in reports.names("ablation")])  # type: ignore[misc]

    @router.get("/ablations/{ablation:path}")
    def ablation(ablation: Name) -> AblationResult:
        """One: every row's scores, and differences to the baseline."""
        return reports.ablation(ablation)

    return router


def _short(name: str, reports: Reports) -> RunInShort:
    try:
        told = reports.run(name)
    except MediafmError as error:
        said = error.message
        return RunInShort(name=name, status="damaged", msm=None, margin=None, steps=None, parameters=None, trouble=said)
    model, measures = told["model"] or {}, told["measures"]
    return RunInShort(
        name=name,
        status=told["status"],
        msm=measures["msm"],
        margin=measures["margin"],
        steps=told["standing"]["steps"],
        parameters=model.get("parameters"),
    )


def _named(name: str, read: Callable[[], ProbeResult | AblationResult]) -> Named:
    try:
        found = read()
    except MediafmError as error:
        return Named(name=name, trouble=error.message)
    if isinstance(found, ProbeResult):
        return Named(name=name, task=found.task, metric=found.metric)
    return Named(name=name, task=", ".join(found.metrics), metric=", ".join(dict.fromkeys(found.metrics.values())))
