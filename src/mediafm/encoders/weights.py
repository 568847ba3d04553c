"""Model folders: where they are, whether they may be trusted, and loading them strictly and quietly.

A model is named by a local folder or by a Hugging Face hub id. A local folder never touches the network. Only
safetensors weights are read (a pickle can run code), remote code is never run, and a checkpoint that leaves a
parameter without its value is refused instead of being filled with random numbers.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mediafm.encoders.fingerprints import files_sha256
from mediafm.errors import EncoderError, UsageError

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
HUB_FILES = ["*.json", "*.txt", "*.model", "model*.safetensors", "*/config.json", "*/model.safetensors"]
HUB_SKIP = ["onnx/*", "openvino/*", "*.onnx"]
_HUB_TIMEOUT_S = 10
_MAY_NAME_CODE = ("config.json", "tokenizer_config.json", "preprocessor_config.json", "processor_config.json")
# Everything beside the weights that can change a vector. READMEs and training logs cannot.
_SETTINGS = (
    "config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
)


def find_model(model: str) -> Path:
    """The folder that holds `model`: a local folder, or a hub id (from the local cache, else downloaded).

    Raises EncoderError if it cannot be had, holds no whole safetensors weights, or asks for code of its own.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        _check_folder(folder)
        return folder.resolve()
    if folder.exists() or not _HUB_ID.fullmatch(model):
        raise EncoderError(
            f"There is no model folder {model}.",
            "Name a folder that holds config.json and model.safetensors, or a hub id such as owner/model.",
        )
    return _from_hub(model)


def _from_hub(model: str) -> Path:
    from huggingface_hub import snapshot_download

    wanted: dict[str, Any] = {"allow_patterns": HUB_FILES, "ignore_patterns": HUB_SKIP}
    try:
        folder = Path(snapshot_download(model, local_files_only=True, **wanted))
        weight_files(folder)  # whole?
    except (OSError, EncoderError):
        pass  # not in the cache, or only in part: ask the hub
    else:
        _check_folder(folder)
        return folder
    try:
        folder = Path(snapshot_download(model, etag_timeout=_HUB_TIMEOUT_S, **wanted))
    except Exception as error:
        raise EncoderError(
            f"Model {model} is neither a local folder, nor in the hub cache, nor could it be downloaded"
            f" ({_first_line(error)}).",
            f"On a machine with network run `hf download {model}`, or name a local folder that holds the model,"
            " or use --preset offline, which needs no download.",
        ) from error
    _check_folder(folder)
    return folder


def _check_folder(folder: Path) -> None:
    """Whole weights, and nothing that would bring in code or files from elsewhere; or EncoderError.

    Nothing of it would be run or followed anyway; but a model that counts on it would come out as another one.
    """
    weight_files(folder)
    for name in _MAY_NAME_CODE:
        if (folder / name).is_file() and "auto_map" in read_json(folder / name):
            raise EncoderError(
                f"{folder / name} asks for Python code of the model's own (auto_map), which is never run.",
                "Choose a model whose architecture transformers knows; if it knows this one, remove the auto_map.",
            )
    if (folder / "adapter_config.json").is_file():
        raise EncoderError(
            f"Model folder {folder} holds an adapter, which needs another model.",
            "Merge it into its base model (PEFT's merge_and_unload) and save the whole.",
        )


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that hold the folder's weights, each opened to see that it is whole, or EncoderError."""
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").is_file():
        files = [folder / "model.safetensors"]
    elif index.is_file():
        files = [folder / shard for shard in _shards(index)]
    else:
        files = []
    if not files:
        raise _no_weights(folder)
    for file in files:
        _check_whole(file)
    return files


def _shards(index: Path) -> list[str]:
    """Names of the weight files that an index lists, in order."""
    listed = read_json(index).get("weight_map")
    shards = set(listed.values()) if isinstance(listed, dict) else set()
    for shard in shards:
        if not isinstance(shard, str) or Path(shard).name != shard:
            raise EncoderError(f"{index} names weights outside its folder: {shard}.", "Do not use this model.")
    return sorted(shards)


