"""What a catalog takes and hands out: frozen values, one class a kind of row.

Fields marked "stamped" are filled in by the writer from what it knows itself; what a caller puts there is replaced.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.types import MODALITIES, FloatArray, Metadata, Modality, Shot, ShotCue

MAPPED = "mapped:"  # begins the fingerprint of a set that was mapped: mapped:SPACE#MAP


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """The frozen model behind one modality of a catalog. Equal fingerprints give equal vectors."""

    name: str
    dim: int
    fingerprint: str
    licence: str = ""


@dataclass(frozen=True, slots=True)
class CatalogSpec:
    """What made a catalog's rows. Set when the catalog is created, never changed after.

    preset: its name, for people; two presets of equal detector and encoders are the same.
    detector: fingerprint of the shot detector.
    encoders: modality -> encoder, one at least; kept in the order of MODALITIES.
    """

    preset: str
    detector: str
    encoders: Mapping[Modality, EncoderSpec]

    def __post_init__(self) -> None:
        unknown = sorted(set(self.encoders) - set(MODALITIES))
        if unknown or not self.encoders:
            wrong = f"Unknown modality {', '.join(unknown)}." if unknown else "A catalog needs at least one encoder."
            raise UsageError(wrong, f"Modalities are {', '.join(MODALITIES)}.")
        for modality, encoder in self.encoders.items():
            if encoder.dim < 1:
                raise UsageError(f"The {modality} encoder {encoder.name} has dim {encoder.dim}.", "Give its true size.")
        object.__setattr__(self, "encoders", {m: self.encoders[m] for m in MODALITIES if m in self.encoders})

    @property
    def dims(self) -> dict[Modality, int]:
        """Modality -> vector size."""
        return {m: e.dim for m, e in self.encoders.items()}

    @property
    def fingerprints(self) -> dict[Modality, str]:
        """Modality -> encoder fingerprint."""
        return {m: e.fingerprint for m, e in self.encoders.items()}

    def differences(self, asked: "CatalogSpec") -> list[str]:
        """One sentence for each way in which `asked` would make other rows than this catalog's; empty: none."""
        found = []
        if self.detector != asked.detector:
            found.append(f"shots: detector {self.detector} in the catalog, {asked.detector} asked for")
        for modality in MODALITIES:
            mine, other = self.encoders.get(modality), asked.encoders.get(modality)
            if _identity(mine) != _identity(other):
                found.append(f"{modality}: {_describe(mine)} in the catalog, {_describe(other)} asked for")
        return found

    def changed(self, asked: "CatalogSpec") -> list[Modality]:
        """Modalities whose vectors `asked` would make otherwise, add or leave out."""
        return [m for m in MODALITIES if _identity(self.encoders.get(m)) != _identity(asked.encoders.get(m))]

    def to_json(self) -> str:
        """As stored in the table `meta`."""
        encoders = {
            m: {"name": e.name, "dim": e.dim, "fingerprint": e.fingerprint, "licence": e.licence}
            for m, e in self.encoders.items()
        }
        return json.dumps({"preset": self.preset, "detector": self.detector, "encoders": encoders})

    @classmethod
    def from_json(cls, text: str) -> "CatalogSpec":
        """The inverse of `to_json`."""
        stored = json.loads(text)
        encoders = {m: EncoderSpec(**e) for m, e in stored["encoders"].items()}
        return cls(stored["preset"], stored["detector"], encoders)


def _identity(encoder: EncoderSpec | None) -> tuple[str, int] | None:
    return None if encoder is None else (encoder.fingerprint, encoder.dim)


def _describe(encoder: EncoderSpec | None) -> str:
    return (
        "no encoder" if encoder is None else f"{encoder.name} ({encoder.dim} wide, fingerprint {encoder.fingerprint})"
    )


