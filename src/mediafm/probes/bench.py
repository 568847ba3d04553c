"""Examples and folds on which every feature set is measured alike; what was fitted before is taken from disk."""

import json
import time
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mediafm.caches import cache_folder
from mediafm.probes.features import CHANCE, FeatureSource, Models, Vectors
from mediafm.probes.metrics import FoldRows, HeldOut, Predictions
from mediafm.probes.splits import Fold
from mediafm.probes.tasks import CLASSIFYING, Task
from mediafm.probes.units import Examples

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

PROTOCOL = 1  # raise it when the same inputs would give other predictions


@dataclass(frozen=True, slots=True)
class Probed:
    """What a feature set's probes say of the held-out examples.

    known: bool [examples held out], those it speaks for; thresholds: one list a fold; the rest as in ProbeRow.
    """

    name: str
    said: Predictions
    known: NDArray[np.bool_]
    dim: int
    penalties: list[list[float]]
    thresholds: list[list[float]]
    gradient_norm: float
    seconds: float = 0.0
    linear: bool = True


class Bench:
    """One task on one catalog: the same examples, folds and held-out rows for every feature set."""

    def __init__(
        self, catalog: "Catalog", task: Task, examples: Examples, folds: list[Fold], models: Models, version: str | None
    ) -> None:
        self.task, self.examples, self.folds, self._version = task, examples, folds, version
        self.sources = [FeatureSource(catalog, [examples.titles[i] for i in fold.train], models) for fold in folds]
        self.judging = [np.flatnonzero(np.isin(examples.title, fold.test)) for fold in folds]
        self.tested = np.concatenate(self.judging)
        fold_number = np.repeat(np.arange(len(folds)), [len(rows) for rows in self.judging])
        _, cluster = np.unique(examples.cluster[self.tested], return_inverse=True)
        group = examples.group[self.tested] if len(examples.group) else examples.group
        rows = FoldRows(
            examples.truth[self.tested], cluster.astype(np.int64), group, examples.title[self.tested],
            examples.start_s[self.tested], examples.end_s[self.tested],
        )  # fmt: skip
        self.held_out = HeldOut(rows, fold_number)
        self.test_titles = len(np.unique(rows.title))

    def probe(self, name: str, attentive: bool = False) -> Probed:
        """Fit on each fold's training titles and score its held-out ones."""
        if name == CHANCE:
            return self._constant()
        key = self._key(name, attentive)
        if key is not None and (found := _load(key, name)):
            return found
        began = time.monotonic()
        if attentive:
            from mediafm.probes.attentive import probe_attentively  # loads torch

            probed = probe_attentively(self, name)
        else:
            probed = self._linear(name)
        probed = replace(probed, seconds=round(time.monotonic() - began, 3))
        if key is not None:
            _store(key, probed)
        return probed

    def vectors(self, name: str) -> list[Vectors]:
        """The feature set's vectors of all examples, one for each fold where they depend on the fold, else one."""
        sources = self.sources if self.sources[0].depends_on_training(name) else self.sources[:1]
        return [source.vectors(name, self.examples, self.task) for source in sources]

    def _linear(self, name: str) -> Probed:
        from mediafm.probes.fitting import fit_folds  # loads torch

        vectors = self.vectors(name)
        known = vectors[0].known
        examples, folds = self.examples, self.folds
        if not known.all():
            examples = part_of(examples, known)
        if len(vectors) == 1:
            fitted = fit_folds(vectors[0].matrix[known], examples, folds, self.task)
        else:
            fitted = [
                fit_folds(held.matrix, examples, [fold], self.task)[0]
                for held, fold in zip(vectors, folds, strict=True)
            ]
        said = [
            probe.predict(vectors[min(number, len(vectors) - 1)].matrix[rows], self.task)
            for number, (probe, rows) in enumerate(zip(fitted, self.judging, strict=True))
        ]
        return Probed(
            name,
            joined(said),
            known[self.tested],
            vectors[0].matrix.shape[1],
            [probe.penalty.tolist() for probe in fitted],
            [probe.threshold.tolist() for probe in fitted],
            max(probe.gradient_norm for probe in fitted),
        )

    def _constant(self) -> Probed:
        """What is said without looking: every training title's mean, class shares, or nothing."""
        said = []
        for fold, rows in zip(self.folds, self.judging, strict=True):
            truth = self.examples.truth[np.isin(self.examples.title, fold.train)]
            if self.examples.classes:
                shares = np.bincount(truth[:, 0].astype(np.int64), minlength=len(self.examples.classes)) / len(truth)
                row = np.log(np.maximum(shares, 1e-9))
            else:
                row = truth.mean(axis=0, dtype=np.float64)
            scores = np.repeat(row[None].astype(np.float32), len(rows), axis=0)
            decided = np.zeros(scores.shape, dtype=bool) if self.task.kind in CLASSIFYING else None
            said.append(Predictions(scores, decided))
        return Probed(CHANCE, joined(said), np.ones(len(self.tested), dtype=bool), 0, [], [], 0.0)

    def _key(self, name: str, attentive: bool) -> str | None:
        """Names all that the predictions of a feature set depend on; None where the catalog has no version."""
        if self._version is None:
            return None
        examples, digest = self.examples, sha256()
        task = self.task.model_dump(mode="json", include={"kind", "unit", "penalties", "inner_folds"})
        identity = self.sources[0].identity(name) or self.sources[0].centring
        told: list[Any] = [PROTOCOL, self._version, name, identity, attentive, task, examples.titles]
        told += [examples.names, examples.classes]
        digest.update(json.dumps(told).encode())
        arrays = [examples.title, examples.start_s, examples.end_s, examples.shot, examples.truth, examples.group]
        arrays += [part for fold in self.folds for part in (fold.train, fold.test, *fold.inner)]
        for array in arrays:
            digest.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:32]