def _no_weights(folder: Path) -> EncoderError:
    pickled = any(folder.glob("*.bin")) or any(folder.glob("*.pt")) or any(folder.glob("*.pkl"))
    what = "holds only pickled weights, which can run code when read" if pickled else "holds no model.safetensors"
    return EncoderError(
        f"Model folder {folder} {what}.",
        "Save the model again with save_pretrained (it writes safetensors), or choose a repository that has them.",
    )


def _check_whole(file: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise EncoderError(
            f"Weights file {file} cannot be read ({_first_line(error)}).",
            "It is missing, cut short or damaged: download or copy it again.",
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a model folder; EncoderError if it is missing, not JSON, or not an object."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"{path} cannot be read ({_first_line(error)}).", "Download or copy the model folder again."
        ) from error
    if not isinstance(value, dict):
        raise EncoderError(f"{path} does not hold a JSON object.", "Download or copy the model folder again.")
    return value


def folder_sha256(folder: Path, parts: tuple[Path, ...] = ()) -> str:
    """SHA-256 over the folder's weights and every setting that can change a vector.

    parts: folders of further modules inside `folder` (sentence-transformers keeps pooling and dense layers there).
    """
    files = weight_files(folder) + [folder / name for name in _SETTINGS if (folder / name).is_file()]
    for part in parts:
        files += [part / name for name in (*_SETTINGS, "model.safetensors") if (part / name).is_file()]
    return files_sha256(folder, set(files))


def settings_files(folder: Path) -> list[Path]:
    """The folder's files of its tokenizer and its preprocessing: all that decides a vector but config and weights."""
    return [folder / name for name in _SETTINGS if name != "config.json" and (folder / name).is_file()]


def load_strictly(loader: Any, folder: Path, may_miss: tuple[str, ...] = (), dtype: str = "float32") -> Any:
    """`loader.from_pretrained(folder)` in `dtype`, or EncoderError.

    loader: a transformers model class or auto class.
    may_miss: regular expressions of parameters the encoder never uses, which a checkpoint need not hold.
    """
    import torch

    # A model draws its first weights at random before the file's take their place.
    with refusing(folder), torch.random.fork_rng(devices=[]):
        model, report = loader.from_pretrained(
            folder,
            output_loading_info=True,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            dtype=getattr(torch, dtype),
        )
    missing = [key for key in report["missing_keys"] if not any(re.search(pattern, key) for pattern in may_miss)]
    wrong = sorted([*missing, *(str(key[0]) for key in report["mismatched_keys"])])
    if wrong:
        raise EncoderError(
            f"The weights in {folder} do not fit its config.json: {len(wrong)} parameters are missing or have another"
            f" shape, first {wrong[0]}.",
            "Download or copy the model folder again; weights and config must come from one model.",
        )
    return model.to(getattr(torch, dtype)).eval()


@contextmanager
def refusing(folder: Path) -> Iterator[None]:
    """Quiet libraries, and turn whatever they raise over a bad model folder into an EncoderError that names it."""
    with quiet():
        try:
            yield
        except EncoderError:
            raise
        except Exception as error:
            raise EncoderError(
                f"Model folder {folder} cannot be loaded ({type(error).__name__}: {_first_line(error)}).",
                "Check that it is a whole model of the kind asked for, or download it again.",
            ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no warnings from transformers meanwhile; what the user had set comes back after."""
    from huggingface_hub.utils import are_progress_bars_disabled
    from transformers.utils import logging

    verbosity, bars, hub_bars = logging.get_verbosity(), logging.is_progress_bar_enabled(), are_progress_bars_disabled()
    logging.set_verbosity_error()
    if bars and not hub_bars:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars and not hub_bars:
            logging.enable_progress_bar()


def pick_device(device: str | None) -> str:
    """`device` if torch knows it and has it, "cuda" or "cpu" for None; UsageError otherwise."""
    import torch

    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise UsageError(
            f"Device {device!r} cannot be used ({_first_line(error)}).", "Use cpu, or cuda on a machine that has it."
        ) from error
    return device


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
