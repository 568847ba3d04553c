"""`clap`: the audio tower of a CLAP model of transformers over a shot's sound: any sound, not speech alone.

Sound goes through in pieces as long as the model's own window (10 s), each embedded and unit-normed; a shot is their
mean, weighted by length. CLAP's own preprocessing crops longer sound at random places (`rand_trunc`) or joins random
crops (`fusion`): nothing here is longer than the window, so nothing is drawn. Where the checkpoint has a text tower,
`encode_texts` gives vectors in the same space. Wu et al. 2023 (LAION-CLAP).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mediafm.encoders.encoder import Encoded, Encoder
from mediafm.encoders.fingerprints import fingerprint
from mediafm.encoders.offline_audio import has_sound
from mediafm.encoders.text import average_parts, split_text
from mediafm.encoders.vectors import scatter, unit_rows
from mediafm.encoders.weights import find_model, folder_sha256, load_strictly, pick_device, read_json, refusing
from mediafm.errors import EncoderError
from mediafm.types import FloatArray, Modality, ShotInput

_CODE_VERSION = 1  # raise it whenever a vector changes
_BATCH = 8  # pieces or texts at a time
_UNUSED = (r"position_ids$", r"logit_scale_[at]$", r"relative_position_index$", r"num_batches_tracked$")
_KINDS = ("clap", "clap_audio_model")


class ClapEncoder(Encoder):
    """Sound through a CLAP model. Silence has a vector; a shot whose samples are None or empty is absent.

    model: local folder or hub id. device: torch device, None for the best there is. It wants sound at the model's own
    rate (48 kHz). Raises EncoderError if the model cannot be had, is not whole, or is no CLAP with a projection.
    """

    modality: Modality = "audio"

    def __init__(self, model: str, name: str = "clap", licence: str = "NOASSERTION", device: str | None = None) -> None:
        self.name, self.licence = name, licence
        self._folder = find_model(model)
        self._device = pick_device(device)
        self._model = _load(self._folder).to(self._device)
        self._extractor = _load_extractor(self._folder)
        config = getattr(self._model.config, "audio_config", self._model.config)
        self._fused = bool(config.enable_fusion)
        self.sample_rate = int(self._extractor.sampling_rate)
        self._window = int(self._extractor.nb_max_samples)
        self._tokenizer: Any = None
        self.dim = int(config.projection_dim)
        self.fingerprint = fingerprint(name, code=_CODE_VERSION, weights=folder_sha256(self._folder))

    def encode(self, batch: Sequence[ShotInput]) -> Encoded:
        """Embed each shot's sound; [len(batch), dim]."""
        pieces = [self._pieces(shot.samples) if has_sound(shot.samples) else [] for shot in batch]
        flat = [piece for of_shot in pieces for piece in of_shot]
        if not flat:
            return scatter([None] * len(batch), self.dim)
        lengths = np.array([len(piece) for piece in flat], dtype=np.float64)
        weighted = (self._embed(flat) * lengths[:, None]).astype(np.float32)
        pooled = average_parts(weighted, [len(of_shot) for of_shot in pieces])
        return scatter([row if of_shot else None for row, of_shot in zip(pooled, pieces, strict=True)], self.dim)

    @property
    def reads_words(self) -> bool:
        """Whether the checkpoint has a text tower."""
        return hasattr(self._model, "get_text_features")

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Embed queries in the sound's space: float32 [len(texts), dim], unit rows, zero rows for empty text.

        Raises EncoderError if the checkpoint has no text tower or no tokenizer.
        """
        if not hasattr(self._model, "get_text_features"):
            raise EncoderError(
                f"Encoder {self.name!r} ({self._folder}) has no text tower.", "Use a whole CLAP checkpoint."
            )
        if self._tokenizer is None:
            self._tokenizer = _load_tokenizer(self._folder)
        parts = [split_text(text, self._tokenizer, self._room()) for text in texts]
        flat = [part for of_text in parts for part in of_text]
        if not flat:
            return np.zeros((len(texts), self.dim), dtype=np.float32)
        return average_parts(self._embed_texts(flat), [len(of_text) for of_text in parts])

    def _pieces(self, samples: Any) -> list[FloatArray]:
        """The sound in pieces of one window, the last one shorter."""
        return [samples[start : start + self._window] for start in range(0, len(samples), self._window)]

    def _embed(self, pieces: Sequence[FloatArray]) -> FloatArray:
        """Unit vectors [len(pieces), dim]. Short pieces are filled up as the model's own preprocessing says."""
        import torch

        rows = []
        for start in range(0, len(pieces), _BATCH):
            chunk = list(pieces[start : start + _BATCH])
            # "rand_trunc" crops nothing here, since no piece is longer than the window.
            found = self._extractor(chunk, truncation="rand_trunc", sampling_rate=self.sample_rate, return_tensors="pt")
            mel_N1TF = found["input_features"].float()
            # Fused models take the whole and three crops; for sound that fits the window all four are the same.
            mel_NCTF = mel_N1TF.expand(-1, 4, -1, -1) if self._fused else mel_N1TF
            is_longer_N1 = torch.zeros(len(chunk), 1, dtype=torch.bool)
            with torch.inference_mode():
                output = _audio_vectors(self._model, mel_NCTF.to(self._device), is_longer_N1.to(self._device))
                rows.append(output.cpu().numpy())
        return unit_rows(np.concatenate(rows))

    def _room(self) -> int:
        """Tokens of a text that the model can place."""
        config = self._model.config.text_config
        places = int(config.max_position_embeddings) - int(config.pad_token_id) - 1
        return min(int(self._tokenizer.model_max_length), places) - int(self._tokenizer.num_special_tokens_to_add())

    def _embed_texts(self, texts: Sequence[str]) -> FloatArray:
        import torch

        rows = []
        for start in range(0, len(texts), _BATCH):
            chunk = list(texts[start : start + _BATCH])
            inputs = self._tokenizer(chunk, padding=True, return_tensors="pt").to(self._device)
            wanted = {key: inputs[key] for key in ("input_ids", "attention_mask")}
            with torch.inference_mode():
                rows.append(self._model.get_text_features(**wanted).pooler_output.cpu().numpy())
        return unit_rows(np.concatenate(rows))


def _load(folder: Path) -> Any:
    """The whole model where it has both towers, else its audio tower with the projection."""
    import transformers

    config = read_json(folder / "config.json")
    if config.get("model_type") not in _KINDS:
        raise EncoderError(
            f"Model {folder} ({config.get('model_type')}) is no CLAP model.",
            "Name one, such as laion/clap-htsat-fused.",
        )
    whole = config["model_type"] == "clap"
    loader = transformers.ClapModel if whole else transformers.ClapAudioModelWithProjection
    return load_strictly(loader, folder, may_miss=_UNUSED)


def _load_extractor(folder: Path) -> Any:
    from transformers import ClapFeatureExtractor

    with refusing(folder):
        extractor = ClapFeatureExtractor.from_pretrained(folder, local_files_only=True)
    if extractor.truncation == "fusion":
        # The filters these models were trained with; "rand_trunc", asked for above, would use the others.
        extractor.mel_filters_slaney = extractor.mel_filters
    return extractor


def _load_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    with refusing(folder):
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)


def _audio_vectors(model: Any, mel_NCTF: Any, is_longer_N1: Any) -> Any:
    """Projected vectors [N, dim] from either class of model."""
    if hasattr(model, "get_audio_features"):
        return model.get_audio_features(input_features=mel_NCTF, is_longer=is_longer_N1).pooler_output
    return model(input_features=mel_NCTF, is_longer=is_longer_N1).audio_embeds
