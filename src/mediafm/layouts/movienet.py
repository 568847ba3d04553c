"""MovieNet's folder: shots, three keyframes a shot, subtitles and scene boundaries of films that are not given out.

The files, as the authors' own loaders and those built on them read them (Rao et al. 2020, AnyiRao/SceneSeg; Mun et al.
2022, kakaobrain/bassl); where they lie under the root does not matter, their folders are found by name:

- `shot_movie318/ID.txt` (or `shot/ID.txt`): a line a shot, `start end k0 k1 k2`: first and last frame, and the frames
  of its keyframes;
- `label318/ID.txt`: `0042 1`, shot and label: 1 where the shot is the last of its scene, 0 where not. -1 counts as 1,
  as in the published evaluation. A title's last shot has no line: there is nothing to label behind it;
- `.../ID/shot_0042_img_0.jpg`: keyframes; `subtitle/ID.srt`; `meta/ID.json`; `meta/split318.json`;
- `movie1K.video_info.v1.json`: `{ID: {"fps": 23.976, ...}, ...}`.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

from mediafm.errors import ImportDataError, UsageError
from mediafm.layouts.numbers import Frames, fault, number_lines

MAX_GAP = 24  # frames between two shots that the earlier one is stretched over
_DEEPEST = 4  # levels below the root
_KEYFRAME = re.compile(r"shot_(\d+)_img_(\d+)\.jpe?g", re.IGNORECASE)
# Names of the folders, the surer first, and what a folder must hold to be the one.
_FOLDERS = {
    "shots": (("shot_movie*", "shot", "shots"), ".txt"),
    "labels": (("label318", "label*"), ".txt"),
    "subtitles": (("subtitle*", "srt*"), ".srt"),
    "metadata": (("meta*",), ".json"),
}
_RATES = (1, 1000)  # pictures a second that can be
_NEAR = Fraction(1, 200)  # 23.98 means 24000/1001


@dataclass(frozen=True, slots=True)
class MovieNetShot:
    """Frames [start, end) of the film, and the frame of each keyframe, in order."""

    start: int
    end: int
    keyframes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MovieNetFolder:
    """What was found under a root. Folders that are not there are None; shots always are."""

    shots: Path
    labels: Path | None = None
    keyframes: Path | None = None
    subtitles: Path | None = None
    metadata: Path | None = None
    frame_rates: Mapping[str, Fraction] = field(default_factory=dict)  # pictures a second
    split: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # "train", "val", "test" -> title ids

    @classmethod
    def find(cls, root: Path) -> "MovieNetFolder":
        """Look for the parts under `root`. UsageError where no folder of shot files is found."""
        if not root.is_dir():
            raise UsageError(f"{root} is not a folder.", "Name the folder that MovieNet's files were unpacked into.")
        found = _Search(root)
        if "shots" not in found.folders:
            raise UsageError(
                f"No folder with shot files (shot_movie318/ID.txt) under {root}.",
                "MovieNet's scene annotations (scene318) hold one; docs/tasks/scenes.md says what is needed.",
            )
        return cls(
            **found.folders, frame_rates=_frame_rates(found.rates), split=_split(found.split) if found.split else {}
        )

    def titles(self) -> list[str]:
        """Ids of all titles with a shot file, sorted."""
        return sorted(path.stem for path in self.shots.glob("*.txt"))

    def labelled(self) -> list[str]:
        """Ids of all titles with a label file, sorted."""
        return sorted(path.stem for path in self.labels.glob("*.txt")) if self.labels else []

    def read_shots(self, title: str) -> list[MovieNetShot]:
        """A title's shots, tiling it from frame 0. ImportDataError, by line, for what cannot tile.

        A shot is stretched to the next one's start over up to 24 frames that belong to neither.
        """
        path = self.shots / f"{title}.txt"
        rows = number_lines(path)
        _check_shots(path, rows)
        starts = [0, *(values[0] for _, values in rows[1:])]
        ends = [*starts[1:], rows[-1][1][1] + 1]
        return [MovieNetShot(a, b, tuple(v[2:])) for a, b, (_, v) in zip(starts, ends, rows, strict=True)]

    def read_scenes(self, title: str) -> tuple[Frames, ...]:
        """A title's scenes as frames [start, end). ImportDataError, by line, for labels that do not fit its shots."""
        if self.labels is None:
            raise ImportDataError(f"Title {title} has no labels.", "Add the folder label318.")
        shots = self.read_shots(title)
        last = _last_shots(self.labels / f"{title}.txt", len(shots))
        first = [0, *(shot + 1 for shot in last)]
        ends = [*(shots[shot].end for shot in last), shots[-1].end]
        return tuple((shots[a].start, end) for a, end in zip(first, ends, strict=True))

    def keyframe_files(self, title: str) -> dict[int, dict[int, Path]]:
        """Shot number -> keyframe number -> file; empty where the title has no folder of keyframes."""
        found: dict[int, dict[int, Path]] = {}
        folder = None if self.keyframes is None else self.keyframes / title
        if folder is not None and folder.is_dir():
            for path in sorted(folder.iterdir()):
                if name := _KEYFRAME.fullmatch(path.name):
                    found.setdefault(int(name[1]), {})[int(name[2])] = path
        return found

    def subtitle_file(self, title: str) -> Path | None:
        """The title's subtitles, if there are any."""
        return _existing(self.subtitles, f"{title}.srt")

    def metadata_file(self, title: str) -> Path | None:
        """The JSON file of what is known of the title, if there is one."""
        return _existing(self.metadata, f"{title}.json")