@dataclass(frozen=True, slots=True)
class TitleSource:
    """What a title is about to be made of: known before the pass, and compared to decide whether one is needed.

    source_fingerprint: of the media file (see `source_fingerprint`).
    inputs_fingerprint: of everything beside it that changes the result: subtitles, metadata, options.
    """

    path: str
    source_fingerprint: str
    inputs_fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleRecord:
    """One stored title. Shots tile `[0, end_pts)` in `time_base` (seconds a tick).

    Stamped: n_shots, detector_fingerprint, encoder_fingerprints, created_at (ISO time), revision, and, where the writer
    was given a TitleSource, path and the two fingerprints of it. created_at and revision say when and which writing
    this is, not what was written, so they do not count in comparisons.
    """

    title_id: str
    time_base: Fraction
    end_pts: int
    path: str = ""
    source_fingerprint: str = ""
    inputs_fingerprint: str = ""
    detector_fingerprint: str = ""
    encoder_fingerprints: Mapping[Modality, str] = field(default_factory=dict)
    frames: int = 0  # pictures decoded
    n_shots: int = 0
    width: int = 0  # upright, in square pixels; 0 without picture
    height: int = 0
    fps: float = 0.0  # average; 0 without picture
    has_video: bool = False
    has_audio: bool = False
    has_text: bool = False
    metadata: Metadata = field(default_factory=Metadata)
    decode_failures: int = 0
    warning: str = ""  # why the pass stopped early and the like; empty: all well
    extra: Mapping[str, Any] = field(default_factory=dict)  # JSON-able
    created_at: str = field(default="", compare=False)
    revision: int = field(default=0, compare=False)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return float(self.end_pts * self.time_base)

    @property
    def live(self) -> bool:
        """Whether this is the title so far: it is being followed, or whoever followed it was stopped."""
        return bool(self.extra.get("live"))

    @property
    def language(self) -> str:
        """In which languages it was asked for, as `Languages.spec`; "" for whatever there was."""
        return str(self.extra.get("language", ""))

    @property
    def tracks(self) -> Mapping[str, Mapping[str, Any]]:
        """The tracks of `audio` and `text` that were read, with their languages."""
        return self.extra.get("tracks", {})

    @property
    def chapters(self) -> Sequence[Mapping[str, Any]]:
        """The container's chapters: title, start_pts and end_pts (the nearest ticks), start_s and end_s."""
        return self.extra.get("chapters", ())


@dataclass(frozen=True, slots=True)
class ShotRecord:
    """One stored shot: the fields of `Shot`, the same span in seconds, and what is known of it.

    has_* of a modality that the catalog has an encoder for are stamped from the features' presence flags; of any other
    modality they stay as given.
    """

    index: int
    start_pts: int
    end_pts: int
    start_frame: int
    end_frame: int
    start_s: float
    end_s: float
    text: str = ""
    cues: tuple[ShotCue, ...] = ()
    has_video: bool = False
    has_audio: bool = False
    has_text: bool = False
    lost_frames: int = 0  # pictures inside the shot that would not decode

    @classmethod
    def from_shot(
        cls,
        shot: Shot,
        time_base: Fraction,
        text: str = "",
        cues: tuple[ShotCue, ...] = (),
        lost_frames: int = 0,
    ) -> "ShotRecord":
        """The record of a shot of a title with that time base."""
        return cls(
            shot.index,
            shot.start_pts,
            shot.end_pts,
            shot.start_frame,
            shot.end_frame,
            shot.start_s(time_base),
            shot.end_s(time_base),
            text=text,
            cues=cues,
            lost_frames=lost_frames,
        )

    @property
    def shot(self) -> Shot:
        """The span alone."""
        return Shot(self.index, self.start_pts, self.end_pts, self.start_frame, self.end_frame)


@dataclass(frozen=True, slots=True)
class Failure:
    """A title whose last writing failed, and why. What was stored of it before is still there."""

    title_id: str
    path: str
    reason: str
    failed_at: str = field(default="", compare=False)  # ISO time


@dataclass(frozen=True, slots=True)
class EmbeddingSetSpec:
    """Context embeddings of one checkpoint, or vectors mapped into the space of some.

    checkpoint_fingerprint: of the checkpoint; MAPPED, what it was mapped into and the map's own hash where the vectors
    are another set's, brought over by `mediafm migrate`.
    context: what a shot's vector may know: its "title", the "past" (the shots before it), or "none" of them.
    """

    name: str
    checkpoint_fingerprint: str
    context: str
    dim: int

    @property
    def mapped(self) -> bool:
        """Whether the vectors were mapped from another set's."""
        return self.checkpoint_fingerprint.startswith(MAPPED)

    @property
    def space(self) -> str:
        """What made the vectors that these may be compared with: the own checkpoint, or what they were mapped into."""
        if not self.mapped:
            return f"{self.checkpoint_fingerprint}:{self.context}"
        return self.checkpoint_fingerprint.removeprefix(MAPPED).rpartition("#")[0]


@dataclass(frozen=True, slots=True)
class ClipSetSpec:
    """A set of clip vectors made outside mediafm.

    source: who or what made them, in words ("marengo3.0 by TwelveLabs", the file they came from). fingerprint: of the
    model and its options; vectors of different fingerprints are never mixed in one set.
    """

    name: str
    source: str
    dim: int
    fingerprint: str


class TitleClips(NamedTuple):
    """Clips of one title with a vector each: seconds float64 [n], in order of start and end; vectors float32 [n, D]."""

    title_id: str
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    vectors: FloatArray
