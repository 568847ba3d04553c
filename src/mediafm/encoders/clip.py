"""`clip`: the image tower of any CLIP- or SigLIP-like model of transformers.

Each sampled frame is embedded and unit-normed; a shot is the unit-normed mean of its frames. Where the checkpoint has a
text tower, `encode_texts` gives vectors in the same space. Radford et al. 2021 (CLIP); Zhai et al. 2023 (SigLIP).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mediafm.encoders.encoder import Encoded, Encoder
from mediafm.encoders.fingerprints import fingerprint
from mediafm.encoders.text import average_parts, split_text
from mediafm.encoders.vectors import scatter, unit_rows
from mediafm.encoders.weights import find_model, folder_sha256, load_strictly, pick_device, read_json, refusing
from mediafm.errors import EncoderError
from mediafm.types import FloatArray, ImageArray, Modality, ShotInput

_CODE_VERSION = 1  # raise it whenever a vector changes
_BATCH = 32  # frames or texts at a time
_UNUSED = (r"position_ids$", r"logit_scale$", r"logit_bias$")  # parameters no embedding depends on


class ClipEncoder(Encoder):
    """Frames through an image tower. A shot without frames is absent.

    model: local folder or hub id. frames: sampled frames a shot. device: torch device, None for the best there is.
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
    ) -> None:
        self.name, self.licence, self.frames = name, licence, frames
        self._folder = find_model(model)
        self._device = pick_device(device)
        self._model = _load(self._folder).to(self._device)
        self._processor = _load_processor(self._folder)
        self.frame_side = _frame_side(self._processor)
        self._tokenizer: Any = None
        self.dim = self._embed([np.zeros((self.frame_side, self.frame_side, 3), dtype=np.uint8)]).shape[1]
        weights = folder_sha256(self._folder)
        self.fingerprint = fingerprint(name, code=_CODE_VERSION, frames=frames, weights=weights)

    def encode(self, batch: Sequence[ShotInput]) -> Encoded:
        """Embed each shot's frames; [len(batch), dim]."""
        flat = [frame for shot in batch for frame in shot.frames]
        if not flat:
            return scatter([None] * len(batch), self.dim)
        pooled = average_parts(self._embed(flat), [len(shot.frames) for shot in batch])
        return scatter([row if shot.frames else None for row, shot in zip(pooled, batch, strict=True)], self.dim)

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Embed queries in the frames' space: float32 [len(texts), dim], unit rows, zero rows for empty text.

        Raises EncoderError if the checkpoint has no text tower or no tokenizer.
        """
        if not hasattr(self._model, "get_text_features"):
            raise EncoderError(
                f"Encoder {self.name!r} ({self._folder}) has no text tower.", "Use a whole CLIP or SigLIP checkpoint."
            )
        if self._tokenizer is None:
            self._tokenizer = _load_tokenizer(self._folder)
        length = int(self._model.config.text_config.max_position_embeddings)
        room = length - self._tokenizer.num_special_tokens_to_add()
        parts = [split_text(text, self._tokenizer, room) for text in texts]
        flat = [part for of_text in parts for part in of_text]
        if not flat:
            return np.zeros((len(texts), self.dim), dtype=np.float32)
        return average_parts(self._embed_texts(flat, length), [len(of_text) for of_text in parts])

    def _embed(self, images: Sequence[ImageArray]) -> FloatArray:
        import torch

        rows = []
        for start in range(0, len(images), _BATCH):
            chunk = list(images[start : start + _BATCH])
            inputs = self._processor(images=chunk, return_tensors="pt", input_data_format="channels_last")
            with torch.inference_mode():
                rows.append(_image_vectors(self._model, inputs.to(self._device)).cpu().numpy())
        return unit_rows(np.concatenate(rows))

    def _embed_texts(self, texts: Sequence[str], length: int) -> FloatArray:
        import torch

        rows = []
        for start in range(0, len(texts), _BATCH):
            # SigLIP was trained on texts filled up to full length and gives other vectors without; CLIP does not care.
            inputs = self._tokenizer(
                list(texts[start : start + _BATCH]),
                padding="max_length",
                max_length=length,
                truncation=True,
                return_tensors="pt",
            ).to(self._device)
            with torch.inference_mode():
                rows.append(_vectors(self._model.get_text_features(**inputs)).cpu().numpy())
        return unit_rows(np.concatenate(rows))


def _load(folder: Any) -> Any:
    """The whole model where it has both towers, else its image tower with the projection, if there is one."""
    import transformers

    config = read_json(folder / "config.json")
    named = [str(n) for n in config.get("architectures") or []]
    loader: Any = transformers.AutoModel
    for architecture in named:
        if architecture.endswith(("VisionModelWithProjection", "VisionModel")):
            loader = getattr(transformers, architecture, transformers.AutoModel)
    model = load_strictly(loader, folder, may_miss=_UNUSED)
    if not (hasattr(model, "get_image_features") or "pixel_values" in str(model.main_input_name)):
        raise EncoderError(
            f"Model {folder} ({config.get('model_type')}) has no image tower.", "Name a CLIP or SigLIP checkpoint."
        )
    return model


def _load_processor(folder: Any) -> Any:
    from transformers import AutoImageProcessor

    with refusing(folder):
        return AutoImageProcessor.from_pretrained(folder, backend="pil", trust_remote_code=False, local_files_only=True)


def _load_tokenizer(folder: Any) -> Any:
    from transformers import AutoTokenizer

    with refusing(folder):
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)


def _frame_side(processor: Any) -> int:
    """The shorter side that loses nothing: the size the processor crops or resizes to."""
    size = getattr(processor, "size", None) or {}
    sides = [size[key] for key in ("shortest_edge", "height", "width") if size.get(key)]
    if not sides:  # models of free aspect name a number of patches instead
        sides = [int(processor.patch_size) * round(int(processor.max_num_patches) ** 0.5)]
    return int(max(sides))


def _image_vectors(model: Any, inputs: Any) -> Any:
    if hasattr(model, "get_image_features"):
        return _vectors(model.get_image_features(**inputs))
    return _vectors(model(**inputs))


def _vectors(output: Any) -> Any:
    """Projected vectors from whatever shape of output the model class has."""
    if hasattr(output, "image_embeds"):
        return output.image_embeds
    return output.pooler_output if hasattr(output, "pooler_output") else output
