"""Chapters: a title cut into scenes by its shots' vectors, or by a probe that learned where scenes begin.

Unsupervised, the cut is the one of least scatter inside parts (mediafm.uses.partition). With a saved probe of
boundaries its scores say where parts begin. A film's own chapters stand beside, and are compared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.index import open_index
from mediafm.probes.boundaries import boundary_matches
from mediafm.probes.saved import SavedProbe
from mediafm.progress import SILENT, Progress
from mediafm.types import FloatArray
from mediafm.uses.names import telling_words
from mediafm.uses.partition import best_of_count, best_of_price, noise_price
from mediafm.uses.probed import ProbedShots, ShotProbe
from mediafm.uses.spacing import best_spaced
from mediafm.uses.titles import TitleShots, check_titles, context_features, read_shots, rows_of

if TYPE_CHECKING:
    from mediafm.catalog import Catalog
    from mediafm.model import Checkpoint

AGREE_S = 5.0  # a boundary this near to one of the film's own is the same
OPENING_S = 0.5  # an own chapter that begins this early begins the film


@dataclass(frozen=True, slots=True)
class Chapter:
    """Shots [first_shot, end_shot) of a title; words: what is said here rather than elsewhere."""

    start_s: float
    end_s: float
    first_shot: int
    end_shot: int
    name: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Chapters against the film's own: boundaries within `tolerance_s`; a ratio with nothing to divide by is None."""

    tolerance_s: float
    hits: int
    false_alarms: int
    misses: int
    f1: float | None


