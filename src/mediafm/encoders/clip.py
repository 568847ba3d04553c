"""`clip`: the image tower of any CLIP- or SigLIP-like model of transformers.

Each sampled frame is embedded and unit-normed; a shot is the unit-normed mean of its frames. Where the checkpoint has a
text tower, `encode_texts` gives vectors in the same space. Radford et al. 2021 (CLIP); Zhai et al. 2023 (SigLIP).
"""

from collections.abc import Sequence
from pathlib import Path

from mediafm.encoders.encoder import Encoded, Encoder
from mediafm.encoders.fingerprints import fingerprint
from mediafm.encoders.text import average_parts
from mediafm.encoders.towers import Towers
from mediafm.encoders.vectors import scatter
from mediafm.encoders.weights import find_model, folder_sha256, pick_device
from mediafm.types import FloatArray, Modality, ShotInput

_CODE_VERSION = 1  # raise it whenever a vector changes


class ClipEncoder(Encoder):
    """Frames through an image tower. A shot without frames is absent.

    model: local folder or hub id. frames: sampled frames a shot. device: torch device, None for the best there is.
    settings: folder of the preprocessing's and the tokenizer's files, where it is another.
    Raises EncoderError if the model cannot be had, is not whole, or has no image tower.
    """

    modality: Modality = "video"

    def __init__(
        self,
        model: str,
        name: str = "clip",
        licence: str = "NOASSERTION",
        frames: int = 8,
        device: str | None = None,
        settings: Path | None = None,
    ) -> None:
        self.name, self.licence, self.frames = name, licence, frames
        folder = find_model(model)
        self._towers = Towers(folder, pick_device(device), settings)
        self.frame_side, self.dim = self._towers.frame_side, self._towers.dim
        self.fingerprint = fingerprint(name, code=_CODE_VERSION, frames=frames, weights=folder_sha256(folder))

    def encode(self, batch: Sequence[ShotInput]) -> Encoded:
        """Embed each shot's frames; [len(batch), dim]."""
        flat = [frame for shot in batch for frame in shot.frames]
        if not flat:
            return scatter([None] * len(batch), self.dim)
        pooled = average_parts(self._towers.embed_images(flat), [len(shot.frames) for shot in batch])
        return scatter([row if shot.frames else None for row, shot in zip(pooled, batch, strict=True)], self.dim)

    @property
    def reads_words(self) -> bool:
        """Whether the checkpoint has a text tower."""
        return hasattr(self._towers.model, "get_text_features")

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Embed queries in the frames' space: float32 [len(texts), dim], unit rows, zero rows for empty text.

        Raises EncoderError if the checkpoint has no text tower or no tokenizer.
        """
        return self._towers.embed_texts(texts)
