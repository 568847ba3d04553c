"""Scores of all shots in, the best shots, clips or titles out."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

Unit = Literal["shot", "clip", "title"]
SHOTS_A_CLIP = 5  # clips are joined from this many times k shots


@dataclass(frozen=True, slots=True)
class Hit:
    """A found shot, clip or title: shots [first_shot, end_shot), their span in seconds, their timed text.

    text: of the shots; of a title, only that of its best shot. score: cosine, or the merged reciprocal ranks of words;
    of a clip or title that of its best shot.
    """

    title: str
    start_s: float
    end_s: float
    score: float
    text: str
    first_shot: int
    end_shot: int

    def as_json(self) -> dict[str, Any]:
        """The hit as `search --json` prints it."""
        return asdict(self)


class Ranking:
    """Scores of all shots, title after title; -inf: not to be found."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.scores: list[NDArray[Any]] = []

    def add(self, title: str, scores: NDArray[Any]) -> None:
        """Enter a title's shots."""
        self.titles.append(title)
        self.scores.append(scores)

    def hits(self, catalog: "Catalog", unit: Unit, k: int) -> list[Hit]:
        """The k best of a unit, best first; of equals, the one that comes first in the catalog."""
        if unit == "title":
            best = np.array([scores.max() for scores in self.scores])
            found = [(int(i), int(self.scores[i].argmax())) for i in _best(best, k)]
            runs = [(title, shot, shot + 1) for title, shot in found]
        else:
            runs = self._best_shots(k if unit == "shot" else SHOTS_A_CLIP * k)
            runs = runs if unit == "shot" else _joined(runs)
        score = {run: float(self.scores[run[0]][run[1] : run[2]].max()) for run in runs}
        runs = sorted(runs, key=lambda run: (-score[run], run))[:k]
        shots = self._read_shots(catalog, sorted({run[0] for run in runs}))
        return [self._hit(run, score[run], shots[run[0]], unit) for run in runs]

    def _best_shots(self, count: int) -> list[tuple[int, int, int]]:
        starts = np.cumsum([0, *(len(scores) for scores in self.scores)])
        best = _best(np.concatenate(self.scores), count)
        title = np.searchsorted(starts, best, side="right") - 1
        shot = best - starts[title]
        return [(int(t), int(s), int(s) + 1) for t, s in zip(title, shot, strict=True)]

    def _read_shots(self, catalog: "Catalog", titles: list[int]) -> dict[int, list[tuple[float, float, str]]]:
        """Start, end and text of every shot of some titles."""
        number = {self.titles[i]: i for i in titles}
        shots: dict[int, list[tuple[float, float, str]]] = {i: [] for i in titles}
        for title, _, start_s, end_s, text in catalog.iter_texts(list(number)):
            shots[number[title]].append((start_s, end_s, text))
        return shots

    def _hit(self, run: tuple[int, int, int], score: float, shots: list[tuple[float, float, str]], unit: Unit) -> Hit:
        title, first, end = run
        text = " ".join(text for _, _, text in shots[first:end] if text)
        if unit == "title":
            first, end = 0, len(shots)
        return Hit(self.titles[title], shots[first][0], shots[end - 1][1], score, text, first, end)


def _best(scores: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Places of the `count` best finite scores, best first."""
    if count < len(scores):
        bar = np.partition(scores, len(scores) - count)[len(scores) - count]
        places = np.flatnonzero((scores >= bar) & np.isfinite(scores))
    else:
        places = np.flatnonzero(np.isfinite(scores))
    return places[np.argsort(-scores[places], kind="stable")][:count]


def _joined(runs: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Neighbouring shots of one title as one run."""
    out: list[tuple[int, int, int]] = []
    for title, first, end in sorted(runs):
        if out and out[-1][0] == title and out[-1][2] == first:
            out[-1] = (title, out[-1][1], end)
        else:
            out.append((title, first, end))
    return out
