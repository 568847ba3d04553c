"""Scene boundaries of many titles: scores as sums over titles, chance, and the threshold that training titles choose.

Every score here is a ratio of two sums over titles. So a bootstrap over titles is a matrix product: draws [B, T] that
say how often each title was drawn, times the T titles' shares. F1, precision and recall pool all boundaries of all
titles drawn (micro); mean IoU is the mean over titles.

Shapes: T titles, B draws, n shots of a title.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.probes.boundaries import (
    Numbers,
    SceneTitle,
    Seconds,
    boundaries,
    boundary_matches,
    predicted_boundaries,
    scene_iou,
)

Measure = Literal["f1", "precision", "recall", "iou"]
THRESHOLDS = 128  # tried where every one costs a pass over the titles


@dataclass(frozen=True, slots=True)
class TitleSums:
    """What each title adds to a score: numerator and denominator, float64 [T] each."""

    numerator: Seconds
    denominator: Seconds

    def score(self) -> float:
        """The score of all titles; NaN where the denominators sum to zero."""
        return float(self.drawn(np.ones((1, len(self.numerator))))[0])

    def drawn(self, weights_BT: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores [B] when titles count as often as they were drawn; NaN for a draw with nothing to divide by."""
        whole = weights_BT @ self.denominator
        return np.where(whole > 0, weights_BT @ self.numerator / np.where(whole > 0, whole, 1.0), np.nan)


def title_sums(
    titles: Sequence[SceneTitle],
    predicted: Sequence[Numbers],
    measure: Measure,
    tolerance_s: float = 0.0,
) -> TitleSums:
    """What each title adds to a measure of its predicted boundaries (shot numbers, rising, without shot 0).

    tolerance_s: how far from a true boundary, in seconds between the shots' starts, a predicted one still hits it; 0
    asks for the very shot. Without meaning for "iou". Raises UsageError for an unknown measure.
    """
    score = _measure(measure, tolerance_s)
    pairs = [score(title, found) for title, found in zip(titles, predicted, strict=True)]
    return _sums(pairs)


def chance_sums(
    titles: Sequence[SceneTitle],
    counts: Sequence[int],
    measure: Measure,
    rng: np.random.Generator,
    tolerance_s: float = 0.0,
    draws: int = 100,
) -> TitleSums:
    """What each title adds to a measure, on average, with as many boundaries as `counts` says placed by chance.

    Each title's boundaries are drawn without replacement from its shots after the first, independent of the truth. For
    F1, precision and recall at tolerance 0 the expectation is exact (hits are hypergeometric, denominators fixed) and
    rng goes unused; otherwise it is the mean of so many draws from rng. Give the counts of the predictions that chance
    stands beside.
    """
    score = _measure(measure, tolerance_s)
    if measure != "iou" and tolerance_s <= 0:
        return _sums([_expected(title, count, measure) for title, count in zip(titles, counts, strict=True)])
    pairs = []
    for title, count in zip(titles, counts, strict=True):
        drawn = [score(title, _placed(len(title), count, rng)) for _ in range(draws)]
        pairs.append(tuple(np.mean(drawn, axis=0)))
    return _sums(pairs)


def pick_threshold(
    titles: Sequence[SceneTitle],
    scores: Sequence[NDArray[Any]],
    measure: Measure = "f1",
    tolerance_s: float = 0.0,
) -> float:
    """The threshold of scores [n] a title (a shot reaching it is a boundary) with the best measure on these titles.

    For F1 at tolerance 0 every score is tried as a threshold, in one sorting; otherwise up to 128 of them, close
    together among the highest scores and ever further apart below. Among equals the highest wins. The threshold lies
    midway between the scores it parts, so that it does not hang on a training shot's last digit.
    Raises UsageError where no title has a second shot.
    """
    rows = np.concatenate([values[1:] for values in scores]) if scores else np.zeros(0)
    if not len(rows):
        raise UsageError("There is no boundary to pick a threshold on.", "Give titles of two shots or more.")
    levels = np.unique(rows)[::-1]  # the lower the level, the more boundaries
    if measure == "f1" and tolerance_s <= 0:
        best = int(np.argmax(_exact_f1(titles, rows, levels)))
    else:
        tried = np.unique(np.geomspace(1, len(levels), THRESHOLDS).round().astype(np.int64)) - 1
        found = [_score_at(titles, scores, levels[level], measure, tolerance_s) for level in tried]
        best = int(tried[np.nanargmax(found)]) if not np.isnan(found).all() else 0
    return float((levels[best] + levels[best + 1]) / 2) if best + 1 < len(levels) else float(levels[best])


def _exact_f1(titles: Sequence[SceneTitle], rows: NDArray[Any], levels: NDArray[Any]) -> Seconds:
    """Pooled F1 when all shots at or above each level are boundaries; rows: scores of the shots after the first."""
    truth = np.zeros(len(rows), dtype=bool)
    truth[np.concatenate([title.true + offset - 1 for title, offset in zip(titles, _offsets(titles), strict=True)])] = 1
    ordered = np.sort(rows)
    positives = np.sort(rows[truth])
    retrieved = len(rows) - np.searchsorted(ordered, levels)
    hits = len(positives) - np.searchsorted(positives, levels)
    return np.asarray(2 * hits / (retrieved + len(positives)))


def _offsets(titles: Sequence[SceneTitle]) -> Numbers:
    """Where each title's shots after the first begin in a list of them all."""
    return np.cumsum([0, *(len(title) - 1 for title in titles)])[:-1]


def _score_at(
    titles: Sequence[SceneTitle],
    scores: Sequence[NDArray[Any]],
    threshold: float,
    measure: Measure,
    tolerance_s: float,
) -> float:
    found = [predicted_boundaries(values, threshold) for values in scores]
    return title_sums(titles, found, measure, tolerance_s).score()


def _measure(measure: Measure, tolerance_s: float) -> Callable[[SceneTitle, Numbers], tuple[float, float]]:
    """(numerator, denominator) of one title and its predicted boundaries."""
    if measure not in get_args(Measure):
        raise UsageError(
            f"Unknown measure {measure!r} of boundaries.", f"Choose one of {', '.join(get_args(Measure))}."
        )
    if measure == "iou":
        return lambda title, found: (scene_iou(title.true, found, title.start_s, title.end_s), 1.0)

    def matched(title: SceneTitle, found: Numbers) -> tuple[float, float]:
        places = (title.start_s[title.true].tolist(), title.start_s[found].tolist())
        hits = boundary_matches(*places, tolerance_s).hits
        return _parts(hits, len(title.true), len(found), measure)

    return matched


def _parts(hits: float, true: int, predicted: int, measure: Measure) -> tuple[float, float]:
    whole = {"f1": true + predicted, "precision": predicted, "recall": true}[measure]
    return (2 * hits if measure == "f1" else hits), float(whole)


def _expected(title: SceneTitle, count: int, measure: Measure) -> tuple[float, float]:
    places = max(1, len(title) - 1)
    return _parts(count * len(title.true) / places, len(title.true), count, measure)


def _placed(n: int, count: int, rng: np.random.Generator) -> Numbers:
    chosen = np.zeros(n, dtype=bool)
    chosen[1 + rng.choice(n - 1, count, replace=False)] = True
    return boundaries(chosen)


def _sums(pairs: Sequence[tuple[float, ...]]) -> TitleSums:
    table = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return TitleSums(table[:, 0], table[:, 1])
