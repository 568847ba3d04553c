"""Files of a checkpoint folder, on disk and on the Hugging Face hub. Knows bytes and weights, not what they mean."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as tensors_to_bytes
from torch import nn

from mediafm.errors import MediafmError

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
FUSION, ORIGIN, CURVE = "fusion.safetensors", "origin.json", "loss.png"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path` whole or not at all, through a temporary name. MediafmError where that cannot be done."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise MediafmError(
            f"{path} cannot be written: {error.strerror or error}.", "Make room there, or name a folder you may write."
        ) from error


def to_json(data: Any) -> bytes:
    """Readable JSON; NaN and infinities are errors."""
    return (json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def weight_bytes(module: nn.Module) -> bytes:
    """The module's weights as a safetensors file; equal weights give equal bytes."""
    weights = {name: t.detach().cpu().contiguous() for name, t in sorted(module.state_dict().items())}
    return tensors_to_bytes(weights, metadata={"format": "pt"})


def load_weights(module: nn.Module, path: Path) -> None:
    """Fill the module from a safetensors file; names and shapes must fit exactly."""
    weights = read(path, load_file)
    wanted = {name: tuple(t.shape) for name, t in module.state_dict().items()}
    found = {name: tuple(t.shape) for name, t in weights.items()}
    if wrong := sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)):
        first = wrong[0]
        raise MediafmError(
            f"{path} does not fit its config: {len(wrong)} of {len(wanted)} weights are missing, unknown or of "
            f"another shape, the first {first} (wanted {wanted.get(first)}, found {found.get(first)}).",
            "Fetch the checkpoint again; its config and weights must come from one run.",
        )
    module.load_state_dict(weights, strict=True)


def read_json(path: Path) -> Any:
    """Contents of a JSON file of a checkpoint."""
    return read(path, lambda p: json.loads(p.read_text(encoding="utf-8")))


def read(path: Path, reader: Callable[[Path], Any]) -> Any:
    """`reader(path)`, with MediafmError for a file that is missing or damaged."""
    try:
        return reader(path)
    except FileNotFoundError:
        raise MediafmError(
            f"Checkpoint {path.parent} lacks {path.name}.", "Point at a finished pretraining run."
        ) from None
    except (OSError, ValueError, SafetensorError) as error:
        raise MediafmError(
            f"{path} cannot be read: {error}.", "Fetch the checkpoint again or resume its run."
        ) from None


def local_folder(path: str | Path) -> Path:
    """A folder as it is; a hub id as the folder it was downloaded to."""
    folder = Path(path)
    if folder.is_dir():
        return folder
    if not _HUB_ID.fullmatch(str(path)) or folder.parent.is_dir():
        raise MediafmError(
            f"There is no checkpoint at {path}.", "Name a pretraining run's folder or a hub id owner/model."
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        files = [CONFIG, WEIGHTS, FUSION, ORIGIN, CARD, CURVE]
        return Path(snapshot_download(str(path), allow_patterns=files))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise MediafmError(
            f"{path} is no folder here, and the Hugging Face hub did not give it: {type(error).__name__}.",
            "Check the name, your connection and, for a private model, `hf auth login`.",
        ) from None


def upload(save: Callable[[Path], Path], repo_id: str, private: bool, token: str | None) -> str:
    """Upload what `save` writes into a folder; returns the repository's address."""
    from tempfile import TemporaryDirectory

    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        with TemporaryDirectory() as folder:
            save(Path(folder))
            api = HfApi(token=token)
            repo = api.create_repo(repo_id, private=private, exist_ok=True)
            api.upload_folder(repo_id=repo.repo_id, folder_path=folder, commit_message="Upload shot transformer")
            return str(repo)
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise MediafmError(
            f"Uploading to {repo_id} failed: {error}.", "Check the name owner/model and `hf auth login`."
        ) from None
