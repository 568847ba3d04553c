"""A checkpoint: a folder that follows the Hugging Face hub's conventions and holds all that embedding needs.

| file | holds |
|---|---|
| `config.json` | the model's shape |
| `model.safetensors` | weights |
| `fusion.safetensors` | arrays of the fusion statistics the model was trained on |
| `origin.json` | fusion settings, what made the checkpoint, its measures, its fingerprint |
| `README.md` | model card, written from all this |
| `loss.png` | the run's curves, where there was a run |

Nothing in it is executed: safetensors and JSON only.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file as load_arrays
from safetensors.numpy import save as arrays_to_bytes

from mediafm.errors import MediafmError
from mediafm.model.card import model_card
from mediafm.model.config import ShotTransformerConfig
from mediafm.model.folder import (
    CARD,
    CONFIG,
    CURVE,
    FUSION,
    ORIGIN,
    WEIGHTS,
    local_folder,
    read,
    read_json,
    replace_file,
    to_json,
    upload,
    weight_bytes,
)
from mediafm.model.transformer import ShotTransformer


@dataclass(frozen=True)
class Checkpoint:
    """A trained model with the fusion it expects.

    fusion_meta, fusion_arrays: settings and statistics of the fusion, JSON-able and arrays, as the trainer hands them.
    origin: what made it: catalog and encoder fingerprints, recipe, seed, versions.
    metrics: measures on validation titles. name: by default the folder's. curve: the run's picture, PNG.
    """

    model: ShotTransformer
    fusion_meta: dict[str, Any] = field(default_factory=dict)
    fusion_arrays: dict[str, np.ndarray] = field(default_factory=dict)
    origin: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    name: str = "checkpoint"
    curve: bytes | None = None

    @property
    def config(self) -> ShotTransformerConfig:
        """Shape of the model."""
        return self.model.config

    @property
    def fingerprint(self) -> str:
        """sha256 of config, weights and fusion: equal fingerprints give equal embeddings."""
        digest = hashlib.sha256()
        for part in (to_json(self.config.to_dict()), to_json(self.fusion_meta), *self._binaries().values()):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
        return digest.hexdigest()

    def save(self, folder: str | Path) -> Path:
        """Write the checkpoint; each file replaces its predecessor whole, `origin.json` last."""
        folder = Path(folder)
        origin = {
            "fingerprint": self.fingerprint,
            "fusion": self.fusion_meta,
            "origin": self.origin,
            "metrics": self.metrics,
        }
        for name, content in {CONFIG: to_json(self.config.to_dict()), **self._binaries()}.items():
            replace_file(folder / name, content)
        if self.curve is not None:
            replace_file(folder / CURVE, self.curve)
        self.write_card(folder)
        replace_file(folder / ORIGIN, to_json(origin))
        return folder

    def write_card(self, folder: str | Path) -> None:
        """Write the card alone: anew at the end of a run, when the picture of its curves lies in the folder."""
        folder = Path(folder)
        parameters = sum(p.numel() for p in self.model.parameters())
        curve = (folder / CURVE).is_file()
        card = model_card(self.name, self.config, self.origin, self.metrics, parameters, curve)
        replace_file(folder / CARD, card.encode())

    @classmethod
    def load(cls, path: str | Path, name: str | None = None) -> "Checkpoint":
        """Read a run's folder or a hub id `owner/model`; MediafmError if it is missing, damaged or incomplete."""
        folder = local_folder(path)
        model = ShotTransformer.from_pretrained(folder)
        data = read_json(folder / ORIGIN)
        if missing := {"fingerprint", "fusion", "origin", "metrics"} - set(data):
            raise MediafmError(f"{folder / ORIGIN} lacks {', '.join(sorted(missing))}.", "Fetch the checkpoint again.")
        arrays = read(folder / FUSION, load_arrays)
        name = name or (Path(path).resolve().name if Path(path).is_dir() else str(path).split("/")[-1])
        curve = read(folder / CURVE, Path.read_bytes) if (folder / CURVE).is_file() else None
        checkpoint = cls(model, data["fusion"], arrays, data["origin"], data["metrics"], name, curve)
        if checkpoint.fingerprint != data["fingerprint"]:
            raise MediafmError(
                f"The files of checkpoint {path} do not belong together: {ORIGIN} names another fingerprint.",
                "Resume the pretraining run, or fetch the checkpoint again.",
            )
        return checkpoint

    def push_to_hub(self, repo_id: str, private: bool = True, token: str | None = None) -> str:
        """Upload the checkpoint to a Hugging Face hub repository, made where it is missing; returns its address."""
        return upload(self.save, repo_id, private, token)

    def _binaries(self) -> dict[str, bytes]:
        arrays = {k: np.ascontiguousarray(v) for k, v in sorted(self.fusion_arrays.items())}
        return {WEIGHTS: weight_bytes(self.model), FUSION: arrays_to_bytes(arrays)}
