"""Context embeddings: a checkpoint over a catalog, written back as one more embedding set.

What is written for a shot is the checkpoint's `readout`:

- `last`: the state of the last layer.
- `beside`: the fused embedding the shot came with and that state, each at unit norm, joined and scaled to unit norm, so
  that nothing a probe could read from the shot alone is lost.

The title's vector is the mean of its shots'. The state of [CLS] is not: Masked Shot Modeling asks nothing of it in the
last layer, and it tells titles apart worse than the mean does (docs/training.md).

Shapes: W windows, S shots, D fused size, G metadata size, H hidden, R size of the read-out.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from mediafm.catalog import Catalog, EmbeddingSetSpec
from mediafm.errors import MismatchError, UsageError
from mediafm.fusion import FusionStats, fuse, unit_rows
from mediafm.model import Checkpoint
from mediafm.progress import SILENT, Progress
from mediafm.sequences import encoder_facts, windows
from mediafm.types import Features, FloatArray

Context = Literal["title", "none"]
_PLACES = 8192  # shots in one forward pass, overlaps counted


@dataclass(frozen=True, slots=True)
class EmbedResult:
    """What `embed --json` prints. titles, shots: written now; titles that were current already are not counted."""

    embedding_set: str
    titles: int
    shots: int
    seconds: float


class Embedder:
    """A checkpoint ready to embed titles, on CUDA where there is one."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.config = checkpoint.config
        self.stats = FusionStats.from_arrays(checkpoint.fusion_arrays, checkpoint.fusion_meta)
        self._model = checkpoint.model.to(self.device).eval()

    def embed(self, features: Features, global_G: FloatArray | None, context: Context) -> tuple[FloatArray, FloatArray]:
        """Vectors of all shots of one title and of the title: ([S, R], [R]).

        "title": every shot is seen inside its title, [GLOBAL] included; titles longer than the model's `max_shots` in
        overlapping windows. "none": every shot is a sequence of its own.
        """
        fused_SD, _ = fuse(features, self.stats)
        state_SH = self._alone(fused_SD) if context == "none" else self._in_context(fused_SD, global_G)
        shots_SR = self._readout(fused_SD, state_SH)
        return shots_SR, shots_SR.mean(axis=0)

    def _in_context(self, fused_SD: FloatArray, global_G: FloatArray | None) -> FloatArray:
        """Last-layer states [S, H], blended where windows overlap."""
        length = self.config.max_shots
        cuts = windows(len(fused_SD), length, length // 2)
        batch = max(_PLACES // length, 1)
        parts = [
            self._forward(np.stack([fused_SD[a:b] for a, b in cuts[i : i + batch]]), global_G)
            for i in range(0, len(cuts), batch)
        ]
        states_WSH = np.concatenate(parts)
        return states_WSH[0] if len(cuts) == 1 else blend(cuts, states_WSH)

    def _alone(self, fused_SD: FloatArray) -> FloatArray:
        parts = [self._forward(fused_SD[i : i + _PLACES, None], None)[:, 0] for i in range(0, len(fused_SD), _PLACES)]
        return np.concatenate(parts)

    @torch.inference_mode()
    def _forward(self, fused_WSD: FloatArray, global_G: FloatArray | None) -> FloatArray:
        global_WG = None
        if global_G is not None and self.config.global_dim:
            global_WG = torch.from_numpy(global_G).to(self.device).expand(len(fused_WSD), -1)
        fused = torch.from_numpy(np.ascontiguousarray(fused_WSD)).to(self.device)
        context_WSH, _ = self._model.encode(fused, global_BG=global_WG)
        return context_WSH.cpu().numpy()

    def _readout(self, fused_SD: FloatArray, state_SH: FloatArray) -> FloatArray:
        if self.config.readout == "last":
            return state_SH
        joined_SR = np.concatenate([unit_rows(fused_SD), unit_rows(state_SH)], axis=1)
        return unit_rows(joined_SR)


def embed(
    catalog: Catalog,
    run: str | Path | Checkpoint,
    context: Context = "title",
    name: str | None = None,
    replace: bool = False,
    progress: Progress = SILENT,
) -> EmbedResult:
    """Embed every title of the catalog that the set does not cover yet.

    run: a pretraining run's folder, a hub id or a loaded checkpoint. The set is called after the checkpoint, with
    `-none` behind where each shot is embedded alone, or `name`. MismatchError if the catalog's encoders are not those
    the checkpoint was trained on, or if the name stands for another checkpoint, unless `replace`.
    """
    began = time.monotonic()
    if context not in ("title", "none"):
        raise UsageError(f"Unknown context {context!r}.", "Choose title or none.")
    checkpoint = run if isinstance(run, Checkpoint) else Checkpoint.load(run)
    _check_encoders(catalog, checkpoint)
    name = name or (checkpoint.name if context == "title" else f"{checkpoint.name}-none")
    embedder = Embedder(checkpoint)
    spec = EmbeddingSetSpec(name, checkpoint.fingerprint, context, embedder.config.readout_dim)
    catalog.add_embedding_set(spec, replace=replace)
    missing = catalog.missing_embeddings(name)
    progress.start("embed", len(missing), "title")
    shots = 0
    for title in missing:
        revision = catalog.title_record(title).revision
        vectors_SR, title_R = embedder.embed(catalog.features(title), catalog.global_vector(title), context)
        catalog.write_embeddings(name, title, vectors_SR, title_R, revision)
        shots += len(vectors_SR)
        progress.advance(1, title=title)
    progress.end(shots=shots)
    return EmbedResult(name, len(missing), shots, time.monotonic() - began)


def blend(cuts: list[tuple[int, int]], states_WSH: FloatArray) -> FloatArray:
    """States of overlapping windows as one [S, H]: a mean weighted by how far a shot lies from its window's borders.

    Weights fall linearly to nearly zero at the borders, where a window knows least, so that no seam shows.
    """
    total_SH = np.zeros((cuts[-1][1], states_WSH.shape[-1]), np.float64)
    weight_S = np.zeros(len(total_SH))
    length = states_WSH.shape[1]
    ramp_S = np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)).astype(np.float64)
    for (start, stop), state_SH in zip(cuts, states_WSH, strict=True):
        total_SH[start:stop] += ramp_S[:, None] * state_SH
        weight_S[start:stop] += ramp_S
    return (total_SH / weight_S[:, None]).astype(np.float32)


def _check_encoders(catalog: Catalog, checkpoint: Checkpoint) -> None:
    """MismatchError unless every modality comes from the encoder the checkpoint was trained on."""
    trained, here = checkpoint.origin.get("encoders", {}), encoder_facts(catalog)
    for modality in sorted(set(trained) | set(here)):
        then, now = trained.get(modality), here.get(modality)
        if then is None or now is None or (then["fingerprint"], then["dim"]) != (now["fingerprint"], now["dim"]):
            raise MismatchError(
                f"Checkpoint {checkpoint.name} was trained on {modality} features of {_describe(then)}, the catalog "
                f"{catalog.uri} holds those of {_describe(now)}.",
                "Use a catalog of the checkpoint's preset, or pretrain on this one.",
            )


def _describe(encoder: dict[str, object] | None) -> str:
    if encoder is None:
        return "no encoder"
    return f"{encoder['name']} (dim {encoder['dim']}, fingerprint {str(encoder['fingerprint'])[:12]})"
