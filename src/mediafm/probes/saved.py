"""Fitted probes on disk, and their use on titles that nobody labelled.

A saved probe is a folder: `probe.safetensors` (weights, intercept, thresholds, fusion statistics) and `probe.json`
(labels, the feature set, fingerprints of what made its vectors). It is fitted on all labelled titles, at the penalties
and thresholds that the folds chose. Nothing in it is executed.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from mediafm.errors import MediafmError, MismatchError, UsageError
from mediafm.fusion import FusionStats
from mediafm.model.folder import replace_file, to_json
from mediafm.probes.bench import Bench, Probed, part_of
from mediafm.probes.features import CHANCE, FeatureSource
from mediafm.probes.fitting import LinearProbe, refit
from mediafm.probes.tasks import Task
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

WEIGHTS, FACTS = "probe.safetensors", "probe.json"
FORMAT = 1


@dataclass(frozen=True)
class SavedProbe:
    """A linear probe with all that is needed to apply it.

    features: the feature set; identity: fingerprint of what makes its vectors, "" for fused features, which `stats`
    makes; encoders: fingerprint of each modality's encoder. labels: outputs of the probe, in order.
    """

    task: Task
    features: str
    identity: str
    encoders: dict[str, str]
    labels: tuple[str, ...]
    probe: LinearProbe
    centring: str
    stats: FusionStats | None

    def save(self, folder: Path) -> None:
        """Write both files; the facts last."""
        arrays = {
            "weights": self.probe.weights, "intercept": self.probe.intercept, "threshold": self.probe.threshold,
        }  # fmt: skip
        if self.stats is not None:
            arrays |= {f"fusion/{name}": value for name, value in self.stats.to_arrays().items()}
        facts = {
            "format": FORMAT,
            "task": self.task.model_dump(mode="json", exclude={"labels"}, exclude_unset=True),
            "features": self.features,
            "identity": self.identity,
            "encoders": self.encoders,
            "labels": list(self.labels),
            "penalty": self.probe.penalty.tolist(),
            "gradient_norm": self.probe.gradient_norm,
            "centring": self.centring,
            "fusion": None if self.stats is None else self.stats.to_meta(),
        }
        replace_file(folder / WEIGHTS, save({k: np.ascontiguousarray(v) for k, v in arrays.items()}))
        replace_file(folder / FACTS, to_json(facts))

    @classmethod
    def load(cls, folder: str | Path) -> "SavedProbe":
        """Read a saved probe; MediafmError where it is missing or damaged."""
        folder = Path(folder)
        try:
            facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
            arrays = load_file(folder / WEIGHTS)
            return cls._of(facts, arrays)
        except FileNotFoundError as error:
            raise UsageError(
                f"{folder} holds no saved probe ({FACTS}, {WEIGHTS}).", "Name OUT/probes/FEATURES of a finished probe."
            ) from error
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise MediafmError(f"The saved probe {folder} cannot be read: {error}.", "Run the probe again.") from error

    @classmethod
    def _of(cls, facts: dict[str, Any], arrays: dict[str, np.ndarray]) -> "SavedProbe":
        fusion = {name.removeprefix("fusion/"): v for name, v in arrays.items() if name.startswith("fusion/")}
        probe = LinearProbe(
            arrays["weights"], arrays["intercept"], np.array(facts["penalty"]), arrays["threshold"],
            facts["gradient_norm"],
        )  # fmt: skip
        stats = None if facts["fusion"] is None else FusionStats.from_arrays(fusion, facts["fusion"])
        return cls(
            Task.model_validate({**facts["task"], "labels": "."}),
            facts["features"],
            facts["identity"],
            facts["encoders"],
            tuple(facts["labels"]),
            probe,
            facts["centring"],
            stats,
        )

    def check(self, catalog: "Catalog", source: FeatureSource) -> None:
        """MismatchError unless the catalog makes the same vectors as the one the probe was fitted on."""
        here = {str(m): f for m, f in catalog.spec.fingerprints.items()}
        if here != self.encoders:
            raise MismatchError(
                f"The probe was fitted on features of other encoders ({self.encoders}) than the catalog's ({here}).",
                "Use a catalog of the same preset, or fit the probe on this one.",
            )
        if (source.identity(self.features) or "") != self.identity:
            raise MismatchError(
                f"The feature set {self.features!r} was made by {self.identity[:12]} when the probe was fitted, and by "
                f"{(source.identity(self.features) or 'nothing')[:12]} here.",
                "Embed this catalog with the same checkpoint (--model RUN makes its vectors on the fly).",
            )

    def scores(self, vectors: FloatArray) -> FloatArray:
        """Logits, log-probabilities of classes or values of vectors [n, D], float32 [n, C]."""
        return self.probe.predict(vectors, self.task).scores


def folder_name(features: str) -> str:
    """A feature set's name as a folder's."""
    return re.sub(r"[^\w.+-]", "_", features)


def save_probes(bench: Bench, probed: list[Probed], folder: Path) -> None:
    """Fit every linear feature set on all labelled titles and save it under its name."""
    for one in probed:
        if one.name == CHANCE or not one.linear:
            continue
        source = bench.sources[0].on_all(list(bench.examples.titles))
        vectors = source.vectors(one.name, bench.examples, bench.task)
        examples = bench.examples if vectors.known.all() else part_of(bench.examples, vectors.known)
        probe = refit(vectors.matrix[vectors.known], examples, one.penalties, one.thresholds, bench.task)
        SavedProbe(
            bench.task,
            one.name,
            source.identity(one.name) or "",
            {str(m): f for m, f in source.catalog.spec.fingerprints.items()},
            tuple(examples.classes or examples.names),
            probe,
            source.centring,
            source.stats_of(one.name),
        ).save(folder / folder_name(one.name))
