"""`wav2vec2`: a speech model of the wav2vec 2.0 family (also HuBERT, WavLM) over a shot's sound.

The mean over time of one hidden layer, unit-normed. Long shots go through in pieces that see some sound on either side
of what they answer for, so that every moment counts exactly once. Baevski et al. 2020.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mediafm.encoders.encoder import Encoded, Encoder
from mediafm.encoders.fingerprints import fingerprint
from mediafm.encoders.offline_audio import has_sound
from mediafm.encoders.vectors import scatter
from mediafm.encoders.weights import find_model, folder_sha256, load_strictly, pick_device, read_json, refusing
from mediafm.errors import EncoderError, UsageError
from mediafm.types import SAMPLE_RATE, FloatArray, Modality, ShotInput

_CODE_VERSION = 1  # raise it whenever a vector changes
_CORE_S, _MARGIN_S = 20, 2  # seconds a piece answers for, and sees on either side
_BATCH = 8  # pieces of equal length at a time
_UNUSED = (r"masked_spec_embed$", r"^quantizer\.", r"^project_", r"^lm_head\.")


@dataclass(frozen=True)
class _Piece:
    """samples[start:stop] goes through the model; its frames first to last (half-open) count for the shot."""

    shot: int
    start: int
    stop: int
    first: int
    last: int


class Wav2Vec2Encoder(Encoder):
    """Sound through a speech model. Silence has a vector; a shot whose samples are None or empty is absent.

    model: local folder or hub id. layer: which hidden layer, counted as transformers does (0 is the input of the first
    transformer block, -1 the last layer). device: torch device, None for the best there is.
    """

    modality: Modality = "audio"

    def __init__(
        self,
        model: str,
        name: str = "wav2vec2",
        licence: str = "NOASSERTION",
        layer: int = -1,
        device: str | None = None,
    ) -> None:
        self.name, self.licence, self._layer = name, licence, layer
        folder = find_model(model)
        self._device = pick_device(device)
        self._model = _load(folder, layer).to(self._device)
        self._extractor = _load_extractor(folder)
        config = self._model.config
        self.dim = int(config.hidden_size)
        self._stride = int(np.prod(config.conv_stride))
        self._field = _receptive_field(config.conv_kernel, config.conv_stride)
        settings = {"layer": layer, "core": _CORE_S, "margin": _MARGIN_S}
        self.fingerprint = fingerprint(name, code=_CODE_VERSION, weights=folder_sha256(folder), **settings)

    def encode(self, batch: Sequence[ShotInput]) -> Encoded:
        """Embed each shot's sound; [len(batch), dim]."""
        waves = [self._normalised(shot.samples) if has_sound(shot.samples) else None for shot in batch]
        groups: dict[int, list[_Piece]] = defaultdict(list)
        for shot, wave in enumerate(waves):
            for piece in self._pieces(shot, 0 if wave is None else len(wave)):
                groups[piece.stop - piece.start].append(piece)
        sums = np.zeros((len(batch), self.dim), dtype=np.float64)
        # Only pieces of equal length share a pass: padding would leak into these models' normalisation.
        for pieces in groups.values():
            for start in range(0, len(pieces), _BATCH):
                self._add(sums, waves, pieces[start : start + _BATCH])
        return scatter([row if wave is not None else None for row, wave in zip(sums, waves, strict=True)], self.dim)

    def _normalised(self, samples: Any) -> FloatArray:
        """As the model's own feature extractor does, filled up with silence to one receptive field."""
        wave = self._extractor(samples, sampling_rate=SAMPLE_RATE, return_tensors="np")["input_values"][0]
        return np.pad(np.asarray(wave, dtype=np.float32), (0, max(0, self._field - len(wave))))

    def _pieces(self, shot: int, n: int) -> list[_Piece]:
        """Pieces of a wave of n samples; their counted frames tile all (n - field) // stride + 1 frames."""
        total = (n - self._field) // self._stride + 1 if n >= self._field else 0
        core = _CORE_S * SAMPLE_RATE // self._stride
        margin = _MARGIN_S * SAMPLE_RATE // self._stride
        pieces = []
        for first in range(0, total, core):
            last = min(first + core, total)
            left, right = max(0, first - margin), min(total, last + margin)
            # The last samples make no frame of their own, but some models' first layer normalises over them too.
            stop = n if right == total else (right - 1) * self._stride + self._field
            pieces.append(_Piece(shot, left * self._stride, stop, first - left, last - left))
        return pieces

    def _add(self, sums: Any, waves: Sequence[FloatArray | None], pieces: Sequence[_Piece]) -> None:
        import torch

        rows = [wave[p.start : p.stop] for p in pieces if (wave := waves[p.shot]) is not None]
        inputs = torch.from_numpy(np.stack(rows)).to(self._device)
        # The layers draw a number each to decide on layer dropout, even when they are not training.
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            output = self._model(inputs, output_hidden_states=True)
            hidden = output.hidden_states[self._layer].double().cpu().numpy()
        for piece, frames in zip(pieces, hidden, strict=True):
            sums[piece.shot] += frames[piece.first : piece.last].sum(axis=0)


def _load(folder: Path, layer: int) -> Any:
    from transformers import AutoModel

    kind = read_json(folder / "config.json").get("model_type")
    model = load_strictly(AutoModel, folder, may_miss=_UNUSED)
    if not hasattr(model.config, "conv_kernel"):
        raise EncoderError(f"Model {folder} ({kind}) is not of the wav2vec 2.0 family.", "Name such a checkpoint.")
    states = int(model.config.num_hidden_layers) + 1
    if not -states <= layer < states:
        raise UsageError(f"Model {folder} has no layer {layer}.", f"Choose one from {-states} to {states - 1}.")
    return model


def _load_extractor(folder: Path) -> Any:
    from transformers import AutoFeatureExtractor

    with refusing(folder):
        extractor = AutoFeatureExtractor.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    if extractor.sampling_rate != SAMPLE_RATE:
        raise EncoderError(
            f"Model {folder} wants sound at {extractor.sampling_rate} Hz.", f"Choose one made for {SAMPLE_RATE} Hz."
        )
    return extractor


def _receptive_field(kernels: Sequence[int], strides: Sequence[int]) -> int:
    """Samples one frame of the convolutional front end sees (400 for wav2vec 2.0)."""
    field, step = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        field += (kernel - 1) * step
        step *= stride
    return field