@dataclass(frozen=True, slots=True)
class TitleChapters:
    """The chapters of one title.

    features: what was compared, or the probe's feature set; method: "count", "price" (as many as the title's own noise
    bears out) or "probe". own: the film's own chapters, `title`, `start_s`, `end_s`; agreement: None where it has none.
    """

    title: str
    duration_s: float
    features: str
    method: str
    chapters: tuple[Chapter, ...]
    own: tuple[dict[str, Any], ...]
    agreement: Agreement | None

    def as_json(self) -> dict[str, Any]:
        """As `chapters --json` prints it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class HowMany:
    """How many parts: `count`, or about `length_s` seconds each, or neither: as many as there are. None shorter than
    `shortest_s`."""

    count: int | None = None
    length_s: float | None = None
    shortest_s: float = 0.0

    def __post_init__(self) -> None:
        if self.count is not None and self.length_s is not None:
            raise UsageError("A number of chapters and their length are two ways to say one thing.", "Give one.")
        if self.count is not None and self.count < 1:
            raise UsageError(f"No title has {self.count} chapters.", "Ask for one at least.")
        if self.length_s is not None and not 0 < self.length_s < float("inf"):
            raise UsageError(f"Chapters of {self.length_s:g} s do not exist.", "Give a length greater than 0.")
        if not 0 <= self.shortest_s < float("inf"):
            raise UsageError(f"A shortest chapter of {self.shortest_s:g} s makes no sense.", "Give 0 or more seconds.")

    def of(self, shots: TitleShots) -> int | None:
        """The number of parts of a title; None: as many as there are. UsageError for more than it has shots."""
        duration = float(shots.end_s[-1])
        if self.length_s is not None:
            fits = len(shots) if not self.shortest_s else max(1, int(duration / self.shortest_s))
            return max(1, min(round(duration / self.length_s), len(shots), fits))
        if self.count is not None and self.count > len(shots):
            raise UsageError(
                f"Title {shots.title!r} has {len(shots)} shots and cannot have {self.count} chapters.",
                "Ask for fewer: a chapter is made of whole shots.",
            )
        return self.count


def find_chapters(
    catalog: "Catalog",
    titles: Sequence[str] = (),
    features: str | None = None,
    how_many: HowMany | None = None,
    probe: SavedProbe | None = None,
    label: str | None = None,
    models: "Sequence[Checkpoint]" = (),
    progress: Progress = SILENT,
) -> Iterator[TitleChapters]:
    """The chapters of titles (none named: of all), one by one.

    features: as in `search --like`; default: the catalog's embedding set with context, concat without one. probe: a
    saved probe of where scenes begin (unit shot, one label or `label`) decides instead; it brings its own features.
    Raises UsageError for a title, features or label that is not there, a number that a title cannot have, and features
    together with a probe; MismatchError for a probe of other features.
    """
    how_many = how_many or HowMany()
    names = check_titles(catalog, titles)
    if probe is not None and features:
        raise UsageError("A probe brings its own features.", "Leave --features out, or the probe.")
    if probe is not None:
        judge = ShotProbe(catalog, probe, label, models)
        if judge.unit != "shot":
            raise UsageError(f"The probe {probe.task.name!r} speaks of clips.", "Name one that was fitted on shots.")
        name, index = probe.features, None
    else:
        name = context_features(catalog, features)
        judge, index = None, open_index(catalog, name, progress)
    progress.start("chapters", len(names), "titles")
    for title in names:
        shots = read_shots(catalog, title)
        count = how_many.of(shots)
        if judge is not None:
            starts, method = starts_by_probe(judge.of(shots), shots, count, how_many.shortest_s), "probe"
        else:
            assert index is not None
            rows = rows_of(index, title, len(shots))
            starts = starts_by_scatter(rows, shots, count, how_many.shortest_s)
            method = "price" if count is None else "count"
        yield _described(catalog, shots, starts, name, method)
        progress.advance(1)
    progress.end()


def starts_by_scatter(
    rows_ND: FloatArray, shots: TitleShots, count: int | None, shortest_s: float = 0.0
) -> NDArray[np.int64]:
    """First shots of the parts of least scatter: `count` of them, or as many as the noise price bears out."""
    if count is not None:
        return best_of_count(rows_ND, count, shots.edges, shortest_s)
    return best_of_price(rows_ND, noise_price(rows_ND), shots.edges, shortest_s)


def starts_by_probe(
    probed: ProbedShots, shots: TitleShots, count: int | None, shortest_s: float = 0.0
) -> NDArray[np.int64]:
    """First shots of the parts that a probe sees: where it gives its label, or the `count` - 1 places of best score.

    No part is shorter than `shortest_s`: of places too near to each other those of the highest summed score stay.
    """
    allowed = np.arange(1, len(shots))
    if count is None:
        if probed.threshold is None:
            raise UsageError("The probe gives values and has no threshold.", "Say how many chapters: --count.")
        allowed = allowed[probed.scores[1:] >= probed.threshold]
    if shortest_s > 0:
        start = shots.start_s[allowed]
        allowed = allowed[(start >= shortest_s) & (shots.end_s[-1] - start >= shortest_s)]
    # Every score above the threshold counts for a place; where a count is asked for, so many are taken in any case.
    worth = probed.scores[allowed] - (probed.threshold if count is None and probed.threshold is not None else 0.0)
    if count is None and shortest_s > 0:
        chosen = _most_worth(shots.start_s[allowed], worth, shortest_s)
    else:
        wanted = len(allowed) if count is None else count - 1
        chosen = best_spaced(shots.start_s[allowed], worth, shortest_s, wanted)
        if count is not None and len(chosen) < count - 1:
            raise UsageError(
                f"There are no {count} parts of {shortest_s:g} s or more.", "Ask for fewer, or let them be shorter."
            )
    return np.concatenate([[0], allowed[chosen]]).astype(np.int64)


def _most_worth(places: NDArray[np.float64], worth: NDArray[np.float64], gap: float) -> NDArray[np.int64]:
    """Places at least `gap` apart of the highest summed worth (none is negative), however many."""
    before = np.searchsorted(places, places - gap + 1e-9, side="right")
    best = np.zeros(len(places) + 1)
    for i in range(len(places)):
        best[i + 1] = max(best[i], worth[i] + 1e-9 + best[before[i]])
    found, i = [], len(places)
    while i:
        if best[i] > best[i - 1]:
            found.append(i - 1)
            i = int(before[i - 1])
        else:
            i -= 1
    return np.array(found[::-1], dtype=np.int64)


def _described(
    catalog: "Catalog", shots: TitleShots, starts: NDArray[np.int64], features: str, method: str
) -> TitleChapters:
    ends = np.append(starts[1:], len(shots))
    said = [" ".join(shots.texts[a:b]) for a, b in zip(starts, ends, strict=True)]
    parts = tuple(
        Chapter(
            float(shots.start_s[a]), float(shots.end_s[b - 1]), int(a), int(b),
            f"Chapter {number}" + (f": {', '.join(words)}" if words else ""), tuple(words),
        )
        for number, (a, b, words) in enumerate(zip(starts, ends, telling_words(said), strict=True), 1)
    )  # fmt: skip
    own = tuple({k: c[k] for k in ("title", "start_s", "end_s")} for c in catalog.title_record(shots.title).chapters)
    return TitleChapters(shots.title, float(shots.end_s[-1]), features, method, parts, own, agreement(parts, own))


def agreement(
    parts: Sequence[Chapter], own: Sequence[dict[str, Any]], tolerance_s: float = AGREE_S
) -> Agreement | None:
    """How well chapters meet the film's own; None where it has none. Where a film begins is no boundary."""
    if not own:
        return None
    true = sorted({c["start_s"] for c in own if c["start_s"] > OPENING_S})
    found = boundary_matches(true, [part.start_s for part in parts[1:]], tolerance_s)
    f1 = None if np.isnan(found.f1) else float(found.f1)
    return Agreement(tolerance_s, found.hits, found.false_alarms, found.misses, f1)
