"""Whether an encoder's weights are on this machine, and if not, how large the download is. Loads and sends nothing.

`hub_bytes` alone asks the hub, for file sizes only, and gives up after its timeout, also where names do not resolve.
"""

import threading
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Literal

from mediafm.encoders.presets import EncoderChoice
from mediafm.encoders.weights import HUB_FILES, HUB_SKIP, read_json, weight_files
from mediafm.errors import EncoderError

State = Literal["here", "to download", "service", "missing"]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a hub model without asking: parameters of its checkpoint (float32) and size of its vectors."""

    parameters: int
    dim: int

    @property
    def nbytes(self) -> int:
        """Of the weights; tokenizer and settings add some megabytes at most."""
        return 4 * self.parameters


KNOWN_AS_OF = "2026-11, parameters of the architecture x 4 bytes"
KNOWN = {
    "google/siglip-base-patch16-224": Known(203_155_970, 768),
    "openai/clip-vit-large-patch14": Known(427_616_513, 768),
    "facebook/wav2vec2-base-960h": Known(94_396_320, 768),
    "sentence-transformers/all-mpnet-base-v2": Known(109_486_464, 768),
}


@dataclass(frozen=True, slots=True)
class Presence:
    """Where an encoder's weights are. nbytes: of what is here or would come, None if unknown. why: what is wrong."""

    state: State
    nbytes: int | None = None
    size_from: str = ""
    dim: int | None = None
    why: str = ""
    remedy: str = ""


def presence_of(choice: EncoderChoice) -> Presence:
    """Where the weights of a preset's encoder are; of kinds that have their own ways ("openai") only what it is."""
    model = getattr(choice, "model", "")
    if choice.kind == "openai":
        return Presence("service")
    if not model:
        return Presence("here", 0, "part of the installation")
    if Path(model).expanduser().exists():
        return _of_folder(Path(model).expanduser(), model)
    cached = cached_snapshot(model)
    if cached is not None:
        found = _of_folder(cached, model)
        if found.state == "here":
            return found
    if "/" not in model:
        return Presence(
            "missing", why=f"There is no model folder {model}.", remedy="Correct the path, or name a hub id."
        )
    known = KNOWN.get(model)
    remedy = f"It comes with the first use, or by `hf download {model}`."
    if known is None:
        return Presence("to download", None, "unknown, offline", None, remedy=remedy)
    return Presence("to download", known.nbytes, KNOWN_AS_OF, known.dim, remedy=remedy)


def cached_snapshot(model: str) -> Path | None:
    """The folder of a hub model that was downloaded before; None where there is none or the id is none."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, local_files_only=True, allow_patterns=HUB_FILES, ignore_patterns=HUB_SKIP))
    except (OSError, ValueError):  # not there; no id
        return None


def hub_bytes(model: str, timeout_s: float) -> int | None:
    """Bytes that `model` would take to download, as the hub says; None where it does not answer in time."""
    from huggingface_hub import HfApi

    found: list[int] = []

    def ask() -> None:
        try:
            files: list[Any] = HfApi().model_info(model, files_metadata=True, timeout=timeout_s).siblings or []
        except Exception:  # whatever it is, the hub is of no help now
            return
        found.append(sum(file.size or 0 for file in files if _wanted(file.rfilename)))

    # A thread, since looking up a name has no timeout of its own; it dies with the process.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(timeout_s)
    return found[0] if found else None


def _wanted(name: str) -> bool:
    return any(fnmatch(name, p) for p in HUB_FILES) and not any(fnmatch(name, p) for p in HUB_SKIP)


def _of_folder(folder: Path, model: str) -> Presence:
    try:
        files = weight_files(folder)
    except EncoderError as error:
        return Presence("missing", why=error.message, remedy=error.remedy)
    nbytes = sum(file.stat().st_size for file in files)
    dim = KNOWN[model].dim if model in KNOWN else _dim(folder)
    return Presence("here", nbytes, str(folder), dim)


def _dim(folder: Path) -> int | None:
    """The size of its vectors, as far as settings tell; None where only loading would."""
    try:
        config = read_json(folder / "config.json")
    except EncoderError:
        return None
    if (folder / "modules.json").is_file():  # what comes behind the model may change it
        return None
    vision = config.get("vision_config") or {}
    size = config.get("projection_dim") or vision.get("hidden_size") or config.get("hidden_size")
    return size if isinstance(size, int) else None
