"""What a service answers, as frozen values.

A newer service may say more than is declared here: that is kept in `more`, under its own names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from mediafm.errors import ServiceError

if TYPE_CHECKING:
    from mediafm.types import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    more: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """From what came. ServiceError where a field is missing: this is another kind of service."""
        known = {f.name for f in fields(cls)} - {"more"}
        try:
            rest = {name: value for name, value in document.items() if name not in known}
            return cls(**{name: document[name] for name in known if name in document}, more=rest)
        except (TypeError, AttributeError) as error:
            raise ServiceError(
                f"The service's answer is no {cls.__name__}.", "Check the address, and whether its version fits."
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Title(_Answer):
    """One title. duration_s: seconds; width, height: pixels; shots: how many; film: whether it can be played."""

    title: str
    name: str
    duration_s: float
    shots: int
    width: int = 0
    height: int = 0
    fps: float = 0.0
    has_video: bool = False
    has_audio: bool = False
    has_text: bool = False
    genres: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    live: bool = False
    warning: str = ""
    film: bool = False
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot(_Answer):
    """One shot: `[start_pts, end_pts)` in the title's time base, and the same in seconds."""

    shot: int
    start_s: float
    end_s: float
    start_pts: int = 0
    end_pts: int = 0
    start_frame: int = 0
    end_frame: int = 0
    text: str = ""
    has_video: bool = False
    has_audio: bool = False
    has_text: bool = False
    lost_frames: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit(_Answer):
    """What was found: shots [first_shot, end_shot) of a title. why: where it was asked to explain."""

    title: str
    start_s: float
    end_s: float
    score: float
    text: str = ""
    first_shot: int = 0
    end_shot: int = 0
    duplicates: list[dict[str, Any]] = field(default_factory=list)
    why: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """hits: of all together, best first. lists: of each feature set alone, where several were asked for.

    notes: what was left out and why, for people.
    """

    hits: list[Hit]
    lists: dict[str, list[Hit]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Embeddings:
    """vectors: float32 [n, dim], one a shot (of a title: one).

    made_by: the fingerprint of what made them; those of different ones are never comparable.
    """

    title: str
    features: str
    made_by: str
    context: str
    vectors: "FloatArray"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(_Answer):
    """A job and how it stands. state: queued, running, done, failed or cancelled.

    said: its last words, where it failed.
    """

    id: str
    kind: str
    state: str
    by: str = ""
    made: str = ""
    progress: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    said: str = ""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Media:
    """A piece of a film: bytes [start, start + len(data)) of `size`, or of unknown size, -1. kind: its media type."""

    data: bytes
    start: int
    size: int
    kind: str
