"""Scores of all shots in, the best shots, clips or titles out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediafm.search.lines import Lines

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

Unit = Literal["shot", "clip", "title"]
SHOTS_A_CLIP = 5  # clips are joined from this many times k shots


@dataclass(frozen=True, slots=True)
class Hit:
    """A found shot, clip or title: shots [first_shot, end_shot), their span in seconds, their timed text.

    text: of the shots; of a title, only that of its best shot. score: cosine, or the merged reciprocal ranks; of a
    clip or title that of its best shot, which is `best_shot` and begins at `best_s`. duplicates: near-duplicates folded
    into it. why: what brought it, where that was asked for.
    """

    title: str
    start_s: float
    end_s: float
    score: float
    text: str
    first_shot: int
    end_shot: int
    best_shot: int
    best_s: float
    duplicates: tuple[Mapping[str, Any], ...] = ()
    why: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The hit as `search --json` prints it; `why` only where it was asked for."""
        names = ("title", "start_s", "end_s", "score", "text", "first_shot", "end_shot", "best_shot", "best_s")
        document: dict[str, Any] = {name: getattr(self, name) for name in names}
        document["duplicates"] = [dict(duplicate) for duplicate in self.duplicates]
        return document | ({"why": dict(self.why)} if self.why else {})


class Run(NamedTuple):
    """Shots [first, end) of the title of that number, and how good the best of them is."""

    title: int
    first: int
    end: int
    score: float
    best: int  # row of the best shot, among all shots of the catalog


def best_runs(scores_N: NDArray[Any], lines: Lines, unit: Unit, count: int) -> list[Run]:
    """The `count` best of a unit, best first; of equals, the one that comes first in the catalog.

    A title's run is that of its best shot.
    """
    if unit == "title":
        best = np.array(
            [scores_N[a:b].max(initial=-np.inf) for a, b in zip(lines.starts, lines.starts[1:], strict=False)]
        )
        rows = [
            int(lines.starts[t] + scores_N[lines.starts[t] : lines.starts[t + 1]].argmax()) for t in _best(best, count)
        ]
    else:
        rows = [int(row) for row in _best(scores_N, count if unit == "shot" else SHOTS_A_CLIP * count)]
    titles = lines.title_of(np.array(rows, dtype=np.int64)).tolist()
    shots = [row - int(lines.starts[title]) for row, title in zip(rows, titles, strict=True)]
    runs = [
        Run(title, shot, shot + 1, float(scores_N[row]), row)
        for title, shot, row in zip(titles, shots, rows, strict=True)
    ]
    return sorted(_joined(runs), key=lambda run: (-run.score, run.best))[:count] if unit == "clip" else runs


def make_hits(
    catalog: "Catalog", lines: Lines, runs: Sequence[Run], others: Sequence[Sequence[Run]], unit: Unit
) -> list[Hit]:
    """Hits of runs, with their texts; others: the near-duplicates of each."""
    named = sorted({lines.titles[run.title] for run in runs})
    texts: dict[str, list[str]] = {title: [] for title in named}
    for title, _, _, _, text in catalog.iter_texts(named):
        texts[title].append(text)
    return [
        _hit(lines, run, twins, texts[lines.titles[run.title]], unit) for run, twins in zip(runs, others, strict=True)
    ]


def _hit(lines: Lines, run: Run, twins: Sequence[Run], texts: Sequence[str], unit: Unit) -> Hit:
    text = " ".join(text for text in texts[run.first : run.end] if text)
    best = run.best - int(lines.starts[run.title])
    duplicates = tuple(_span(lines, twin) for twin in twins)
    if unit == "title":
        run = run._replace(first=0, end=int(lines.starts[run.title + 1] - lines.starts[run.title]))
    span = _span(lines, run)
    return Hit(
        **span,
        text=text,
        first_shot=run.first,
        end_shot=run.end,
        best_shot=best,
        best_s=float(lines.start_s[run.best]),
        duplicates=duplicates,
    )


def _span(lines: Lines, run: Run) -> dict[str, Any]:
    first = int(lines.starts[run.title])
    return {
        "title": lines.titles[run.title],
        "start_s": float(lines.start_s[first + run.first]),
        "end_s": float(lines.end_s[first + run.end - 1]),
        "score": run.score,
    }


def _best(scores: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Places of the `count` best finite scores, best first."""
    if count < len(scores):
        bar = np.partition(scores, len(scores) - count)[len(scores) - count]
        places = np.flatnonzero((scores >= bar) & np.isfinite(scores))
    else:
        places = np.flatnonzero(np.isfinite(scores))
    return places[np.argsort(-scores[places], kind="stable")][:count]


def _joined(runs: list[Run]) -> list[Run]:
    """Neighbouring shots of one title as one run, as good as the best of them."""
    out: list[Run] = []
    for run in sorted(runs):
        if out and out[-1].title == run.title and out[-1].end == run.first:
            better = max(out[-1], run, key=lambda part: (part.score, -part.best))
            out[-1] = Run(run.title, out[-1].first, run.end, better.score, better.best)
        else:
            out.append(run)
    return out
