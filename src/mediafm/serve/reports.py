"""Runs, probe results and ablations below a folder, for the page's view of models: read only."""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from mediafm.errors import CatalogError, MediafmError
from mediafm.probes.ablation import AblationResult
from mediafm.probes.result import ProbeResult
from mediafm.train.summary import run_info

Kind = Literal["run", "probe", "ablation"]
# A run's record of its losses or its checkpoint; what `mediafm probe` and `mediafm ablate` write last.
_MARKS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("ablation", ("ablation.json",)),
    ("run", ("metrics.jsonl", "origin.json")),
    ("probe", ("result.json",)),
)
_DEEPEST, _MOST = 5, 5000  # folders looked into
_MOST_POINTS = 600  # of a curve: more cannot be seen on a screen
CURVES = ("loss", "objective", "rate", "gradient_norm", "shots_per_s")
JUDGED = ("msm", "title_mean", "previous", "neighbours")


class Reports:
    """What there is to tell of models. A name is the way below the folder; nothing else becomes a path."""

    def __init__(self, folder: Path | None, models: Mapping[str, Path]) -> None:
        self._folder, self._models = folder, dict(models)
        self._lock = threading.Lock()
        self._told: dict[Path, tuple[tuple[int, ...], Any]] = {}

    def names(self, kind: Kind) -> list[str]:
        """Of all there are."""
        return sorted(self._found(kind))

    def run(self, name: str) -> dict[str, Any]:
        """What a run is and its curves. CatalogError where it is damaged."""
        folder = self._one("run", name)
        try:
            return self._kept(
                folder, ("metrics.jsonl", "origin.json"), lambda: {**_run(folder), "curves": curves(folder)}
            )
        except MediafmError as error:
            raise CatalogError(self._untold(error.message), self._untold(error.remedy)) from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:  # made by hand, or cut off
            raise CatalogError(f"The run {name!r} is damaged.", "Look at it with `mediafm info`.") from error

    def probe(self, name: str) -> ProbeResult:
        """A probe's result."""
        folder = self._one("probe", name)
        return self._kept(folder, ("result.json",), lambda: _read(folder / "result.json", ProbeResult))

    def ablation(self, name: str) -> AblationResult:
        """An ablation's table."""
        folder = self._one("ablation", name)
        return self._kept(folder, ("ablation.json",), lambda: _read(folder / "ablation.json", AblationResult))

    def _untold(self, message: str) -> str:
        """A message without where on the machine things lie."""
        for folder in (self._folder, *self._models.values()):
            if folder is not None:
                message = message.replace(f"{folder.resolve()}{os.sep}", "").replace(f"{folder}{os.sep}", "")
        return message

    def _one(self, kind: Kind, name: str) -> Path:
        found = self._found(kind)
        if name not in found:
            raise CatalogError(f"There is no {kind} {name!r}.", f"GET /v1/{kind}s lists them.")
        return found[name]

    def _found(self, kind: Kind) -> dict[str, Path]:
        named = {name: path for name, path in self._models.items() if kind == "run"}
        if self._folder is not None:
            root = self._folder.resolve()
            for folder, what in _walk(root):
                if what == kind and folder not in named.values():
                    named[str(folder.relative_to(root)) if folder != root else root.name] = folder
        return named

    def _kept(self, folder: Path, files: tuple[str, ...], read: Any) -> Any:
        """What was read, until one of the files is another."""
        state = tuple((folder / name).stat().st_mtime_ns if (folder / name).is_file() else 0 for name in files)
        with self._lock:
            held = self._told.get(folder)
        if held is None or held[0] != state:
            held = (state, read())
            with self._lock:
                self._told[folder] = held
        return held[1]


def curves(folder: Path) -> dict[str, list[list[float]]]:
    """Name -> [step, value] of what a run's `metrics.jsonl` holds; long ones as means over blocks of steps.

    A last line that is being written is left out.
    """
    found: dict[str, list[list[float]]] = {name: [] for name in (*CURVES, *JUDGED)}
    try:
        lines = (folder / "metrics.jsonl").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        for name in found:
            if isinstance(row, dict) and isinstance(row.get(name), int | float) and "step" in row:
                found[name].append([row["step"], float(row[name])])
    return {name: _thinned(points) for name, points in found.items() if points}


def _thinned(points: list[list[float]]) -> list[list[float]]:
    size = -(-len(points) // _MOST_POINTS)
    if size == 1:
        return points
    blocks = [points[i : i + size] for i in range(0, len(points), size)]
    return [[block[-1][0], sum(value for _, value in block) / len(block)] for block in blocks]


def _run(folder: Path) -> dict[str, Any]:
    told = run_info(folder)
    return {name: value for name, value in told.items() if name not in ("run", "files")}


def _walk(root: Path) -> Iterator[tuple[Path, Kind]]:
    """Folders below the root that are a run, a probe's or an ablation's; links are not followed."""
    for place, folders, files in islice(os.walk(root), _MOST):
        folder = Path(place)
        deep = len(folder.relative_to(root).parts)
        folders[:] = sorted(f for f in folders if deep < _DEEPEST and not f.endswith(".lance") and f[0] != ".")
        for kind, marks in _MARKS:
            if any(mark in files for mark in marks):
                yield folder, kind


def _read(path: Path, form: Any) -> Any:
    try:
        return form.model_validate_json(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CatalogError(
            f"{path.parent.name}/{path.name} cannot be read.", "Run the command that writes it again."
        ) from error
