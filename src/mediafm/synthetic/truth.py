"""The known answers of a synthetic catalogue: every shot and scene, label tables for probes, true cuts."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mediafm.synthetic.genres import GENRES, PLACE_KINDS, TONES
from mediafm.synthetic.plan import FPS, SCALES, ScenePlan, ShotPlan, TitlePlan

Row = dict[str, Any]


def tables(plans: Sequence[TitlePlan]) -> dict[str, list[Row]]:
    """All tables by name. Spans are seconds from the title's zero; labels are 0 or 1.

    A row a shot: `shots` (all that is known of it), `labels_tone`, `labels_scene_start`, `labels_location` and
    `labels_scale`. A row a scene: `labels_clipworthy`. A row a title: `labels_genre`.
    """
    return {
        "shots": [_shot_row(*item) for item in _shots(plans)],
        "labels_tone": [
            {**_span(p, s), **{tone: int(tone in scene.tones) for tone in TONES}} for p, scene, s in _shots(plans)
        ],
        "labels_scene_start": [
            {**_span(p, s), "scene_start": int(s.index == scene.first_shot)} for p, scene, s in _shots(plans)
        ],
        "labels_location": [
            {**_span(p, s), **{kind: int(p.places[scene.place].kind == kind) for kind in PLACE_KINDS}}
            for p, scene, s in _shots(plans)
        ],
        "labels_scale": [
            {**_span(p, s), **{scale: int(s.scale == scale) for scale in SCALES}} for p, _, s in _shots(plans)
        ],
        "labels_clipworthy": [
            {**_span(p, p.shots[scene.first_shot], p.shots[scene.end_shot - 1]), "clip_worthy": int(scene.clip_worthy)}
            for p in plans
            for scene in p.scenes
        ],
        "labels_genre": [{"title": p.title_id, **{genre: int(p.genre == genre) for genre in GENRES}} for p in plans],
    }


def cuts(plans: Sequence[TitlePlan]) -> dict[str, Row]:
    """Per title: frame rate, number of frames, and every cut with the first frame of the new shot.

    The cut of a dissolve is its middle.
    """
    return {
        p.title_id: {
            "fps": FPS,
            "frames": p.frames,
            "cuts": [
                {
                    "frame": s.start_frame,
                    "seconds": _seconds(s.start_frame),
                    "kind": "dissolve" if s.dissolve else "cut",
                }
                for s in p.shots[1:]
            ],
        }
        for p in plans
    }


def write_truth(folder: Path, plans: Sequence[TitlePlan]) -> None:
    """Write every table as `NAME.csv`, and `cuts.json`, into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables(plans).items():
        write_csv(folder / f"{name}.csv", rows)
    (folder / "cuts.json").write_text(json.dumps(cuts(plans), indent=1), encoding="utf-8")


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows that all have the same keys as UTF-8 CSV with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _shots(plans: Sequence[TitlePlan]) -> Iterator[tuple[TitlePlan, ScenePlan, ShotPlan]]:
    return ((plan, plan.scenes[shot.scene], shot) for plan in plans for shot in plan.shots)


def _seconds(frame: int) -> float:
    return round(frame / FPS, 6)


def _span(plan: TitlePlan, first: ShotPlan, last: ShotPlan | None = None) -> Row:
    end = (last or first).end_frame
    return {"title": plan.title_id, "start": _seconds(first.start_frame), "end": _seconds(end)}


def _shot_row(plan: TitlePlan, scene: ScenePlan, shot: ShotPlan) -> Row:
    return {
        **_span(plan, shot),
        "shot": shot.index,
        "start_frame": shot.start_frame,
        "end_frame": shot.end_frame,
        "scene": scene.index,
        "storyline": scene.storyline,
        "beat": scene.beat,
        "intensity": round(scene.intensity, 3),
        "tones": " ".join(scene.tones),
        "location": plan.places[scene.place].kind,
        "role": shot.role,
        "scale": shot.scale,
        "subject": shot.subject,
        "ambiguous": int(shot.ambiguous),
        "speech": int(bool(shot.line)),
        "dissolve": int(shot.dissolve),
    }