def _existing(folder: Path | None, name: str) -> Path | None:
    path = None if folder is None else folder / name
    return path if path is not None and path.is_file() else None


# finding ------------------------------------------------------------------------------------------------------------


class _Search:
    """One walk down from the root that does not enter the thousands of folders of keyframes."""

    def __init__(self, root: Path) -> None:
        self.folders: dict[str, Any] = {}
        self.rates: Path | None = None
        self.split: Path | None = None
        ranks: dict[str, int] = {}
        for folder, names in _walk(root):
            if names is None:
                self.folders.setdefault("keyframes", folder)
                continue
            for role, (patterns, suffix) in _FOLDERS.items():
                rank = next((i for i, p in enumerate(patterns) if fnmatch(folder.name.lower(), p)), len(patterns))
                holds = any(name.lower().endswith(suffix) and not _is_table(name) for name in names)
                if holds and rank < ranks.get(role, len(patterns)):
                    ranks[role], self.folders[role] = rank, folder
            for name in names:
                if fnmatch(name.lower(), "*video_info*.json"):
                    self.rates = self.rates or folder / name
                elif fnmatch(name.lower(), "split*.json"):
                    self.split = self.split or folder / name


def _is_table(name: str) -> bool:
    """Of all titles, not of one: `split318.json`, `scene_movie318.json` lie in a folder `meta` as well."""
    return fnmatch(name.lower(), "split*.json") or fnmatch(name.lower(), "scene_movie*.json")


def _walk(root: Path) -> Iterator[tuple[Path, list[str] | None]]:
    """(folder, names of its files); None for the names where its subfolders hold keyframes: they are not entered."""
    for at, folders, names in os.walk(root, followlinks=True):  # large data is often linked; depth ends any circle
        folder = Path(at)
        folders.sort()
        if any(_holds_keyframes(folder / sub) for sub in folders[:3]):
            yield folder, None
            folders.clear()
        elif len(folder.relative_to(root).parts) >= _DEEPEST:
            folders.clear()
        yield folder, sorted(names)


def _holds_keyframes(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(_KEYFRAME.fullmatch(entry.name) for entry in islice(entries, 5))
    except OSError:
        return False


# reading ------------------------------------------------------------------------------------------------------------


def _check_shots(path: Path, rows: list[tuple[int, list[int]]]) -> None:
    due = 0
    for line, values in rows:
        if len(values) < 2:
            raise fault(path, line, "a shot needs its first and last frame")
        start, end = values[:2]
        if end < start:
            raise fault(path, line, f"the shot ends at frame {end} but starts at {start}")
        if start < due:
            raise fault(path, line, f"the shot starts at frame {start}, where the shot before still is")
        if start > due + MAX_GAP:
            raise fault(path, line, f"{start - due} frames before the shot belong to none")
        due = end + 1


def _last_shots(path: Path, n: int) -> list[int]:
    """Numbers of the shots, among the first n - 1, that end a scene."""
    due, last = 0, []
    for line, values in number_lines(path):
        if len(values) != 2 or values[1] not in (-1, 0, 1):
            raise fault(path, line, "a label is a shot's number and 0, 1 or -1")
        if values[0] != due:
            raise fault(path, line, f"shot {values[0]} stands where shot {due} is due")
        if due >= n:
            raise fault(path, line, f"shot {due} is labelled, but the title has {n} shots")
        if values[1] and due < n - 1:
            last.append(due)
        due += 1
    if due < n - 1:
        raise fault(path, line, f"the labels end with shot {due - 1}, but the title has {n} shots")
    return last


def read_json(path: Path) -> Any:
    """A JSON file's content; ImportDataError where it is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ImportDataError(f"{path} cannot be read as JSON: {error}.", "Fetch it again.") from error


def frame_rate(value: Any) -> Fraction:
    """Pictures a second as a fraction, 23.976... as 24000/1001. ValueError for what is no such number."""
    number = Fraction(str(value))
    if not _RATES[0] <= number <= _RATES[1]:
        raise ValueError(f"{value} pictures a second")
    exact = Fraction(round(number * 1001 / 1000) * 1000, 1001)
    return exact if abs(number - exact) <= _NEAR else number.limit_denominator(1001)


def _frame_rates(path: Path | None) -> dict[str, Fraction]:
    content = read_json(path) if path is not None else {}
    rates = {}
    for title, about in content.items() if isinstance(content, dict) else ():
        value = about.get("fps") if isinstance(about, dict) else about
        try:
            rates[str(title)] = frame_rate(value)
        except (ValueError, ZeroDivisionError):
            continue  # the title then has no known rate, which its import will say
    return rates


def _split(path: Path) -> dict[str, tuple[str, ...]]:
    content = read_json(path)
    sides = {side: content.get(side) for side in ("train", "val", "test")} if isinstance(content, dict) else {}
    if not all(isinstance(ids, list | None) for ids in sides.values()) or not any(sides.values()):
        raise ImportDataError(f"{path} names no titles under train, val and test.", "Remove it, or fetch it again.")
    return {side: tuple(str(title) for title in ids) for side, ids in sides.items() if ids}
