"""`omni`: one multimodal model for the whole shot: its frames, sound and words in one prompt (Qwen-Omni family).

The vector is the unit-normed mean of the last hidden states over the tokens that stand for the shot (`pool = "mean"`),
or the state of the prompt's last token, from which the model would begin its answer (`pool = "last"`). The mean is the
default: a model trained to go on writing says of the last token what word comes next, while the mean is about what was
shown. Neither was trained to be compared: without tuning, such vectors hardly retrieve (docs/encoders.md).

Only the thinker is loaded, the part that understands; the parts that speak are left in the file.
Qwen2.5-Omni technical report (2025); Qwen3-Omni technical report (2025).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mediafm.encoders.encoder import Encoded, Encoder
from mediafm.encoders.fingerprints import fingerprint
from mediafm.encoders.omni_prompt import TEXT_TOKENS, Prompt, Prompter
from mediafm.encoders.text import average_parts, split_text
from mediafm.encoders.vectors import scatter, unit_rows
from mediafm.encoders.weights import find_model, folder_sha256, load_strictly, pick_device, read_json
from mediafm.errors import EncoderError
from mediafm.types import MODALITIES, FloatArray, Modality, ShotInput

Pool = Literal["mean", "last"]
Precision = Literal["auto", "float32", "bfloat16"]

_CODE_VERSION = 1  # raise it whenever a vector changes
_SIDE = 252  # pixels of the shorter side, about; a widescreen pair of frames is then some 140 tokens
# model_type of a whole model, or of a thinker saved by itself -> class
_THINKERS = {
    "qwen2_5_omni": "Qwen2_5OmniThinkerModel",
    "qwen2_5_omni_thinker": "Qwen2_5OmniThinkerModel",
    "qwen3_omni_moe": "Qwen3OmniMoeThinkerModel",
    "qwen3_omni_moe_thinker": "Qwen3OmniMoeThinkerModel",
}


class OmniEncoder(Encoder):
    """The whole shot through a multimodal model. A shot with neither frames, sound nor words is absent.

    model: local folder or hub id. frames: sampled frames a shot. seconds: of sound a shot, at most; beyond it, runs of
    two seconds spread evenly are heard. pool: see the module. dtype: of the weights; "auto" is bfloat16 on CUDA and
    float32 elsewhere. device: torch device, None for the best there is. Shots go through one by one, so that a vector
    depends on its shot alone. Raises EncoderError if the model cannot be had, is not whole, or is of another family.
    """

    modality: Modality = "video"
    inputs = MODALITIES
    batch = 4

    def __init__(
        self,
        model: str,
        name: str = "omni",
        licence: str = "NOASSERTION",
        frames: int = 8,
        seconds: int = 30,
        pool: Pool = "mean",
        dtype: Precision = "auto",
        device: str | None = None,
    ) -> None:
        self.name, self.licence, self.frames, self._pool = name, licence, frames, pool
        self._folder = find_model(model)
        self._device = pick_device(device)
        kept = ("bfloat16" if self._device.startswith("cuda") else "float32") if dtype == "auto" else dtype
        self._model = _load(self._folder, kept).to(self._device)
        config = self._model.config
        self._prompter = Prompter(self._folder, config, frames, seconds)
        self.sample_rate = self._prompter.sample_rate
        self.frame_side = self._prompter.square * round(_SIDE / self._prompter.square)
        self.dim = int(config.text_config.hidden_size)
        settings = {"frames": frames, "seconds": seconds, "pool": pool, "dtype": kept}
        self.fingerprint = fingerprint(name, code=_CODE_VERSION, weights=folder_sha256(self._folder), **settings)

    def encode(self, batch: Sequence[ShotInput]) -> Encoded:
        """Embed each shot; [len(batch), dim]."""
        rows = [self._state(self._prompter.of_shot(shot)) if self.sees(shot) else None for shot in batch]
        return scatter(rows, self.dim)

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Embed queries as shots that hold nothing but words: float32 [len(texts), dim], zero rows for empty text."""
        parts = [split_text(text, self._prompter.tokenizer, TEXT_TOKENS) for text in texts]
        flat = [part for of_text in parts for part in of_text]
        if not flat:
            return np.zeros((len(texts), self.dim), dtype=np.float32)
        states = np.stack([self._state(self._prompter.of_text(part)) for part in flat])
        return average_parts(unit_rows(states), [len(of_text) for of_text in parts])

    def _state(self, prompt: Prompt) -> FloatArray:
        """The pooled state of one prompt, [dim]."""
        import torch

        tensors = {key: value.to(self._device) for key, value in prompt.tensors.items()}
        tokens_1L = torch.tensor([prompt.tokens], device=self._device)
        with torch.inference_mode():
            output = self._model(
                input_ids=tokens_1L, attention_mask=torch.ones_like(tokens_1L), use_cache=False, **tensors
            )
            states_LD = output.last_hidden_state[0].float()
            if self._pool == "last":
                return states_LD[-1].cpu().numpy()
            return states_LD[torch.tensor(prompt.content, device=self._device)].mean(dim=0).cpu().numpy()


def _load(folder: Path, dtype: str) -> Any:
    import transformers

    kind = read_json(folder / "config.json").get("model_type")
    if kind not in _THINKERS:
        raise EncoderError(
            f"Model {folder} ({kind}) is not of the Qwen-Omni family.", "Name such a model: Qwen/Qwen2.5-Omni-7B."
        )
    return load_strictly(getattr(transformers, _THINKERS[kind]), folder, dtype=dtype)
