"""What can be asked for: words, a span of the catalog, a picture, a sound, each with a weight."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from mediafm.errors import UsageError


class _Weighted:
    """What all kinds of query share: a weight that is a number, and a name for people, which is their first field."""

    __slots__ = ()
    weight: float

    def __post_init__(self) -> None:
        weight = self.weight
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight) or not weight:
            raise UsageError(
                f"{weight!r} is no weight of a query.", "Give a number: 2 counts twice, -1 means less like this."
            )

    def __str__(self) -> str:
        return str(getattr(self, fields(self)[0].name))  # type: ignore[arg-type]  # every kind is a dataclass


@dataclass(frozen=True, slots=True)
class Words(_Weighted):
    """Words, for all that can be compared with words. A negative weight means less like this, here and below."""

    text: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        _Weighted.__post_init__(self)
        if not self.text.strip():
            raise UsageError("There are no words to search for.", "Give at least one.")


@dataclass(frozen=True, slots=True)
class Like(_Weighted):
    """A place in the catalog: "TITLE", "TITLE@12.5-20" or "TITLE#3"."""

    place: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class _File(_Weighted):
    path: str | Path
    weight: float = 1.0

    def __str__(self) -> str:
        return Path(self.path).name


class Image(_File):
    """A picture file: JPEG, PNG or WebP."""

    __slots__ = ()


class SoundFile(_File):
    """A sound file, or a film whose sound is meant."""

    __slots__ = ()


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
