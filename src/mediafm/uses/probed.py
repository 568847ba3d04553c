"""A saved probe on the shots of one title: their scores and the vectors it judged them by."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.probes.features import METADATA, FeatureSource, clip_sets
from mediafm.probes.run import catalog_version, model_vectors
from mediafm.probes.saved import SavedProbe
from mediafm.probes.tasks import CLASSIFYING, VALUED
from mediafm.probes.units import Examples
from mediafm.types import FloatArray
from mediafm.uses.titles import TitleShots

if TYPE_CHECKING:
    from mediafm.catalog import Catalog
    from mediafm.model import Checkpoint


@dataclass(frozen=True, slots=True)
class ProbedShots:
    """scores: float64 [n], the logit or value of each shot; vectors: float32 [n, D] they are linear in.

    label: whose scores they are; threshold: the score from which the label is given, None for values.
    """

    scores: NDArray[np.float64]
    vectors: FloatArray
    label: str
    threshold: float | None


class ShotProbe:
    """A saved probe that has been checked against a catalog: MismatchError for one of other features or encoders."""

    def __init__(
        self, catalog: "Catalog", saved: SavedProbe, label: str | None = None, models: "Sequence[Checkpoint]" = ()
    ) -> None:
        _check(catalog, saved)
        self.column, self.label = _chosen(saved, label)
        held = model_vectors(catalog, models, catalog_version(catalog))
        source = FeatureSource(catalog, catalog.title_ids(), held)
        saved.check(catalog, source)
        self._saved = saved
        self._source = source if saved.stats is None else source.with_stats(saved.features, saved.stats)
        self._task = saved.task.model_copy(update={"unit": "shot"})

    @property
    def unit(self) -> str:
        """What the probe was fitted on: shots or clips."""
        return self._saved.task.unit

    def vectors(self, shots: TitleShots) -> FloatArray:
        """The vectors [n, D] of a title's shots, as the probe knows them."""
        n = len(shots)
        examples = Examples(
            (shots.title,), ((shots.start_s, shots.end_s),), np.zeros(n, np.int64), shots.start_s, shots.end_s,
            np.arange(n), np.zeros((n, 1)), ("",),
        )  # fmt: skip
        return self._source.vectors(self._saved.features, examples, self._task).matrix

    def of(self, shots: TitleShots) -> ProbedShots:
        """Scores and vectors of a title's shots."""
        vectors = self.vectors(shots)
        scores = self._saved.probe.score(vectors)[:, self.column].astype(np.float64)
        classifying = self._saved.task.kind in CLASSIFYING
        threshold = float(self._saved.probe.threshold[self.column]) if classifying else None
        return ProbedShots(scores, vectors, self.label, threshold)


def _check(catalog: "Catalog", saved: SavedProbe) -> None:
    if saved.task.unit == "title":
        raise UsageError(f"The probe {saved.task.name!r} speaks of whole titles.", "Name one of shots or clips.")
    if saved.task.kind not in (*CLASSIFYING, *VALUED):
        raise UsageError(
            f"The probe {saved.task.name!r} tells classes apart and ranks nothing.",
            "Name a probe of a binary, multilabel, ranking or regression task.",
        )
    if saved.features == METADATA or saved.features in clip_sets(catalog):
        raise UsageError(
            f"The probe {saved.task.name!r} looks at {saved.features!r}, which has no vector a shot.",
            "Name the probe of another feature set: OUT/probes/FEATURES.",
        )


def _chosen(saved: SavedProbe, label: str | None) -> tuple[int, str]:
    if label is None:
        if len(saved.labels) > 1:
            raise UsageError(
                f"The probe {saved.task.name!r} has {len(saved.labels)} labels.",
                f"Say which by --label: {', '.join(saved.labels)}.",
            )
        return 0, saved.labels[0]
    if label not in saved.labels:
        near = get_close_matches(label, saved.labels, n=1)
        raise UsageError(
            f"The probe {saved.task.name!r} has no label {label!r}.",
            (f"Did you mean {near[0]!r}? " if near else "") + f"It has {', '.join(saved.labels)}.",
        )
    return saved.labels.index(label), label
