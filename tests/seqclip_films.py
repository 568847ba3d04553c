"""Films of a blob on its way, and files of pairs, for the tests of seqclip."""

import json
from pathlib import Path

import numpy as np

from mediafm.media import write_film

CAPTIONS = ("the dog runs", "a cat in the house", "fire", "water in the park", "the man says hello", "good bye")


def write_clip(path: Path, seed: int, seconds: float = 1.0) -> Path:
    """24 pictures a second of a blob on its way over a flat colour."""
    rng = np.random.default_rng(seed)
    ground, blob = rng.integers(0, 256, (2, 3))
    count = round(24 * seconds)

    def frames():
        for i in range(count):
            image = np.full((40, 48, 3), ground, np.uint8)
            at = round(i / count * 36)
            image[10:22, at : at + 12] = blob
            yield image

    write_film(path, 24, (48, 40), frames(), None)
    return path


def write_pairs(path: Path, lines: list[dict]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path
