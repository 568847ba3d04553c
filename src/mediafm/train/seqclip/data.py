"""Pairs that can be learned from: their clips found, films left out, validation films held out."""

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mediafm.errors import TrainingError
from mediafm.interrupts import on_interrupt
from mediafm.progress import Progress
from mediafm.train.seqclip.clips import ClipStore, Found
from mediafm.train.seqclip.pairs import Pair, read_pairs
from mediafm.train.seqclip.recipe import PairsRecipe
from mediafm.train.seqclip.trainer import Example

_NAMED = 5  # films left out that a sentence names


@dataclass(frozen=True, slots=True)
class Data:
    """What a run learns from and measures itself on. found: the clips, and the films that were left out."""

    training: list[Example]
    validation: list[Example]
    found: Found

    @property
    def fingerprint(self) -> str:
        """Of the pairs, in order."""
        told = [[[e.clip, e.film, e.caption] for e in part] for part in (self.training, self.validation)]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def find_data(
    pairs: str | Path,
    validation: str | Path,
    clips: ClipStore,
    recipe: PairsRecipe,
    progress: Progress,
    stop: Callable[[], bool],
) -> Data:
    """Read both files of pairs and their films; without a second file, films of the first are held out.

    TrainingError if too few pairs can be read.
    """
    asked, held_out = read_pairs(pairs), read_pairs(validation) if validation else []
    found = find_clips(clips, [*asked, *held_out], progress, stop)
    training, measured = examples_of(asked, found), examples_of(held_out, found)
    if not validation:
        training, measured = split_films(training, recipe.validation_share, recipe.split_seed)
    if len(training) < 2 or not measured:
        raise TrainingError(
            f"{len(training)} pairs to learn from and {len(measured)} to validate on can be read: too few.",
            "Give more pairs (two films at least), or a second file by --validation.",
        )
    return Data(training, measured, found)


def find_clips(clips: ClipStore, pairs: Sequence[Pair], progress: Progress, stop: Callable[[], bool]) -> Found:
    """Read what is not in the store; films that will not decode are said at once."""
    ctrl_c = threading.Event()
    with on_interrupt(ctrl_c.set):
        found = clips.find([pair.span for pair in pairs], progress, lambda: ctrl_c.is_set() or stop())
    if found.left_out:
        progress.note(f"{len(found.left_out)} films are left out: {reasons(found)}")
    return found


def examples_of(pairs: Sequence[Pair], found: Found) -> list[Example]:
    """The pairs whose clips were found."""
    there = [pair for pair in pairs if pair.span in found.keys]
    return [Example(found.keys[p.span], found.films[p.span.path], p.caption) for p in there]


def split_films(examples: Sequence[Example], share: float, seed: int) -> tuple[list[Example], list[Example]]:
    """Training and validation pairs: about `share` of the films, those of the lowest hash, are held out whole."""
    films = sorted({e.film for e in examples}, key=lambda film: hashlib.sha256(f"{seed}\0{film}".encode()).hexdigest())
    held_out = set(films[: max(1, round(share * len(films)))])
    return [e for e in examples if e.film not in held_out], [e for e in examples if e.film in held_out]


def left_out(found: Found) -> list[dict[str, str]]:
    """Films that could not be read, and why, as `--json` has them."""
    return [{"video": str(path), "reason": reason} for path, reason in found.left_out.items()]


def reasons(found: Found) -> str:
    """The same in a sentence."""
    named = [f"{path.name}: {reason}" for path, reason in list(found.left_out.items())[:_NAMED]]
    return "; ".join(named) + ("; ..." if len(found.left_out) > _NAMED else "")
