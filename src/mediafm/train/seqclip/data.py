"""Pairs that can be learned from: their clips found, films left out, validation films held out."""

import hashlib
import json
import threading
from collections.abc import Callable, Sequence

from mediafm.interrupts import on_interrupt
from mediafm.progress import Progress
from mediafm.train.seqclip.clips import ClipStore, Found
from mediafm.train.seqclip.pairs import Pair
from mediafm.train.seqclip.trainer import Example

_NAMED = 5  # films left out that a sentence names


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


def fingerprint_of(training: Sequence[Example], measured: Sequence[Example]) -> str:
    """Of the pairs that are learned from and measured on, in order."""
    told = [[[e.clip, e.film, e.caption] for e in part] for part in (training, measured)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def left_out(found: Found) -> list[dict[str, str]]:
    """Films that could not be read, and why, as `--json` has them."""
    return [{"video": str(path), "reason": reason} for path, reason in found.left_out.items()]


def reasons(found: Found) -> str:
    """The same in a sentence."""
    named = [f"{path.name}: {reason}" for path, reason in list(found.left_out.items())[:_NAMED]]
    return "; ".join(named) + ("; ..." if len(found.left_out) > _NAMED else "")
