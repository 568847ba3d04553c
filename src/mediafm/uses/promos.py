"""Promotional clips: the spans of a title that a fitted probe finds worth it, unlike each other."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mediafm.errors import UsageError
from mediafm.fusion import unit_rows
from mediafm.index import open_index
from mediafm.probes.saved import SavedProbe
from mediafm.search import parse_example, parse_time
from mediafm.uses.chapters import starts_by_scatter
from mediafm.uses.probed import ShotProbe
from mediafm.uses.spans import MOST_SPANS, SpanVectors, most_relevant_unlike, runs_of_length, span_means
from mediafm.uses.titles import TitleShots, check_titles, context_features, read_shots, rows_of

if TYPE_CHECKING:
    from mediafm.catalog import Catalog
    from mediafm.model import Checkpoint

MOST_PROMOS = 1000
DIVERSITY = 0.3


@dataclass(frozen=True, slots=True)
class Promo:
    """Shots [first_shot, end_shot) of a title.

    score: the probe's probability, or value. given: whether it reaches the probe's own threshold, None for values.
    likest: the cosine with the nearest of those ranked before it, None for the first.
    """

    start_s: float
    end_s: float
    score: float
    given: bool | None
    likest: float | None
    first_shot: int
    end_shot: int
    text: str


@dataclass(frozen=True, slots=True)
class Promos:
    """What `promos` found. until_s: no span reaches past it; candidates: how many spans were ranked."""

    title: str
    label: str
    features: str
    until_s: float
    candidates: int
    promos: tuple[Promo, ...]

    def as_json(self) -> dict[str, Any]:
        """As `promos --json` prints it."""
        return asdict(self)


def parse_length(text: str) -> tuple[float, float]:
    """ "10-30" or "15" as the shortest and the longest length in seconds; UsageError for what is no length."""
    parts = text.split("-")
    try:
        numbers = [parse_time(part) for part in parts]
    except UsageError:
        numbers = []
    if len(numbers) == 1:
        numbers *= 2
    if len(numbers) != 2 or not 0 < numbers[0] <= numbers[1]:
        raise UsageError(f"{text!r} is no length.", "Write the shortest and the longest in seconds, as in 10-30.")
    return numbers[0], numbers[1]


def parse_until(text: str, duration_s: float) -> float:
    """A time ("12:30", "750") or a share of the title ("60%", "0.6") as seconds; UsageError outside the title."""
    said = text.strip()
    try:
        if said.endswith("%"):
            found = float(said[:-1]) / 100 * duration_s
        elif "." in said and ":" not in said and 0 < float(said) < 1:
            found = float(said) * duration_s
        else:
            found = parse_time(said)
    except ValueError:
        found = float("nan")
    if np.isnan(found):
        raise UsageError(f"{text!r} is no time and no share.", "Write 12:30, 750 or 60%.")
    if not 0 < found <= duration_s + 0.05:
        raise UsageError(f"{text!r} lies outside the title.", f"It runs from 0 to {duration_s:.3f} s.")
    return min(found, duration_s)


def find_promos(
    catalog: "Catalog",
    title: str,
    probe: SavedProbe,
    length_s: tuple[float, float] = (10.0, 30.0),
    k: int = 5,
    until: str | None = None,
    diversity: float = DIVERSITY,
    within_scenes: bool = False,
    avoid: Sequence[str] = (),
    label: str | None = None,
    features: str | None = None,
    models: "Sequence[Checkpoint]" = (),
) -> Promos:
    """The k best spans of a title: runs of whole shots of the wanted length, by the probe, none over another.

    probe: of shots or clips, binary, multilabel (then `label`), ranking or regression; a span's score is that of its
        shots' mean by seconds.
    until: a time or share (`parse_until`) that no span reaches past. diversity: 0 ranks by the probe alone, 1 by
        unlikeness alone. within_scenes: a span stays inside one scene, as `chapters` cuts them by `features`.
    avoid: examples (TITLE, TITLE@a-b, TITLE#n) that promos shall be unlike, and never overlap.
    Raises UsageError where nothing fits, MismatchError for a probe of other features.
    """
    if not 1 <= k <= MOST_PROMOS:
        raise UsageError(f"Cannot give {k} promos.", f"Ask for 1 to {MOST_PROMOS}.")
    if not 0 <= diversity <= 1:
        raise UsageError(f"A diversity of {diversity:g} makes no sense.", "Give 0 to 1.")
    if not 0 < length_s[0] <= length_s[1]:
        raise UsageError(f"No span lasts {length_s[0]:g} to {length_s[1]:g} s.", "Give the shortest, then the longest.")
    check_titles(catalog, [title])
    judge = ShotProbe(catalog, probe, label, models)
    shots = read_shots(catalog, title)
    until_s = float(shots.end_s[-1]) if until is None else parse_until(until, float(shots.end_s[-1]))
    scene = _scenes(catalog, shots, features) if within_scenes else None
    runs = runs_of_length(shots.start_s, shots.end_s, *length_s, until_s, scene)
    _check_runs(runs, shots, length_s, until_s, within_scenes)
    probed = judge.of(shots)
    seconds = shots.end_s - shots.start_s
    scores = span_means(probed.scores, seconds, runs)
    mean = probed.vectors.mean(axis=0)
    vectors = SpanVectors.of(unit_rows(probed.vectors - mean), seconds, runs)
    directions, blocked = _avoided(catalog, judge, shots, runs, avoid, mean)
    chosen = most_relevant_unlike(scores, vectors, k, diversity, directions, blocked)
    if not chosen:
        raise UsageError("Every span overlaps what is to be avoided.", "Avoid less of the title.")
    found = tuple(
        _promo(shots, vectors, run, float(scores[run]), probed.threshold, chosen[:rank])
        for rank, run in enumerate(chosen)
    )
    return Promos(title, probed.label, probe.features, until_s, len(runs), found)


def _scenes(catalog: "Catalog", shots: TitleShots, features: str | None) -> NDArray[np.int64]:
    """The number of each shot's scene, [n]."""
    index = open_index(catalog, context_features(catalog, features))
    starts = starts_by_scatter(rows_of(index, shots.title, len(shots)), shots, None)
    return np.searchsorted(starts, np.arange(len(shots)), side="right") - 1


def _check_runs(
    runs: NDArray[np.int64], shots: TitleShots, length_s: tuple[float, float], until_s: float, within: bool
) -> None:
    if len(runs) > MOST_SPANS:
        raise UsageError(
            f"Title {shots.title!r} has {len(runs)} spans of that length.", "Ask for a narrower range of lengths."
        )
    if not len(runs):
        longest = float((shots.end_s - shots.start_s).max())
        within_one = " inside one scene" if within else ""
        raise UsageError(
            f"No run of whole shots of {shots.title!r} lasts {length_s[0]:g} to {length_s[1]:g} s{within_one} and ends "
            f"by {until_s:.3f} s.",
            f"Choose another --length (the longest shot lasts {longest:.1f} s)"
            + (" or leave --within-scenes out." if within else "."),
        )


def _avoided(
    catalog: "Catalog",
    judge: ShotProbe,
    shots: TitleShots,
    runs: NDArray[np.int64],
    avoid: Sequence[str],
    mean: NDArray[Any],
) -> tuple[tuple[NDArray[np.float64], ...], NDArray[np.bool_]]:
    """Directions of the examples to avoid, and which runs overlap one of them in this title."""
    from mediafm.search.example import example_weights

    directions, blocked = [], np.zeros(len(runs), dtype=bool)
    for text in avoid:
        example = parse_example(text, catalog.title_ids())
        weights = np.asarray(example_weights(catalog, example))
        here = example.title == shots.title
        vectors = judge.vectors(shots if here else read_shots(catalog, example.title))
        direction = weights @ unit_rows(vectors - mean).astype(np.float64)
        directions.append(direction / max(float(np.linalg.norm(direction)), 1e-12))
        if here:
            touched = np.concatenate([[0], np.cumsum(weights > 0)])
            blocked |= touched[runs[:, 1]] > touched[runs[:, 0]]
    return tuple(directions), blocked


def _promo(
    shots: TitleShots, vectors: SpanVectors, run: int, score: float, threshold: float | None, before: list[int]
) -> Promo:
    first, end = (int(shot) for shot in vectors.runs[run])
    direction = vectors.direction(run)
    likest = max((float(vectors.direction(other) @ direction) for other in before), default=None)
    return Promo(
        float(shots.start_s[first]),
        float(shots.end_s[end - 1]),
        score if threshold is None else float(expit(score)),
        None if threshold is None else score >= threshold,
        likest,
        first,
        end,
        " ".join(text for text in shots.texts[first:end] if text),
    )
