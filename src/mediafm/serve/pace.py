"""How long a title's shots are, over its time: cuts are what an editor has done."""

from typing import Any

import numpy as np

from mediafm.errors import CatalogError
from mediafm.uses.titles import TitleShots


def pace(shots: TitleShots, cells: int) -> dict[str, Any]:
    """Lengths of shots in all, and over at most `cells` equal parts of the title.

    A part has the number of `shots` that begin in it and `length_s`, the mean length of the shots it sees, each by how
    much of the part it fills: the length of the shot that is on where it is looked at by chance.
    """
    if not len(shots):
        raise CatalogError(f"Title {shots.title!r} has no shots yet.", "Come again when it has some.")
    seconds = shots.end_s - shots.start_s
    begin, end = float(shots.start_s[0]), float(shots.end_s[-1])
    bounds = np.linspace(begin, end, min(cells, len(shots)) + 1)
    # What all shots up to a time add, length times seconds on screen: a part's share is a difference of two.
    filled = np.concatenate([[0.0], np.cumsum(seconds**2)])
    looked = np.diff(np.interp(bounds, shots.edges, filled))
    begun = np.histogram(shots.start_s, bounds)[0]
    long, short = int(seconds.argmax()), int(seconds.argmin())
    return {
        "mean_s": float(seconds.mean()),
        "median_s": float(np.median(seconds)),
        "longest": {"shot": long, "seconds": float(seconds[long])},
        "shortest": {"shot": short, "seconds": float(seconds[short])},
        "parts": [
            {"start_s": float(a), "end_s": float(b), "shots": int(n), "length_s": float(area / (b - a))}
            for a, b, n, area in zip(bounds[:-1], bounds[1:], begun, looked, strict=True)
        ],
    }
