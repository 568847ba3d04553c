"""What each section of the page shows, as plain values for the template."""

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mediafm.catalog import Catalog, ShotRecord, TitleRecord
from mediafm.demo.figures import data_address, similarity_matrix
from mediafm.fusion import FusionStats, fuse, unit_rows
from mediafm.model import Checkpoint
from mediafm.search import Hit, search_catalogue
from mediafm.types import FloatArray

PIXELS_A_SECOND = 44
PICTURE_WIDTH = (56, 260)  # least and most pixels of a shot in the strip
STRIP_SHOTS = 80
QUERIES = 4
NEAREST = 6
MANY_TITLES = 5
APART = 10  # shots: nearer ones of the same title are the same moment
FRAME_TOLERANCE = 1  # a found cut counts as true within so many frames


def clock(seconds: float) -> str:
    """Seconds as m:ss.t for people."""
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"


def display_name(record: TitleRecord) -> str:
    """The title's name, or its id where it has none."""
    return record.metadata.name or record.title_id


def picture(catalog: Catalog, title: str, shot: int) -> str:
    """The shot's keyframe as a data address; empty where it has none."""
    content = catalog.keyframe(title, shot)
    return data_address(content, "image/jpeg") if content else ""


@dataclass(frozen=True)
class Truth:
    """What is known of a generated catalogue: title -> frames of the true cuts, title -> seconds of scene starts."""

    cuts: Mapping[str, Sequence[int]]
    scenes: Mapping[str, Sequence[float]]

    @classmethod
    def read(cls, folder: Path | None) -> "Truth":
        """From the folder that the generator wrote; nothing is known without one."""
        if folder is None:
            return cls({}, {})
        known = json.loads((folder / "cuts.json").read_text(encoding="utf-8"))
        scenes: dict[str, list[float]] = {}
        with (folder / "labels_scene_start.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["scene_start"] == "1":
                    scenes.setdefault(row["title"], []).append(float(row["start"]))
        return cls({title: [cut["frame"] for cut in facts["cuts"]] for title, facts in known.items()}, scenes)


class Spaces:
    """Every title's shots before context (the checkpoint's own fused embedding) and in context."""

    def __init__(self, catalog: Catalog, run: Path) -> None:
        checkpoint = Checkpoint.load(run)
        self._catalog, self._set = catalog, checkpoint.name
        self._stats = FusionStats.from_arrays(checkpoint.fusion_arrays, checkpoint.fusion_meta)

    def before(self, title: str) -> FloatArray:
        """Fused embeddings [n, D]."""
        return fuse(self._catalog.features(title), self._stats)[0]

    def after(self, title: str) -> FloatArray:
        """Context embeddings [n, R]."""
        return self._catalog.embeddings(self._set, title)


def strips_section(catalog: Catalog, titles: Sequence[TitleRecord], truth: Truth) -> dict[str, Any]:
    """A filmstrip for each of a few titles, and how the cuts compare with the true ones where those are known."""
    strips = []
    for record in titles:
        shots = catalog.shots(record.title_id)
        cells = [_cell(catalog, record.title_id, s) for s in shots[:STRIP_SHOTS]]
        note = f"{len(shots)} shots" + (f", the first {STRIP_SHOTS} shown" if len(shots) > STRIP_SHOTS else "")
        strips.append({"name": display_name(record), "note": note, "shots": cells})
    return {"strips": strips, "cuts": _cuts_against_truth(catalog, truth)}


def _cell(catalog: Catalog, title: str, shot: ShotRecord) -> dict[str, Any]:
    least, most = PICTURE_WIDTH
    return {
        "index": shot.index,
        "start": clock(shot.start_s),
        "width": int(min(max((shot.end_s - shot.start_s) * PIXELS_A_SECOND, least), most)),
        "image": picture(catalog, title, shot.index),
        "text": shot.text,
        "has": [m for m, has in (("video", shot.has_video), ("audio", shot.has_audio), ("text", shot.has_text)) if has],
    }


def _cuts_against_truth(catalog: Catalog, truth: Truth) -> str:
    """One sentence on precision and recall over every title whose true cuts are known; empty where none are."""
    found = true = hits = 0
    for title in set(truth.cuts) & set(catalog.title_ids()):
        cuts = np.asarray([s.start_frame for s in catalog.shots(title)[1:]])
        known = np.asarray(truth.cuts[title])
        near = np.abs(cuts[:, None] - known[None, :]) <= FRAME_TOLERANCE
        found, true, hits = found + len(cuts), true + len(known), hits + int(near.any(axis=0).sum())
    if not found or not true:
        return ""
    return f"Against the {true:,} true cuts: {hits / true:.1%} found, {hits / found:.1%} of those found are true."


def timeline_section(catalog: Catalog, record: TitleRecord, out: Path, truth: Truth) -> dict[str, Any]:
    """Shots, cues and (where known) scene changes of one title, as percentages of its length."""
    shots = catalog.shots(record.title_id)
    end = shots[-1].end_s
    cues = {(c.cue.start_ms, c.cue.end_ms, c.cue.text) for s in shots for c in s.cues}
    film = Path(record.path)
    return {
        "timeline": {
            "name": display_name(record),
            "poster": picture(catalog, record.title_id, len(shots) // 2),
            "video": Path(os.path.relpath(film, out.absolute())).as_posix() if film.exists() else "",
            "shots": [
                {"index": s.index, "at": s.start_s, "start": clock(s.start_s), **_place(s.start_s, s.end_s, end)}
                for s in shots
            ],
            "cues": [
                {"at": a / 1000, "start": clock(a / 1000), "text": text, **_place(a / 1000, b / 1000, end)}
                for a, b, text in sorted(cues)
            ],
            "marks": [100 * s / end for s in truth.scenes.get(record.title_id, []) if s > 0],
        }
    }


def _place(start: float, stop: float, end: float) -> dict[str, float]:
    return {"left": round(100 * start / end, 3), "width": round(max(100 * (stop - start) / end, 0.05), 3)}


def context_section(spaces: Spaces, record: TitleRecord) -> dict[str, Any]:
    """Self-similarity of one title's shots before and after context."""
    before, after = spaces.before(record.title_id), spaces.after(record.title_id)
    note = f"Mean likeness of two shots: {_mean_cosine(before):.2f} before, {_mean_cosine(after):.2f} after."
    return {
        "matrices": {"before": similarity_matrix(before), "after": similarity_matrix(after)},
        "context_note": note,
    }


def _mean_cosine(vectors: FloatArray) -> float:
    unit, n = unit_rows(vectors), len(vectors)
    return float((unit @ unit.T).sum() - n) / max(n * (n - 1), 1)


def nearest_section(catalog: Catalog, spaces: Spaces, titles: Sequence[TitleRecord]) -> list[dict[str, Any]]:
    """For a few shots, the nearest ones before and after context: of other titles or, where a catalog has only a few,
    of the same one too, but not from the same moment."""
    ids = [t.title_id for t in titles]
    where = [(title, shot) for title in ids for shot in range(catalog.title_record(title).n_shots)]
    vectors_by = {
        "by its own picture, sound and words": unit_rows(np.concatenate([spaces.before(t) for t in ids])),
        "by its context embedding": unit_rows(np.concatenate([spaces.after(t) for t in ids])),
    }
    owner = np.asarray([ids.index(title) for title, _ in where])
    place = np.arange(len(where))
    near = np.abs(place[:, None] - place) < APART
    out = []
    for query in np.linspace(0.12, 0.88, QUERIES):
        at = int(query * len(where))
        title, shot = where[at]
        rows = []
        for name, vectors in vectors_by.items():
            scores = vectors @ vectors[at]
            scores[(owner == owner[at]) & (len(ids) >= MANY_TITLES or near[at])] = -np.inf
            best = np.argsort(-scores)[:NEAREST]
            rows.append({"name": name, "hits": [_hit(catalog, where[b], f"{scores[b]:.2f}") for b in best]})
        text = catalog.shots(title)[shot].text
        out.append({**_hit(catalog, where[at], ""), "text": text, "rows": rows})
    return out


def _hit(catalog: Catalog, place: tuple[str, int], score: str) -> dict[str, str]:
    title, shot = place
    return {"image": picture(catalog, title, shot), "label": f"{title}, shot {shot}", "score": score}


def search_section(catalog: Catalog, queries: Sequence[str]) -> list[dict[str, Any]]:
    """What a few questions in words find in the titles' timed text; empty hits where no title has any."""
    has_text = any(t.has_text for t in catalog.titles())
    return [{"query": q, "hits": _found(catalog, q) if has_text else []} for q in queries]


def _found(catalog: Catalog, query: str) -> list[dict[str, str]]:
    hits: list[Hit] = search_catalogue(catalog, query, "", unit="shot", k=4)
    return [
        {
            "image": picture(catalog, h.title, h.first_shot),
            "label": f"{h.title}, {clock(h.start_s)} to {clock(h.end_s)}",
            "text": h.text,
        }
        for h in hits
    ]
