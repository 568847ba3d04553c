"""Scene annotations, checked against a catalog, become a table of labels and a task file that a probe takes.

An annotation counts frames of the film it was made on. A stored title knows the time of every shot's first frame, so
frames become seconds by interpolation between shots, exact at their starts even where pictures come at a varying rate.
A film of another release or frame rate would be off by minutes: what starts far from every shot is counted and told.
"""

import csv
import glob
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mediafm.catalog import Catalog
from mediafm.errors import ImportDataError
from mediafm.layouts import Annotations, TitleScenes

TABLE, TASK = "scenes.csv", "scenes.toml"
FOLDS = 5
TOLERANCE_S = 3.0  # how far from a scene's start its shot's may be: the default of a task
OVERHANG_S = 1.0  # the last scene may end this much after the film


@dataclass
class LabelSummary:
    """What was written, and what was not. failures: (title, reason) of annotations that are not in the table.

    notes: (title, remark) of titles that are, but look wrong.
    """

    table: str = ""
    task: str = ""
    titles: int = 0
    scenes: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The document `--json` prints."""
        return {
            "table": self.table,
            "task": self.task,
            "titles": self.titles,
            "scenes": self.scenes,
            "failures": [{"title": t, "reason": r} for t, r in self.failures],
            "notes": [{"title": t, "note": n} for t, n in self.notes],
        }


@dataclass(frozen=True, slots=True)
class _Labelled:
    """A title's scenes in seconds, rising."""

    title: str
    scenes: list[tuple[float, float]]


def write_scene_labels(annotations: Annotations, catalog: Catalog, out: Path, *, fps: float = 0.0) -> LabelSummary:
    """Write `scenes.csv` (title, start_s, end_s: a row a scene) and `scenes.toml` into the folder `out`.

    fps: pictures a second of the annotated films; 0: the stored titles' own frames are meant. An annotation goes to
    the title of the same name, whatever its case and punctuation, one of BBC to the episode of its number. What does
    not fit the catalog is left out, with its reason; where nothing fits, nothing is written.
    """
    summary = LabelSummary(failures=list(annotations.faults))
    name_of = _matcher(catalog.title_ids(), annotations)
    found: dict[str, _Labelled] = {}
    for scenes in annotations.titles:
        try:
            title = name_of(scenes.title)
            if title in found:
                raise ImportDataError(f"{scenes.path} is a second annotation of title {title}.", "Keep one of the two.")
            found[title] = _in_seconds(title, scenes, catalog, fps, summary)
        except ImportDataError as error:
            summary.failures.append((scenes.title, str(error)))
    if not found:
        return summary
    labelled = [found[title] for title in sorted(found)]
    out.mkdir(parents=True, exist_ok=True)
    summary.table = _write(out / TABLE, _table(labelled))
    summary.task = _write(out / TASK, _task(annotations, [item.title for item in labelled]))
    summary.titles, summary.scenes = len(labelled), sum(len(item.scenes) for item in labelled)
    return summary


# titles and times ---------------------------------------------------------------------------------------------------


def _matcher(ids: Sequence[str], annotations: Annotations) -> Callable[[str], str]:
    """From an annotation's name to the title's id; ImportDataError where there is none, or more than one."""

    def find(name: str) -> str:
        if name in ids:
            return name
        alike = [i for i in ids if _plain(i) == _plain(name)]
        if not alike and annotations.layout == "bbc" and (number := re.match(r"\d+", name)):
            alike = [i for i in ids if [int(n) for n in re.findall(r"\d+", i)] == [int(number[0])]]
        if len(alike) == 1:
            return alike[0]
        what = f"has {len(alike)} titles like it ({', '.join(alike)})" if alike else "has no such title"
        raise ImportDataError(
            f"{name} is annotated, but the catalog {what}.",
            f"Name films like their annotations before ingesting them. Stored are {', '.join(ids[:3]) or 'none'} ...",
        )

    return find


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def _in_seconds(title: str, scenes: TitleScenes, catalog: Catalog, fps: float, summary: LabelSummary) -> _Labelled:
    shots = catalog.shots(title)
    starts_s = np.array([shot.start_s for shot in shots])
    end_s = shots[-1].end_s
    frames = np.array(scenes.scenes, dtype=np.float64)
    if fps:
        times = frames / fps
    elif not shots[-1].end_frame:
        raise ImportDataError(f"Title {title} is stored without frame numbers.", "Give --fps of the annotated film.")
    else:
        times = _by_shots(frames, [*(s.start_frame for s in shots), shots[-1].end_frame], [*starts_s, end_s])
    if times[-1, 0] >= end_s or times[-1, 1] > end_s + OVERHANG_S:
        raise ImportDataError(
            f"{scenes.path} ends at frame {scenes.scenes[-1][1]} ({times[-1, 1]:.1f} s), but title {title} ends at "
            f"{end_s:.1f} s.",
            "The annotated film is of another release or frame rate: give its --fps, or leave it out.",
        )
    times = np.minimum(times, end_s)
    gaps = np.abs(np.subtract.outer(times[:, 0], starts_s)).min(axis=1)
    far = int((gaps > TOLERANCE_S).sum())
    if far:
        summary.notes.append(
            (title, f"{far} of {len(times)} scenes start over {TOLERANCE_S:g} s from any shot's start")
        )
    return _Labelled(title, [(float(start), float(end)) for start, end in times])


def _by_shots(
    frames: NDArray[np.float64], known_frames: Sequence[float], known_s: Sequence[float]
) -> NDArray[np.float64]:
    """Times of frames between the known ones; past the last at the title's mean rate."""
    past = np.maximum(frames - known_frames[-1], 0.0) * known_s[-1] / known_frames[-1]
    return np.asarray(np.interp(frames, known_frames, known_s) + past)


# files --------------------------------------------------------------------------------------------------------------


def _table(labelled: Iterable[_Labelled]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("title", "start_s", "end_s"))
    for item in labelled:
        rows.writerows((item.title, f"{start:.6f}", f"{end:.6f}") for start, end in item.scenes)
    return text.getvalue()


def _task(annotations: Annotations, titles: list[str]) -> str:
    lines = [
        f"# Whether a shot starts a scene: annotations in the layout {annotations.layout}.",
        'name = "scenes"',
        'kind = "binary"',
        'unit = "shot"',
        f'labels = "{TABLE}"',
        'columns = "spans"',
        'span_to_shots = "start_nearest"',
        f"tolerance_s = {TOLERANCE_S}",
        f'also = ["miou", "f1_within_{TOLERANCE_S:g}s"]',
        "",
        "[split]",
    ]
    sides = {
        side: [t for t in annotations.split.get(side, ()) if t in set(titles)] for side in ("train", "val", "test")
    }
    teaching = sides["train"] + sides["val"]
    if len(teaching) >= 2 and sides["test"]:
        lines += ["# As published; training and validation titles both teach, since a probe validates among them."]
        lines += [f"train = {_patterns(teaching)}", f"test = {_patterns(sides['test'])}"]
    else:
        lines.append(f"folds = {max(2, min(FOLDS, len(titles)))}")
    return "\n".join(lines) + "\n"


def _patterns(titles: Iterable[str]) -> str:
    """Ids as patterns that match nothing else, as a TOML list."""
    quoted = [json.dumps(glob.escape(title), ensure_ascii=False) for title in titles]
    return "[\n" + "".join(f"    {title},\n" for title in quoted) + "]"


def _write(path: Path, text: str) -> str:
    """Put a file in place in one step."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
    return str(path)
