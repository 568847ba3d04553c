"""What can be asked for: words, a span of the catalog, a picture, a sound, each with a weight."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mediafm.errors import UsageError


@dataclass(frozen=True, slots=True)
class _Weighted:
    def check_weight(self, weight: float) -> None:
        """UsageError for a weight that is no number, not finite or zero."""
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight) or not weight:
            raise UsageError(
                f"{weight!r} is no weight of a query.", "Give a number: 2 counts twice, -1 means less like this."
            )


@dataclass(frozen=True, slots=True)
class Words(_Weighted):
    """Words, for all that can be compared with words. A negative weight means less like this, here and below."""

    text: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        self.check_weight(self.weight)
        if not self.text.strip():
            raise UsageError("There are no words to search for.", "Give at least one.")

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Like(_Weighted):
    """A place in the catalog: "TITLE", "TITLE@12.5-20" or "TITLE#3"."""

    place: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        self.check_weight(self.weight)

    def __str__(self) -> str:
        return self.place


@dataclass(frozen=True, slots=True)
class Image(_Weighted):
    """A picture file: JPEG, PNG or WebP."""

    path: str | Path
    weight: float = 1.0

    def __post_init__(self) -> None:
        self.check_weight(self.weight)

    def __str__(self) -> str:
        return Path(self.path).name


@dataclass(frozen=True, slots=True)
class SoundFile(_Weighted):
    """A sound file, or a film whose sound is meant."""

    path: str | Path
    weight: float = 1.0

    def __post_init__(self) -> None:
        self.check_weight(self.weight)

    def __str__(self) -> str:
        return Path(self.path).name


Query = Words | Like | Image | SoundFile


def split_weight(text: str, stands: Callable[[str], bool] = lambda _: False) -> tuple[str, float]:
    """ "dog^2" as ("dog", 2.0); without a weight, 1.

    stands: whether the text means something as it is, mark and all, such as the name of a file. UsageError where what
    follows the last ^ is no number.
    """
    before, mark, after = text.rpartition("^")
    if not mark or stands(text):
        return text, 1.0
    try:
        return before, float(after)
    except ValueError:
        raise UsageError(
            f"{after!r} in {text!r} is no weight of a query.", "Write a number behind ^, as in dog^2 or TITLE@12-20^-1."
        ) from None
