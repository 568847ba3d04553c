"""What a pretraining run or a checkpoint is: what `mediafm info RUN` says."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mediafm.config import Recipe, load_recipe, parse_recipe
from mediafm.errors import MediafmError, UsageError
from mediafm.model import Checkpoint
from mediafm.model.card import TRIVIAL_NAMES
from mediafm.model.folder import CONFIG, ORIGIN, local_folder, read_json
from mediafm.model.origin import RecipeInShort, recipe_in_short
from mediafm.train.advice import judge_run, margin
from mediafm.train.metrics import METRICS
from mediafm.train.pretrain import RECIPE, STATE
from mediafm.train.state import MARKER

_ATTEMPTS, _PAUSE_S = 4, 0.5  # a running run may be replacing its checkpoint, file by file


def run_info(path: str | Path) -> dict[str, Any]:
    """What `info RUN --json` prints; the keys are the same for every run, None where something is not known (yet).

    path: a run's folder, of whatever state, or a checkpoint's, or a hub id. status: "starting" (nothing measured yet),
    "unfinished" (running, or stopped: `standing.last_written_s` tells), "finished", or "checkpoint" (without the state
    to go on from). UsageError for a catalog, MediafmError for a folder that is no run or is damaged.
    """
    folder = Path(path)
    if (folder / "meta.lance").is_dir():
        raise UsageError(f"{path} is a catalog.", f"Write `mediafm info --catalog {path}`.")
    if folder.is_dir() and not any((folder / name).exists() for name in (ORIGIN, CONFIG, RECIPE)):
        raise MediafmError(
            f"{path} holds no pretraining run: neither {RECIPE} nor {ORIGIN}.",
            "Name a folder that `mediafm pretrain` made, or a hub id owner/model.",
        )
    folder = local_folder(path)
    state = _state(folder)
    begun = (folder / RECIPE).is_file() and state is None and not (folder / ORIGIN).exists()
    checkpoint = None if begun else _load(path, running=state is not None and not state["finished"])
    origin = checkpoint.origin if checkpoint else {"recipe": load_recipe(folder / RECIPE).model_dump(mode="json")}
    metrics = checkpoint.metrics if checkpoint else {}
    short = recipe_in_short(origin.get("recipe", {}))
    status = (
        "starting" if begun else "checkpoint" if state is None else "finished" if state["finished"] else "unfinished"
    )
    standing = _standing(folder, state, origin)
    measures = _measures(metrics, origin)
    return {
        "run": str(path),
        "name": checkpoint.name if checkpoint else folder.resolve().name,
        "status": status,
        "fingerprint": checkpoint.fingerprint if checkpoint else None,
        "catalog": _catalog(origin, metrics),
        "encoders": origin.get("encoders", {}),
        "recipe": {"nearest": short.nearest, "changes": _changes(short)},
        "model": _model(checkpoint) if checkpoint else None,
        "standing": standing,
        "measures": measures,
        "advice": _advice(origin, measures, standing) if status in ("finished", "checkpoint") else [],
        "versions": origin.get("versions", {}),
        "files": (files := _files(folder)),
        "bytes": sum(files.values()),
    }


def describe_run(info: Mapping[str, Any]) -> list[tuple[str, str]]:
    """`run_info` for people: labels and lines."""
    lines = [("run", f"{info['run']}: {_standing_line(info)}")]
    if info["measures"]["msm"] is not None:
        lines += [("distance", _measures_line(info["measures"]))]
        lines += [("", f"{TRIVIAL_NAMES.get(k, k)} {v:.3f}") for k, v in info["measures"]["trivial"].items()]
    catalog = info["catalog"]
    if catalog["shots"] is not None:
        validated = f", {catalog['validation_shots']:,} more to validate" if catalog["validation_shots"] else ""
        lines.append(("trained on", f"{catalog['shots']:,} shots of {catalog['titles']:,} titles{validated}"))
        lines.append(("catalog", f"preset {catalog['preset']}, fingerprint {str(catalog['fingerprint'])[:16]}"))
    for modality, encoder in info["encoders"].items():
        licence = encoder["licence"] or "unknown"
        lines.append((modality, f"{encoder['name']}, {encoder['dim']} numbers, licence {licence}"))
    lines.append(("recipe", info["recipe"]["nearest"]))
    lines += [
        ("", f"{key} = {change['here']!r} ({change['packaged']!r} there)")
        for key, change in info["recipe"]["changes"].items()
    ]
    if model := info["model"]:
        shape = f"{model['layers']} layers x {model['hidden']}, {model['heads']} heads"
        lines.append(("model", f"{model['parameters']:,} parameters: {shape}"))
        lines.append(("gives", f"{model['readout_dim']} numbers a shot: {' + '.join(model['readout'])}"))
    lines.append(("files", f"{', '.join(info['files'])} ({info['bytes'] / 1e6:,.1f} MB)"))
    return lines + [("advice", advice) for advice in info["advice"]]


def _state(folder: Path) -> dict[str, Any] | None:
    """Where the saved state stands; None where there is none. The tensors are left alone."""
    path = folder / STATE / MARKER
    if not path.exists():
        return None
    marker = read_json(path)
    standing = marker.get("standing") if isinstance(marker, dict) else None
    if not isinstance(standing, dict) or not {"step", "seconds", "finished"} <= set(standing):
        raise MediafmError(f"{path} is not the state of a run.", "Train anew into another folder.")
    return standing


def _load(path: str | Path, running: bool) -> Checkpoint:
    for _ in range(_ATTEMPTS - 1 if running else 0):
        try:
            return Checkpoint.load(path)
        except MediafmError:
            time.sleep(_PAUSE_S)
    return Checkpoint.load(path)


def _catalog(origin: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, Any]:
    catalog = origin.get("catalog", {})
    return {
        **{key: catalog.get(key) for key in ("fingerprint", "titles", "shots")},
        "validation_shots": metrics.get("validation_shots"),
        "preset": origin.get("preset"),
        "detector": origin.get("detector"),
    }


def _changes(short: RecipeInShort) -> dict[str, dict[str, Any]]:
    return {key: {"here": here, "packaged": packaged} for key, (packaged, here) in short.changes.items()}


def _model(checkpoint: Checkpoint) -> dict[str, Any]:
    config = checkpoint.config
    return {
        "parameters": sum(p.numel() for p in checkpoint.model.parameters()),
        **{key: getattr(config, key) for key in ("hidden", "layers", "heads", "max_shots", "positions", "feature_dim")},
        "readout": list(config.readout),
        "readout_dim": config.readout_dim(),
    }


def _standing(folder: Path, state: Mapping[str, Any] | None, origin: Mapping[str, Any]) -> dict[str, Any]:
    written = [p.stat().st_mtime for p in (folder / STATE / MARKER, folder / METRICS, folder / RECIPE) if p.is_file()]
    return {
        "steps": max(state["step"], _last_step(folder / METRICS)) if state else None,
        "planned_steps": origin.get("planned_steps"),
        "finished": state["finished"] if state else None,
        "seconds": state["seconds"] if state else None,
        "last_written_s": round(max(time.time() - max(written), 0.0), 1) if written else None,
    }


def _last_step(path: Path) -> int:
    """The step of the last whole line, without reading what may be a million lines before it; 0 where there is none."""
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - 8192, 0))
        lines = file.read().split(b"\n")[:-1]
    try:
        return int(json.loads(lines[-1])["step"]) if lines else 0
    except (ValueError, KeyError, TypeError):
        raise MediafmError(
            f"{path} is damaged: its last line holds no step.", "Resume the run, or fetch it again."
        ) from None


def _measures(metrics: Mapping[str, Any], origin: Mapping[str, Any]) -> dict[str, Any]:
    msm, trivial = metrics.get("msm"), dict(metrics.get("trivial", {}))
    below = None if msm is None else margin(msm, trivial)
    return {
        "msm": msm,
        "best_step": origin.get("steps"),
        "trivial": trivial,
        "margin": below,
        "beats_trivial": None if below is None else below > 0,
    }


def _advice(origin: Mapping[str, Any], measures: Mapping[str, Any], standing: Mapping[str, Any]) -> list[str]:
    """What `judge_run` says, where the recipe is one that this version knows."""
    best, shots = measures["best_step"], origin.get("catalog", {}).get("shots")
    if measures["msm"] is None or best is None or shots is None:
        return []
    try:
        recipe: Recipe = parse_recipe(origin.get("recipe", {}), ORIGIN)
    except UsageError:
        return []
    steps = standing["steps"] or standing["planned_steps"] or best
    return judge_run(measures["msm"], measures["trivial"], recipe, shots, steps, best)


def _files(folder: Path) -> dict[str, int]:
    """Name -> bytes of what lies in the folder, a folder with all that is below it."""
    return {
        entry.name: sum(p.stat().st_size for p in (entry.rglob("*") if entry.is_dir() else [entry]) if p.is_file())
        for entry in sorted(folder.iterdir())
        if not entry.name.endswith(".tmp")
    }


def _standing_line(info: Mapping[str, Any]) -> str:
    standing, status = info["standing"], info["status"]
    if status == "checkpoint":
        return "a checkpoint, without the state to go on from"
    ago = f"last written {_duration(standing['last_written_s'])} ago"
    if status == "starting":
        return f"begun, nothing measured yet, {ago}"
    planned = f" of {standing['planned_steps']:,}" if standing["planned_steps"] else ""
    steps = f"{standing['steps']:,}{planned} steps in {_duration(standing['seconds'])}"
    return f"finished, {steps}" if status == "finished" else f"unfinished, {steps}, {ago} (go on by --resume)"


def _measures_line(measures: Mapping[str, Any]) -> str:
    text = f"{measures['msm']:.3f} on validation titles, after step {measures['best_step'] or 0:,}"
    if measures["margin"] is None:
        return text
    below = f"below all trivial predictors, by {measures['margin']:.3f}"
    return f"{text}: {below if measures['beats_trivial'] else 'NOT below all trivial predictors'}"


def _duration(seconds: float) -> str:
    hours, minutes = seconds / 3600, seconds / 60
    return f"{hours:.1f} h" if hours >= 1 else f"{minutes:.1f} min" if minutes >= 1 else f"{seconds:.0f} s"
