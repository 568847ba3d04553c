"""BBC Planet Earth: eleven episodes, their shots, and their scenes as five people saw them.

Baraldi, Grana and Cucchiara, ACM MM 2015; the files as the data set's own readme describes them, and two loaders read
them:

- `annotations/shots/01_From_Pole_to_Pole.txt`: a line a shot, its first and last frame, counted from 0. Frames of
  transitions may belong to no shot;
- `annotations/scenes/annotator_0/01_From_Pole_to_Pole.txt`: the numbers of the shots that start a scene, counted from
  0, parted by commas. The last number, where it is the number of shots, only ends the list.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mediafm.errors import ImportDataError, UsageError
from mediafm.layouts.numbers import Frames, fault, number_lines

MAJORITY = "majority"


@dataclass(frozen=True, slots=True)
class BbcFiles:
    """The files of the episodes, and the folders of the annotators to believe."""

    shots: Mapping[str, Path]
    annotators: tuple[Path, ...]

    def scenes(self, episode: str, shots: Path) -> tuple[Frames, ...]:
        """An episode's scenes; each ends with its last shot. ImportDataError, by line, for files that do not fit."""
        spans = _spans(shots)
        votes = Counter(shot for folder in self.annotators for shot in _starts(folder / f"{episode}.txt", len(spans)))
        starts = sorted({0, *(shot for shot, count in votes.items() if count * 2 > len(self.annotators))})
        return tuple(
            (spans[first][0], spans[after - 1][1])
            for first, after in zip(starts, [*starts[1:], len(spans)], strict=True)
        )


def find(root: Path, annotator: str = "") -> BbcFiles:
    """The episodes under the data set's folder, or under its `annotations`; UsageError where there are none."""
    base = next((b for b in (root, root / "annotations") if (b / "shots").is_dir() and (b / "scenes").is_dir()), None)
    if base is None:
        raise UsageError(
            f"{root} holds no annotations/shots and annotations/scenes.", "Name the folder of the BBC annotations."
        )
    shots = {path.stem: path for path in sorted((base / "shots").glob("*.txt"))}
    if not shots:
        raise UsageError(f"There are no shot files in {base / 'shots'}.", "Unpack the annotations again.")
    return BbcFiles(shots, _annotators(base / "scenes", annotator))


def _annotators(scenes: Path, wanted: str) -> tuple[Path, ...]:
    folders = sorted(path for path in scenes.iterdir() if path.is_dir()) or [scenes]
    if wanted == MAJORITY:
        return tuple(folders)
    chosen = [f for f in folders if not wanted or f.name == wanted or f.name.removeprefix("annotator_") == wanted]
    if not chosen:
        names = ", ".join(folder.name for folder in folders)
        raise UsageError(f"There is no annotator {wanted!r} in {scenes}.", f"Choose one of {names}, or {MAJORITY}.")
    return (chosen[0],)


def _spans(path: Path) -> list[Frames]:
    spans: list[Frames] = []
    for line, values in number_lines(path):
        if len(values) != 2 or values[1] < values[0]:
            raise fault(path, line, "a shot is its first and its last frame")
        if spans and values[0] < spans[-1][1]:
            raise fault(path, line, f"the shot starts at frame {values[0]}, where the shot before still is")
        spans.append((values[0], values[1] + 1))
    return spans


def _starts(path: Path, n: int) -> list[int]:
    """Numbers of the shots that start a scene, without the number that ends the list."""
    if not path.is_file():
        raise ImportDataError(f"{path} is missing.", "Add the annotator's file, or choose another annotator.")
    starts: list[int] = []
    for line, values in number_lines(path):
        for value in values:
            if starts and value <= starts[-1]:
                raise fault(path, line, f"shot {value} stands after shot {starts[-1]}")
            if not 0 <= value <= n:
                raise fault(path, line, f"a scene starts at shot {value}, but the episode has {n} shots")
            starts.append(value)
    return [start for start in starts if start < n]
