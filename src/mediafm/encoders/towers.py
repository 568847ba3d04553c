"""The two towers of a CLIP- or SigLIP-like model of transformers: pictures and texts into one space.

`clip` averages their frame vectors, `seqclip` looks at them in time, and its training lets gradients through; all three
prepare pictures and texts here, so that a vector means the same wherever it was made.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mediafm.encoders.text import average_parts, split_text
from mediafm.encoders.vectors import unit_rows
from mediafm.encoders.weights import load_strictly, read_json, refusing
from mediafm.errors import EncoderError
from mediafm.types import FloatArray, ImageArray

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 32  # frames or texts at a time
_UNUSED = (r"position_ids$", r"logit_scale$", r"logit_bias$")  # parameters no embedding depends on


class Towers:
    """A model with its preprocessing. Raises EncoderError if it is not whole or has no image tower.

    folder: weights and config. settings: folder of the image processor's and the tokenizer's files, by default
    the same.
    """

    def __init__(self, folder: Path, device: str, settings: Path | None = None) -> None:
        self.folder, self.device = folder, device
        self._settings = settings or folder
        self.model = _load(folder).to(device)
        self._processor = _load_processor(self._settings)
        self._tokenizer: Any = None
        self.frame_side = _frame_side(self._processor)
        self.dim = int(self.embed_images([np.zeros((self.frame_side, self.frame_side, 3), dtype=np.uint8)]).shape[1])

    def pixels(self, images: Sequence[ImageArray]) -> "dict[str, Tensor]":
        """What the image tower is fed for these pictures, on the CPU; first axis [len(images)]."""
        return dict(self._processor(images=list(images), return_tensors="pt", input_data_format="channels_last"))

    def image_vectors(self, pixels: "dict[str, Tensor]") -> "Tensor":
        """Vectors of prepared pictures as the tower leaves them, [n, dim]; gradients pass."""
        inputs = {name: tensor.to(self.device, non_blocking=True) for name, tensor in pixels.items()}
        if hasattr(self.model, "get_image_features"):
            return _vectors(self.model.get_image_features(**inputs))
        return _vectors(self.model(**inputs))

    def text_parts(self, texts: Sequence[str]) -> tuple[list[str], list[int]]:
        """Texts cut into parts that the tower can read, one after another, and how many each text has (0: empty).

        Raises EncoderError if the checkpoint has no text tower or no tokenizer.
        """
        if not hasattr(self.model, "get_text_features"):
            raise EncoderError(f"Model {self.folder} has no text tower.", "Use a whole CLIP or SigLIP checkpoint.")
        if self._tokenizer is None:
            self._tokenizer = load_tokenizer(self._settings)
        room = self._text_length - self._tokenizer.num_special_tokens_to_add()
        parts = [split_text(text, self._tokenizer, room) for text in texts]
        return [part for of_text in parts for part in of_text], [len(of_text) for of_text in parts]

    def tokens(self, parts: Sequence[str]) -> "dict[str, Tensor]":
        """What the text tower is fed for these parts, on the CPU; first axis [len(parts)]."""
        # SigLIP was trained on texts filled up to full length and gives other vectors without; CLIP does not care.
        return dict(
            self._tokenizer(
                list(parts), padding="max_length", max_length=self._text_length, truncation=True, return_tensors="pt"
            )
        )

    def text_vectors(self, tokens: "dict[str, Tensor]") -> "Tensor":
        """Vectors of prepared text parts as the tower leaves them, [n, dim]; gradients pass."""
        inputs = {name: tensor.to(self.device, non_blocking=True) for name, tensor in tokens.items()}
        return _vectors(self.model.get_text_features(**inputs))

    def embed_images(self, images: Sequence[ImageArray]) -> FloatArray:
        """One unit row a picture, float32 [len(images), dim]."""
        import torch

        rows = []
        for start in range(0, len(images), BATCH):
            with torch.inference_mode():
                rows.append(self.image_vectors(self.pixels(images[start : start + BATCH])).cpu().numpy())
        return unit_rows(np.concatenate(rows))

    def embed_texts(self, texts: Sequence[str]) -> FloatArray:
        """Unit mean of each text's unit part vectors, float32 [len(texts), dim]; a zero row for empty text."""
        import torch

        flat, counts = self.text_parts(texts)
        if not flat:
            return np.zeros((len(texts), self.dim), dtype=np.float32)
        rows = []
        for start in range(0, len(flat), BATCH):
            with torch.inference_mode():
                rows.append(self.text_vectors(self.tokens(flat[start : start + BATCH])).cpu().numpy())
        return average_parts(unit_rows(np.concatenate(rows)), counts)

    @property
    def _text_length(self) -> int:
        return int(self.model.config.text_config.max_position_embeddings)


def load_tokenizer(folder: Path) -> Any:
    """A model folder's tokenizer, without running code of its own; EncoderError if there is none."""
    from transformers import AutoTokenizer

    with refusing(folder):
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)


def _load(folder: Path) -> Any:
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


def _load_processor(folder: Path) -> Any:
    from transformers import AutoImageProcessor

    with refusing(folder):
        return AutoImageProcessor.from_pretrained(folder, backend="pil", trust_remote_code=False, local_files_only=True)


def _frame_side(processor: Any) -> int:
    """The shorter side that loses nothing: the size the processor crops or resizes to."""
    size = getattr(processor, "size", None) or {}
    sides = [size[key] for key in ("shortest_edge", "height", "width") if size.get(key)]
    if not sides:  # models of free aspect name a number of patches instead
        sides = [int(processor.patch_size) * round(int(processor.max_num_patches) ** 0.5)]
    return int(max(sides))


def _vectors(output: Any) -> Any:
    """Projected vectors from whatever shape of output the model class has."""
    if hasattr(output, "image_embeds"):
        return output.image_embeds
    return output.pooler_output if hasattr(output, "pooler_output") else output
