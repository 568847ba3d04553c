"""What both synthetic catalogues share in making clips: runs of shots, how many to ask about, luck of their own."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

RUN_SHOTS = (2, 3, 4)  # shots of a clip
FEWEST_POSITIVES, MOST_POSITIVES = 6, 10  # clip-worthy spans of a title, as published
NEGATIVES = 3  # for each of them, as published

# What is drawn for the truth alone. Plans, pictures and sounds count their own streams from 1, so none is shared.
Stream = Literal["clips", "popularity", "retrieval", "rating"]
_STREAMS: dict[Stream, int] = {"clips": 11, "popularity": 12, "retrieval": 13, "rating": 14}


def truth_rng(seed: tuple[int, ...], stream: Stream) -> np.random.Generator:
    """A generator of a title's truth: what it draws changes nothing of the title itself."""
    return np.random.default_rng([*seed, _STREAMS[stream]])


def cut_runs(shots: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Cut `shots` shots into runs (first, end) of 2 to 4 that tile them; a single shot makes none."""
    runs, at = list[tuple[int, int]](), 0
    while shots - at > 1:
        fitting = [size for size in RUN_SHOTS if shots - at - size == 0 or shots - at - size > 1]
        size = fitting[int(rng.integers(len(fitting)))]
        runs.append((at, at + size))
        at += size
    return runs


def thinned(positive: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """Numbers of the rows of one title that a clip retrieval task keeps, rising.

    At most ten positives, and fewer where three negatives for each would be lacking, but never fewer than six for that
    reason; then three negatives for each, drawn from all, or as many as there are.
    """
    worthy, others = np.flatnonzero(positive), np.flatnonzero(~positive)
    most = min(MOST_POSITIVES, max(FEWEST_POSITIVES, len(others) // NEGATIVES))
    kept = rng.permutation(worthy)[:most]
    return np.sort(np.concatenate([kept, rng.permutation(others)[: NEGATIVES * len(kept)]]))
