"""Labelled titles of the synthetic process, on which every row is probed alike, with the draws intervals come from.

Shapes: N shots of labelled titles, L labels, F families of labels and their mean, B draws of test titles, D size.
"""

# ruff: noqa: N815 (fields carry their shapes)

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from mediafm.fusion import FusionSpec, FusionStats, fuse
from mediafm.model.folder import replace_file, to_json
from mediafm.probes.fitting import fit_folds
from mediafm.probes.metrics import FoldRows, HeldOut, Predictions, find_metric
from mediafm.probes.splits import Fold, inner_groups
from mediafm.probes.surroundings import around
from mediafm.probes.tasks import Split, Task
from mediafm.probes.units import Examples
from mediafm.synthetic import FeatureTitle, SyntheticFeatures, ceiling
from mediafm.types import FloatArray

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
INNER_FOLDS = 3
DRAWS = 1000
MEAN = "mean"  # of the families
TRIVIAL = (
    *("concat", "neighbours", "past_future_2", "past_future_8", "past_future_32"),
    *(f"moving_average_{radius}" for radius in (1, 2, 4, 8, 16, 32, 64, 128)),
    *("title_mean", "shot_and_title_mean"),
)


@dataclass(frozen=True, slots=True)
class Judged:
    """Average precision on the test titles, by family and their mean: score_F, and drawn_BF over draws of titles."""

    score_F: np.ndarray
    drawn_BF: np.ndarray
    score_L: np.ndarray
    dim: int


