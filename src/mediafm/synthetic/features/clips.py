"""Clips of a feature catalogue: runs of two to four shots inside a scene, and what holds for each.

Shapes: n shots, C clips, L labels.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mediafm.synthetic.features.law import ACTS
from mediafm.synthetic.features.timeline import Ints
from mediafm.synthetic.features.title import FeatureTitle
from mediafm.synthetic.runs import FEWEST_POSITIVES, MOST_POSITIVES, NEGATIVES, Stream, cut_runs, thinned, truth_rng
from mediafm.types import BoolArray

Values = NDArray[np.float64]
# Appeal of a clip: its tension, and what the last motif before it bodes, which fades with the shots that have passed.
TENSE, BODED, FADE, LUCK = 2.0, 0.8, 30.0, 0.25


@dataclass(frozen=True)
class FeatureClips:
    """The clips of one title. Scenes of a single shot have none."""

    title: FeatureTitle

    @cached_property
    def runs(self) -> Ints:
        """[C, 2]: the first shot of each clip and the one after its last."""
        rng, scene = self.rng("clips"), self.title.truth.scene
        begins = np.flatnonzero(self.title.scene_start)
        sizes = np.diff(np.append(begins, len(scene)))
        runs = [
            (begin + a, begin + b)
            for begin, size in zip(begins.tolist(), sizes.tolist(), strict=True)
            for a, b in cut_runs(size, rng)
        ]
        return np.array(runs, dtype=np.int64).reshape(-1, 2)

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def start_s(self) -> Values:
        """[C] seconds."""
        return self.title.start_s[self.runs[:, 0]]

    @property
    def end_s(self) -> Values:
        """[C] seconds."""
        return self.title.end_s[self.runs[:, 1] - 1]

    @property
    def plot(self) -> Ints:
        """[C]: the plot of the clip's storyline."""
        return self.title.truth.plot[self.runs[:, 0]]

    @property
    def labels(self) -> BoolArray:
        """bool [C, L], columns as in `Law.labels`: those that hold for half of the clip's shots at least."""
        return self.means(self.title.labels) >= 0.5

    @property
    def tension(self) -> Values:
        """[C] in 0 .. 1: how the shots' casts fare and whether there is score, in equal parts. Read off the story."""
        truth = self.title.truth
        return self.means((truth.fortune / (ACTS - 1) + truth.scored)[:, None] / 2)[:, 0]

    @property
    def boded(self) -> Values:
        """[C] in -1 .. 1: what the last motif before the clip bodes, from ill (omen 0) to well; 0 before any."""
        truth, law = self.title.truth, self.title.world.law
        in_motif = truth.motif >= 0
        bodes = np.where(in_motif, 2 * truth.omen / max(law.omens - 1, 1) - (law.omens > 1), 0.0)
        last = np.maximum.accumulate(np.where(in_motif, np.arange(len(in_motif)), -1))
        first = self.runs[:, 0]
        before = np.where(first > 0, last[first - 1], -1)
        return np.where(before >= 0, bodes[before] * np.exp((before - first) / FADE), 0.0)

    @property
    def appeal(self) -> Values:
        """[C]: what draws people to a clip, but for luck."""
        return TENSE * self.tension + BODED * self.boded

    @property
    def popularity(self) -> Values:
        """[C]: how often each clip is clicked, as a multiple of the title's mean: exp(appeal + luck)."""
        clicks = np.exp(self.appeal + self.rng("popularity").normal(0.0, LUCK, len(self)))
        return np.asarray(clicks / clicks.mean()) if len(self) else clicks

    @cached_property
    def retrieval(self) -> tuple[Ints, BoolArray]:
        """Numbers of the clips of the retrieval task, rising, and which of them are worth it.

        The six to ten clips of greatest appeal are, of equal ones any, and three others for each are not. Titles of
        less than 40 clips may have fewer: a quarter of their clips, so none where there are less than four.
        """
        rng = self.rng("retrieval")
        wanted = int(rng.integers(FEWEST_POSITIVES, MOST_POSITIVES + 1))
        count = min(wanted, len(self) // (1 + NEGATIVES))
        best = np.lexsort((rng.random(len(self)), -self.appeal))[:count]
        worthy = np.isin(np.arange(len(self)), best)
        kept = thinned(worthy, rng) if count else np.zeros(0, dtype=np.int64)
        return kept, worthy[kept]

    def means(self, values_NL: NDArray[np.generic]) -> Values:
        """Means over each clip's shots, [C, L]."""
        total = np.concatenate([np.zeros((1, values_NL.shape[1])), np.cumsum(values_NL, axis=0, dtype=np.float64)])
        first, end = self.runs.T
        return np.asarray((total[end] - total[first]) / (end - first)[:, None])

    def rng(self, stream: Stream) -> np.random.Generator:
        """The truth's own luck, of this title."""
        return title_rng(self.title, stream)


def title_rng(title: FeatureTitle, stream: Stream) -> np.random.Generator:
    """The truth's own luck: what it draws changes nothing of the title."""
    return truth_rng((title.world.seed, 2, title.number), stream)
