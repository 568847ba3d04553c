"""OVSD, the Open Video Scene Detection set: scenes of freely licensed films, a text file a film.

Rotman, Porat and Ashour, "Robust and efficient video scene detection using optimal sequential grouping", ISM 2016. A
line a scene: its first and last frame. So do two independent loaders read the files; the set's own readme was not at
hand when this was written. Frames are taken to count from 0; if they count from 1, scenes start one frame late, which
the nearest shot's start makes good.
"""

from collections.abc import Iterator
from pathlib import Path

from mediafm.errors import UsageError
from mediafm.layouts.numbers import Frames, fault, number_lines

_ENDING = "_scenes"


def find(root: Path) -> Iterator[tuple[str, Path]]:
    """(film, scene file): one file, or all `FILM_scenes.txt`, or else all `FILM.txt`, of a folder or its `scenes`."""
    if root.is_file():
        yield root.stem.removesuffix(_ENDING), root
        return
    folder = root / "scenes" if (root / "scenes").is_dir() else root
    files = sorted(folder.glob("*.txt"))
    named = [path for path in files if path.stem.endswith(_ENDING)]
    if not files:
        raise UsageError(f"There are no scene files (FILM.txt) in {folder}.", "Name the folder of OVSD's annotations.")
    for path in named or files:
        yield path.stem.removesuffix(_ENDING), path


def read(path: Path) -> tuple[Frames, ...]:
    """A film's scenes. They may leave frames out between them, and share one; ImportDataError, by line, otherwise."""
    scenes: list[Frames] = []
    for line, values in number_lines(path):
        if len(values) != 2 or values[1] < values[0]:
            raise fault(path, line, "a scene is its first and its last frame")
        start, end = values[0], values[1] + 1
        if scenes:
            before, until = scenes[-1]
            if start <= before or start < until - 1:
                raise fault(path, line, f"the scene starts at frame {start}, before the one before it ends")
            scenes[-1] = (before, min(until, start))
        scenes.append((start, end))
    return tuple(scenes)