class Bench:
    """`teaching` titles teach the probes and choose their penalties, the next `testing` titles judge them.

    Both are titles of the world that no pretraining sees: it reads those from number `first_unlabelled` on. What was
    measured is kept in `folder`.
    """

    def __init__(self, seed: int, teaching: int, testing: int, folder: Path) -> None:
        self.first_unlabelled = teaching + testing
        self.catalogue = SyntheticFeatures(seed, self.first_unlabelled)
        self.folder = folder
        self.titles: list[FeatureTitle] = list(self.catalogue)
        law = self.catalogue.world.law
        self.labels, self.families = law.labels, [*law.families, MEAN]
        self._family_L = np.repeat(np.arange(len(law.families)), list(law.families.values()))
        truth = np.concatenate([title.labels for title in self.titles])
        title_N = np.repeat(np.arange(len(self.titles)), [len(title.features) for title in self.titles])
        times = [np.concatenate([getattr(title, side) for title in self.titles]) for side in ("start_s", "end_s")]
        names = tuple(title.title_id for title in self.titles)
        spans = tuple((title.start_s, title.end_s) for title in self.titles)
        shot = np.concatenate([np.arange(len(title.features)) for title in self.titles])
        self._examples = Examples(names, spans, title_N, *times, shot, truth.astype(bool), tuple(self.labels))
        inner = inner_groups(self._examples, np.arange(teaching), INNER_FOLDS, np.random.default_rng(0))
        self._fold = Fold(np.arange(teaching), np.arange(teaching, self.first_unlabelled), inner)
        self._task = Task(
            name="synthetic", kind="multilabel", unit="shot", labels=folder, split=Split(folds=2),
            penalties=list(PENALTIES), inner_folds=INNER_FOLDS,
        )  # fmt: skip
        self._tested = np.flatnonzero(title_N >= teaching)
        judging = title_N[self._tested] - teaching
        held = FoldRows(truth[self._tested].astype(bool), judging, judging, judging, *(t[self._tested] for t in times))
        self._held_out = HeldOut(held, np.zeros_like(judging))
        self._metric = find_metric("average_precision", "multilabel")
        self._weights_BT = self._held_out.draws(DRAWS, np.random.default_rng(0))
        spec = FusionSpec(self.catalogue.world.dims, "standard")
        self._stats = FusionStats.fit((title.features for title in self.titles[:teaching]), spec)
        self._protocol = {
            "content": self.catalogue.uri, "teaching": teaching, "penalties": list(PENALTIES),
            "inner_folds": INNER_FOLDS, "draws": DRAWS,
        }  # fmt: skip

    @property
    def judging_shots(self) -> int:
        """How many shots judge."""
        return len(self._tested)

    def prevalence(self) -> Judged:
        """Chance: the same score for every shot."""
        return self._judge(np.zeros((self.judging_shots, len(self.labels)), np.float32), 0)

    def ceiling(self) -> Judged:
        """What the process allows: its own posteriors, unfitted."""
        return self._kept("ceiling", "process", lambda: (np.concatenate([ceiling(t) for t in self.titles]), False))

    def trivial(self, name: str) -> Judged:
        """A context that needs no training."""
        fused = (fuse(title.features, self._stats)[0] for title in self.titles)
        return self._kept(name, "process", lambda: (np.concatenate([_trivial(f, name) for f in fused]), True))

    def embedding(self, key: str, of: str, vectors: Callable[[FeatureTitle], FloatArray]) -> Judged:
        """A row whose vectors come title by title; measured anew where `of`, a fingerprint, is another."""
        return self._kept(key, of, lambda: (np.concatenate([vectors(title) for title in self.titles]), True))

    def _kept(self, key: str, of: str, make: Callable[[], tuple[np.ndarray, bool]]) -> Judged:
        note_path, scores_path = self.folder / f"{key}.json", self.folder / f"{key}.npy"
        if note_path.is_file():
            note = json.loads(note_path.read_text(encoding="utf-8"))
            if note["of"] == of and note["protocol"] == self._protocol:
                return self._judge(np.load(scores_path), note["dim"])
        began = time.monotonic()
        matrix_ND, to_fit = make()
        scores_NL, facts = matrix_ND[self._tested], dict[str, Any]()
        if to_fit:
            (probe,) = fit_folds(matrix_ND.astype(np.float32), self._examples, [self._fold], self._task)
            scores_NL = probe.score(scores_NL.astype(np.float32))
            facts = {"penalty": probe.penalty.tolist(), "gradient_norm": probe.gradient_norm}
        dim = matrix_ND.shape[1] if to_fit else 0
        facts |= {"of": of, "dim": dim, "seconds": time.monotonic() - began, "protocol": self._protocol}
        buffer = BytesIO()
        np.save(buffer, scores_NL)
        replace_file(scores_path, buffer.getvalue())
        replace_file(note_path, to_json(facts))  # last: it says that both are there
        return self._judge(scores_NL, dim)

    def _judge(self, scores_NL: np.ndarray, dim: int) -> Judged:
        said = Predictions(scores_NL)
        score_L = self._held_out.values(self._metric, said)[0]
        drawn_BL = self._held_out.values(self._metric, said, self._weights_BT)
        return Judged(self._by_family(score_L[None])[0], self._by_family(drawn_BL), score_L, dim)

    def _by_family(self, values_BL: np.ndarray) -> np.ndarray:
        count = len(self.families) - 1
        families = [np.nanmean(values_BL[:, self._family_L == f], axis=1) for f in range(count)]
        return np.stack([*families, np.mean(families, axis=0)], axis=1)


def _trivial(fused: FloatArray, name: str) -> FloatArray:
    """A title's vectors [n, ...] under a context that needs no training."""
    if name not in ("title_mean", "shot_and_title_mean"):
        return around(fused, name)
    mean = np.broadcast_to(fused.mean(axis=0), fused.shape)
    return mean if name == "title_mean" else np.concatenate([fused, mean], axis=1)


def averaged(judged: Sequence[Judged]) -> Judged:
    """The mean over seeds: of scores, and within every draw of titles."""
    return Judged(
        np.mean([j.score_F for j in judged], axis=0),
        np.mean([j.drawn_BF for j in judged], axis=0),
        np.mean([j.score_L for j in judged], axis=0),
        judged[0].dim,
    )


def widths() -> Iterator[str]:
    """The moving averages among the trivial contexts, the whole title included."""
    return (name for name in TRIVIAL if name.startswith("moving_average") or name == "title_mean")
