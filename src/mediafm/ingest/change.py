"""What another preset changes of a catalog, and what came of changing it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mediafm.catalog import CatalogSpec, EncoderSpec
from mediafm.encoders import Encoder, Preset
from mediafm.errors import UsageError
from mediafm.types import MODALITIES, Modality


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done: encoders of the modalities that are made anew, and modalities that are copied."""

    redo: Mapping[Modality, Encoder]
    keep: Sequence[Modality]

    @property
    def looks_at(self) -> set[Modality]:
        """What the encoders look at: an encoder may look at more than the modality it stands for."""
        return {seen for encoder in self.redo.values() for seen in encoder.inputs}


@dataclass
class ReEncodeSummary:
    """What `reencode` did. Keys of `as_json` are the command line's contract.

    switched: whether the catalog is the new one now. titles_left: titles that still have only their old vectors.
    """

    preset: str
    redone: list[Modality] = field(default_factory=list)
    added: list[Modality] = field(default_factory=list)
    dropped: list[Modality] = field(default_factory=list)
    titles_ok: int = 0
    titles_left: int = 0
    shots: int = 0
    switched: bool = False
    failures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The document `--json` prints."""
        return {
            "preset": self.preset,
            "redone": self.redone,
            "added": self.added,
            "dropped": self.dropped,
            "titles_ok": self.titles_ok,
            "titles_left": self.titles_left,
            "shots": self.shots,
            "switched": self.switched,
            "failures": [{"title": t, "reason": r} for t, r in self.failures.items()],
            "seconds": round(self.seconds, 3),
        }


def plan_change(stored: CatalogSpec, preset: Preset, modalities: Sequence[str] = ()) -> tuple[CatalogSpec, Change]:
    """(What the catalog shall be, how each of its modalities comes about). Loads the encoders that are asked for."""
    unknown = sorted(set(modalities) - set(MODALITIES))
    if unknown:
        raise UsageError(f"There is no modality {', '.join(unknown)}.", f"There are {', '.join(MODALITIES)}.")
    asked = [m for m in MODALITIES if m in (modalities or MODALITIES)]
    encoders = {m: preset.encoder(m) for m in asked if m in preset.choices}
    specs = {m: EncoderSpec(e.name, e.dim, e.fingerprint, e.licence) for m, e in encoders.items()}
    kept = {m: e for m, e in stored.encoders.items() if m not in asked}
    if not specs and not kept:
        raise UsageError(f"Preset {preset.name!r} would leave the catalog no encoder.", "Name another preset.")
    new = CatalogSpec(preset.name, stored.detector, {**kept, **specs})
    changed = stored.changed(new)
    if "text" not in changed and tuple(new.encoders) != tuple(specs):
        new = CatalogSpec(stored.preset, stored.detector, new.encoders)  # whose text encoder embeds queries
    redo = {m: encoders[m] for m in changed if m in encoders}
    return new, Change(redo, [m for m in new.encoders if m not in redo])


def summary_of(stored: CatalogSpec, new: CatalogSpec) -> ReEncodeSummary:
    """A summary that says what is to be done."""
    changed = stored.changed(new)
    return ReEncodeSummary(
        new.preset,
        [m for m in changed if m in stored.encoders and m in new.encoders],
        [m for m in changed if m not in stored.encoders],
        [m for m in changed if m not in new.encoders],
    )