def joined(parts: list[Predictions]) -> Predictions:
    """Predictions of several folds, one under the other."""
    decided = [part.decided for part in parts if part.decided is not None]
    return Predictions(np.concatenate([part.scores for part in parts]), np.concatenate(decided) if decided else None)


def part_of(examples: Examples, rows: NDArray[np.bool_]) -> Examples:
    """Some of the examples; titles keep their numbers."""
    group = examples.group[rows] if len(examples.group) else examples.group
    return Examples(
        examples.titles, examples.spans, examples.title[rows], examples.start_s[rows], examples.end_s[rows],
        examples.shot[rows], examples.truth[rows], examples.names, examples.classes, group, examples.together,
    )  # fmt: skip


def _store(key: str, probed: Probed) -> None:
    from safetensors.numpy import save

    from mediafm.model.folder import replace_file, to_json

    arrays = {"scores": np.ascontiguousarray(probed.said.scores), "known": probed.known}
    if probed.said.decided is not None:
        arrays["decided"] = probed.said.decided
    facts = {
        "dim": probed.dim, "penalties": probed.penalties, "thresholds": probed.thresholds,
        "gradient_norm": probed.gradient_norm, "seconds": probed.seconds, "linear": probed.linear,
    }  # fmt: skip
    folder = cache_folder("probes")
    replace_file(folder / f"{key}.safetensors", save(arrays))
    replace_file(folder / f"{key}.json", to_json(facts))  # last: it says that all is there


def _load(key: str, name: str) -> Probed | None:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    folder = cache_folder("probes")
    try:
        facts = json.loads((folder / f"{key}.json").read_text(encoding="utf-8"))
        arrays = load_file(folder / f"{key}.safetensors")
    except (OSError, ValueError, SafetensorError):
        return None  # not there, or damaged: made again
    return Probed(name, Predictions(arrays["scores"], arrays.get("decided")), arrays["known"], **facts)
