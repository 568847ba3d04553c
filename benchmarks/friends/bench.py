"""Linear probes on the split's seasons, each done once, with the draws that intervals come from.

Shapes: N shots of the split, L labels of all tasks, B draws of test titles, D size of a feature set.
"""

# ruff: noqa: N815 (fields carry their shapes)

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from series import Friends, Split

from mediafm.model.folder import replace_file, to_json
from mediafm.probes.fitting import fit_folds
from mediafm.probes.metrics import FoldRows, HeldOut, Predictions, find_metric
from mediafm.probes.splits import Fold, inner_groups
from mediafm.probes.tasks import Split as Folds
from mediafm.probes.tasks import Task
from mediafm.types import FloatArray

PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)  # the best of nearly every label lies between the ends
INNER_FOLDS = 3
DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Judged:
    """Average precision on the test season: score_L of each label, drawn_BL of each draw of its titles.

    dim: size of the feature set. facts: how the fit went.
    """

    score_L: np.ndarray
    drawn_BL: np.ndarray
    dim: int
    facts: dict[str, Any]


class Bench:
    """Examples and folds on which every feature set is measured alike; results are kept in `folder`."""

    def __init__(self, friends: Friends, split: Split, folder: Path) -> None:
        self.split, self.folder = split, folder
        self.examples, self.columns = friends.examples(split)
        teaches_T = np.array([split.teaches(title) for title in self.examples.titles])
        teaching, judging = np.flatnonzero(teaches_T), np.flatnonzero(~teaches_T)
        inner = inner_groups(self.examples, teaching, INNER_FOLDS, np.random.default_rng(0))
        self._fold = Fold(teaching, judging, inner)
        self._task = Task(
            name="friends", kind="multilabel", unit="shot", labels=friends.data, split=Folds(folds=2),
            penalties=list(PENALTIES), inner_folds=INNER_FOLDS,
        )  # fmt: skip
        self.tested = np.flatnonzero(~teaches_T[self.examples.title])
        _, title = np.unique(self.examples.title[self.tested], return_inverse=True)
        times = self.examples.start_s[self.tested], self.examples.end_s[self.tested]
        rows = FoldRows(self.examples.truth[self.tested], title, title, title, *times)
        self.held_out = HeldOut(rows, np.zeros(len(title), dtype=np.int64))
        self._metric = find_metric("average_precision", "multilabel")
        self._weights_BT = self.held_out.draws(DRAWS, np.random.default_rng(0))
        self._protocol = {
            "train": list(split.train), "test": split.test, "labels": list(self.examples.names),
            "penalties": list(PENALTIES), "inner_folds": INNER_FOLDS, "draws": DRAWS,
        }  # fmt: skip

    @property
    def titles(self) -> tuple[str, ...]:
        """Whose shots, one title after the other, a feature set holds."""
        return self.examples.titles

    def cached(self, key: str, of: str) -> Judged | None:
        """What was measured under this key of this very thing (`of`: a fingerprint), if it was."""
        note_path, drawn_path = self._paths(key)
        if not note_path.is_file():
            return None
        note = json.loads(note_path.read_text(encoding="utf-8"))
        if note["protocol"] != self._protocol or note["of"] != of:
            return None
        return Judged(np.array(list(note["labels"].values())), np.load(drawn_path), note["dim"], note["facts"])

    def probe(self, key: str, of: str, vectors: Callable[[], FloatArray]) -> Judged:
        """Probe the feature set [N, D] that `vectors` makes, unless that was done before."""
        if found := self.cached(key, of):
            return found
        began = time.monotonic()
        matrix_ND = vectors()
        made = time.monotonic()
        (probe,) = fit_folds(matrix_ND, self.examples, [self._fold], self._task)
        facts = {
            "penalties": probe.penalty.tolist(), "gradient_norm": probe.gradient_norm,
            "vector_seconds": made - began, "fit_seconds": time.monotonic() - made,
        }  # fmt: skip
        return self.judge(key, of, probe.score(matrix_ND[self.tested]), matrix_ND.shape[1], facts)

    def judge(self, key: str, of: str, logits_NL: FloatArray, dim: int, facts: dict[str, Any]) -> Judged:
        """Score logits of the test season's shots and keep what came of it."""
        said = Predictions(logits_NL)
        score_L = self.held_out.values(self._metric, said)[0]
        drawn_BL = self.held_out.values(self._metric, said, self._weights_BT).astype(np.float32)
        note_path, drawn_path = self._paths(key)
        labels = dict(zip(self.examples.names, score_L.tolist(), strict=True))
        buffer = BytesIO()
        np.save(buffer, drawn_BL)
        replace_file(drawn_path, buffer.getvalue())
        note = {"of": of, "labels": labels, "dim": dim, "facts": facts, "protocol": self._protocol}
        replace_file(note_path, to_json(note))  # last: it says that both are there
        return Judged(score_L, drawn_BL, dim, facts)

    def _paths(self, key: str) -> tuple[Path, Path]:
        base = self.folder / self.split.name / key
        return base.with_name(base.name + ".json"), base.with_name(base.name + ".npy")
