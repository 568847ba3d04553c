"""Cutting titles into sequences and splitting titles into training and validation."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice, pairwise

import numpy as np

from mediafm.errors import UsageError

_LOOK_AHEAD = 64  # spans among which one that still fits is looked for


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive shots `[start, stop)` of one title."""

    title: str
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def windows(n: int, length: int, overlap: int) -> list[tuple[int, int]]:
    """Half-open windows of `length` shots that cover [0, n), neighbours sharing at least `overlap` shots.

    A title of at most `length` shots is one window. Otherwise all windows are full, and spread evenly so that the
    last ends at n.
    """
    if not 0 <= overlap < length:
        raise UsageError(
            f"An overlap of {overlap} does not fit windows of {length} shots.", "Keep it below the length."
        )
    if n <= length:
        return [(0, n)] if n else []
    count = 1 + -(-(n - length) // (length - overlap))
    starts = [(n - length) * i // (count - 1) for i in range(count)]
    return [(start, start + length) for start in starts]


def training_spans(wholes: Iterable[Span], window: int, rng: np.random.Generator) -> list[Span]:
    """Cut every span into spans of at most `window` shots, every shot in exactly one.

    A longer one is cut at a random phase, so that each epoch shows other borders.
    """
    spans = []
    for whole in wholes:
        n = len(whole)
        phase = int(rng.integers(window)) if n > window else 0
        borders = [0, *range(phase or window, n, window), n]
        spans += [Span(whole.title, whole.start + a, whole.start + b) for a, b in pairwise(borders)]
    return spans


def plan_steps(
    spans: Sequence[Span], shots_per_step: int, micro_shots: int, rng: np.random.Generator
) -> list[list[tuple[Span, ...]]]:
    """An epoch as steps, each a list of micro-batches; every span is in exactly one, order and company are random.

    A step holds at most `shots_per_step` shots and a micro-batch at most `micro_shots`, unless one span alone is more.
    All steps but the last ones of an epoch are nearly full. The same generator state gives the same plan.
    """
    order = [spans[i] for i in rng.permutation(len(spans))]
    return [[tuple(micro) for micro in _filled(step, micro_shots)] for step in _filled(order, shots_per_step)]


def _filled(spans: Sequence[Span], budget: int) -> Iterator[list[Span]]:
    """Bins of at most `budget` shots, filled in order; where the next span does not fit, the first that does goes in.

    It is looked for among the next ones only, so that order stays nearly as it came.
    """
    waiting, ahead = list(islice(rest := iter(spans), _LOOK_AHEAD)), 0
    while waiting:
        filled, ahead = [waiting.pop(0)], 0
        room = budget - len(filled[0])
        waiting += islice(rest, 1)
        while ahead < len(waiting):
            if len(waiting[ahead]) > room:
                ahead += 1
                continue
            filled.append(waiting.pop(ahead))
            room -= len(filled[-1])
            waiting += islice(rest, 1)
        yield filled


def split_titles(ids: Iterable[str], share: float, seed: int) -> tuple[list[str], list[str]]:
    """(training, validation) by a stable hash: a title keeps its side when others come or go.

    At least one title stands on each side, given two.
    """
    ranked = sorted(ids, key=lambda title: _hash(title, seed))
    count = sum(_hash(title, seed) < share for title in ranked)
    count = min(max(count, 1), len(ranked) - 1)
    return sorted(ranked[count:]), sorted(ranked[:count])


def select_titles(ids: Iterable[str], patterns: Sequence[str], setting: str) -> list[str]:
    """Ids that match any of the globs; UsageError for a glob that matches none, naming `setting`."""
    ids = sorted(ids)
    for pattern in patterns:
        if not any(fnmatchcase(title, pattern) for title in ids):
            some = ", ".join(ids[:3])
            raise UsageError(f"{setting}: no title of the catalog matches {pattern!r}.", f"Titles look like {some}.")
    return [title for title in ids if any(fnmatchcase(title, pattern) for pattern in patterns)]


def _hash(title: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}:{title}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
