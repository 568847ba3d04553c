"""What all detectors share: checks of options and frames, and how a fingerprint is made."""

import hashlib
import json
import math
from typing import Any

from mediafm.errors import UsageError
from mediafm.types import ImageArray


def fingerprint_of(name: str, **facts: Any) -> str:
    """`name-` and 16 hex digits that change whenever one of the JSON-able `facts` does, however they are ordered."""
    canonical = json.dumps({"detector": name, **facts}, sort_keys=True)
    return f"{name}-{hashlib.sha256(canonical.encode()).hexdigest()[:16]}"


def number(detector: str, option: str, value: Any, low: float, high: float = math.inf) -> float:
    """`value` as a float if it is a number in [low, high], else UsageError."""
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high and math.isfinite(value):
        return float(value)
    span = f"of at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
    raise UsageError(f"Detector {detector!r}: {option} is {value!r}.", f"Give a number {span}.")


def expect_frame(detector: str, expected: int, index: int) -> None:
    """UsageError unless the frame pushed is the next one."""
    if index != expected:
        raise UsageError(
            f"Detector {detector!r} was handed frame {index} where frame {expected} was due.",
            "Push every frame once, in order, and make a new detector for every title.",
        )


def expect_image(detector: str, image: ImageArray, shape: tuple[int, int, int]) -> None:
    """UsageError unless `image` is uint8 of that [height, width, 3] shape."""
    if image.dtype != "uint8" or image.shape != shape:
        raise UsageError(
            f"Detector {detector!r} was handed a {image.dtype} image of shape {image.shape}, not uint8 {shape}.",
            "Scale every frame of a title to the size that frame_size() asks for.",
        )
