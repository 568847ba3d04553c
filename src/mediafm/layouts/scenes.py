"""Scenes of many titles from one of the public layouts, and what is wrong with the rest."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from mediafm.errors import ImportDataError, UsageError
from mediafm.layouts import bbc, ovsd
from mediafm.layouts.movienet import MovieNetFolder
from mediafm.layouts.numbers import Frames

Layout = Literal["movienet", "ovsd", "bbc"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)


@dataclass(frozen=True, slots=True)
class TitleScenes:
    """One annotated title. scenes: frames [start, end) of the film it was annotated on, in order."""

    title: str
    path: Path
    scenes: tuple[Frames, ...]


@dataclass(frozen=True, slots=True)
class Annotations:
    """What a layout held. faults: (title, reason naming file and line) of every title that cannot be used.

    split: "train", "val", "test" -> ids, where the layout has one.
    """

    layout: Layout
    titles: tuple[TitleScenes, ...]
    faults: tuple[tuple[str, str], ...]
    split: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def layout_named(name: str) -> Layout:
    """The layout of that name; UsageError where there is none."""
    for layout in LAYOUTS:
        if layout == name:
            return layout
    raise UsageError(f"Unknown layout {name!r}.", f"Choose one of {', '.join(LAYOUTS)}.")


def read_scenes(path: Path, layout: Layout, annotator: str = "") -> Annotations:
    """Read all scene annotations under `path`.

    annotator: for "bbc", which of several people to believe: a folder's name, its number, or "majority" for the
    boundaries that more than half of them drew; default: the first. What is wrong with one title's files is a fault of
    that title. UsageError for an unknown layout, a path without annotations, or an annotator that is not there.
    """
    layout = layout_named(layout)
    if annotator and layout != "bbc":
        raise UsageError(f"Layout {layout!r} has no annotators to choose from.", "Leave --annotator out.")
    if layout == "movienet":
        folder = MovieNetFolder.find(path)
        if folder.labels is None:
            raise UsageError(f"No folder with scene labels (label318/ID.txt) under {path}.", "Add it.")
        labels = folder.labels
        return _read(layout, ((t, labels / f"{t}.txt") for t in folder.labelled()), _movienet(folder), folder.split)
    if layout == "bbc":
        files = bbc.find(path, annotator)
        return _read(layout, ((title, shots) for title, shots in files.shots.items()), files.scenes)
    return _read(layout, ovsd.find(path), lambda _, file: ovsd.read(file))


def _movienet(folder: MovieNetFolder) -> Callable[[str, Path], tuple[Frames, ...]]:
    return lambda title, _: folder.read_scenes(title)


def _read(
    layout: Layout,
    files: Iterable[tuple[str, Path]],
    scenes_of: Callable[[str, Path], tuple[Frames, ...]],
    split: Mapping[str, tuple[str, ...]] | None = None,
) -> Annotations:
    titles, faults = [], []
    for title, path in files:
        try:
            titles.append(TitleScenes(title, path, scenes_of(title, path)))
        except ImportDataError as error:
            faults.append((title, str(error)))
    return Annotations(layout, tuple(titles), tuple(faults), split or {})
