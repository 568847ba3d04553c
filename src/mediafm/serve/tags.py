"""What saved probes say of every shot of a title: the tags that the page draws over time.

Probes lie in a folder that the service was started with, as `mediafm probe` leaves them; those that are added, fitted
anew or taken away are seen while it runs. One that was fitted on other vectors than the catalog's is never applied: the
reason is told in its place.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mediafm.errors import MediafmError
from mediafm.probes.features import FeatureSource
from mediafm.probes.saved import FACTS, WEIGHTS, SavedProbe
from mediafm.probes.tagging import judged
from mediafm.probes.tasks import CLASSIFYING
from mediafm.probes.units import Examples
from mediafm.types import BoolArray, FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog
    from mediafm.uses.titles import TitleShots

_LOOK_EVERY_S = 2.0  # into the folder
_DEEP = 4  # FACTS is looked for in the folder and in so many below each other: DIR/TASK/probes/FEATURES
MOST_PROBES = 500
CONCAT = "concat"


@dataclass(frozen=True, slots=True)
class ProbeState:
    """A saved probe: what it is about, whether its tags are shown for a title, and if not, why."""

    task: str
    features: str
    unit: str
    labels: tuple[str, ...]
    shown: bool
    why_not: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Tag:
    """One label over a title. scores: float32 [n shots], or [1] for the whole title; NaN where nothing can be said.

    Probabilities from 0 to 1; values of their own where `given` is None. given: which get the label, bool as scores.
    threshold: the probability from which it is given; None where the likeliest of several is, or nothing is decided.
    """

    task: str
    features: str
    label: str
    kind: str
    unit: str
    threshold: float | None
    scores: FloatArray
    given: BoolArray | None

    @property
    def varies(self) -> float:
        """Standard deviation of the scores; of values as a share of their range."""
        there = self.scores[np.isfinite(self.scores)]
        if len(there) < 2:
            return 0.0
        wide = 1.0 if self.given is not None else max(float(np.ptp(there)), 1e-9)
        return float(there.std() / wide)


class ProbeFolder:
    """The probes below a folder as they are now. Used by many threads."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._loaded: dict[tuple[str, int, int], SavedProbe | ProbeState] = {}

    def probes(self) -> tuple[list[SavedProbe], list[ProbeState], str]:
        """Those that can be read, those that cannot, and a mark that is another one when anything changes."""
        with self._lock:
            if self.folder is not None and time.monotonic() - self._looked >= _LOOK_EVERY_S:
                self._loaded = {key: self._loaded.get(key) or _load(self.folder, key[0]) for key in self._found()}
                self._looked = time.monotonic()
            loaded = dict(self._loaded)
        good: dict[tuple[str, str], SavedProbe] = {}
        bad = [state for state in loaded.values() if isinstance(state, ProbeState)]
        for probe in loaded.values():
            if isinstance(probe, SavedProbe) and (probe.task.name, probe.features) in good:
                bad.append(_told(probe, "Another probe has the same task and features.", "Take one of them away."))
            elif isinstance(probe, SavedProbe):
                good[probe.task.name, probe.features] = probe
        return list(good.values()), bad, repr(sorted(loaded))

    def _found(self) -> list[tuple[str, int, int]]:
        """(Folder, times of writing) of each probe, in order of their names."""
        assert self.folder is not None
        facts = [file for deep in range(_DEEP) for file in self.folder.glob("*/" * deep + FACTS)]
        return sorted((str(f.parent), _written(f), _written(f.with_name(WEIGHTS))) for f in facts)[:MOST_PROBES]


def title_tags(
    catalog: "Catalog", shots: "TitleShots", probes: Sequence[SavedProbe], asked: str = ""
) -> tuple[list[Tag], list[ProbeState]]:
    """What probes say of a title, the tags that vary most first, and how each probe stands.

    asked: a feature set; without one each task speaks by the best it has: context, else concat, else whatever fits.
    """
    source = FeatureSource(catalog, [shots.title], {})
    in_context = {spec.name for spec in catalog.embedding_sets() if spec.context != "none" and not spec.mapped}
    tags: list[Tag] = []
    states = []
    for probe in sorted(probes, key=lambda p: (p.features not in in_context, p.features != CONCAT, p.features)):
        state = (
            _told(probe, "Not asked for.") if asked and probe.features != asked else _fitting(catalog, probe, source)
        )
        if state.shown and any(tag.task == state.task for tag in tags):
            by = next(tag.features for tag in tags if tag.task == state.task)
            state = _told(probe, f"{state.task} is shown by {by}.", f"Ask for features={probe.features}.")
        if state.shown:
            try:
                tags += _tags_of(catalog, shots, probe)
            except MediafmError as error:
                state = _told(probe, error.message, error.remedy)
        states.append(state)
    tags.sort(key=lambda tag: (-tag.varies, tag.task, tag.label))
    return tags, sorted(states, key=lambda s: (s.task, not s.shown, s.features))


def _tags_of(catalog: "Catalog", shots: "TitleShots", probe: SavedProbe) -> list[Tag]:
    source = FeatureSource(catalog, [shots.title], {})
    if probe.stats is not None:
        source = source.with_stats(probe.features, probe.stats)
    whole = probe.task.unit == "title"
    # A probe of clips speaks of shots as well: a clip's vector is the mean of its shots'.
    task = probe.task if whole else probe.task.model_copy(update={"unit": "shot"})
    vectors = source.vectors(probe.features, _asked(shots, whole), task)
    said, given = judged(probe, probe.scores(vectors.matrix))
    said = np.where(vectors.known[:, None], said, np.nan).astype(np.float32)
    cuts = probe.probe.threshold if probe.task.kind in CLASSIFYING else None
    return [
        Tag(
            probe.task.name, probe.features, label, probe.task.kind, probe.task.unit,
            None if cuts is None else float(1 / (1 + np.exp(-cuts[number]))),
            said[:, number], None if given is None else given[:, number] & vectors.known,
        )
        for number, label in enumerate(probe.labels)
    ]  # fmt: skip


def _asked(shots: "TitleShots", whole: bool) -> Examples:
    spans = (shots.start_s, shots.end_s)
    start, end = (spans[0][:1], spans[1][-1:]) if whole else spans
    n = len(start)
    number = np.full(n, -1) if whole else np.arange(n)
    return Examples((shots.title,), (spans,), np.zeros(n, np.int64), start, end, number, np.zeros((n, 1)), ("",))


def _fitting(catalog: "Catalog", probe: SavedProbe, source: FeatureSource) -> ProbeState:
    try:
        probe.check(catalog, source)
    except MediafmError as error:
        return _told(probe, error.message, error.remedy)
    return replace(_told(probe, ""), shown=True)


def _told(probe: SavedProbe, why_not: str, remedy: str = "") -> ProbeState:
    return ProbeState(probe.task.name, probe.features, probe.task.unit, probe.labels, False, why_not, remedy)


def _load(root: Path, folder: str) -> SavedProbe | ProbeState:
    try:
        return SavedProbe.load(folder)
    except MediafmError:
        name = Path(folder).relative_to(root).as_posix()
        return ProbeState(name, "", "", (), False, "The saved probe cannot be read.", "Run the probe again.")


def _written(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
