"""Small catalogs with known contents, for the tests of this folder and for the processes they kill."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np

from mediafm.catalog import Catalog, CatalogSpec, EncoderSpec, ShotRecord, TitleRecord, TitleSource, TitleWriter
from mediafm.types import Cue, Features, Metadata, Shot, ShotCue

TIME_BASE = Fraction(1, 24_000)
SPEC = CatalogSpec(
    "offline",
    "content-1",
    {
        "video": EncoderSpec("lab", 5, "lab-1", "Apache-2.0"),
        "audio": EncoderSpec("mel", 3, "mel-1", "Apache-2.0"),
        "text": EncoderSpec("mini", 4, "mini-1", "Apache-2.0"),
    },
)
LENGTHS = [24_000, 1_001, 36_036, 12_000, 7_007, 48_000, 3_003]  # pts


def shot_records(n: int) -> list[ShotRecord]:
    """n shots that tile, each third one without words."""
    records, start = [], 0
    for i in range(n):
        end = start + LENGTHS[i % len(LENGTHS)]
        shot = Shot(i, start, end, i * 10, i * 10 + 10)
        words = "" if i % 3 == 2 else f"wörds of shot {i}"
        cues = (ShotCue(Cue(i * 40, i * 40 + 30, words), 0.25),) if words else ()
        records.append(ShotRecord.from_shot(shot, TIME_BASE, words, cues, lost_frames=i % 2))
        start = end
    return records


def features(n: int, seed: int) -> Features:
    """Unit rows; shots without words lack text."""
    rng = np.random.default_rng(seed)
    vectors, present = {}, {}
    for modality, dim in SPEC.dims.items():
        rows = rng.standard_normal((n, dim)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        flags = np.arange(n) % 3 != 2 if modality == "text" else np.ones(n, bool)
        vectors[modality], present[modality] = rows * flags[:, None], flags
    return Features(vectors, present)


def source(seed: int) -> TitleSource:
    """A source whose fingerprints change with the seed."""
    return TitleSource("/films/film.mkv", f"source-{seed}", f"inputs-{seed}")


def record(title_id: str, n: int, **changes: Any) -> TitleRecord:
    """The record of such a title."""
    stated = TitleRecord(
        title_id=title_id,
        time_base=TIME_BASE,
        end_pts=shot_records(n)[-1].end_pts,
        frames=n * 10,
        width=640,
        height=360,
        fps=23.976,
        has_video=True,
        has_audio=True,
        has_text=True,
        metadata=Metadata("Name", "Synopsis; 'quoted'", ("a", "b"), ("drama",), {"year": 1999}),
        decode_failures=2,
        warning="stopped early",
        extra={"codec": "h264"},
    )
    return dataclasses.replace(stated, **changes)


def fill(writer: TitleWriter, n: int, seed: int, chunk: int = 3) -> None:
    """Append n shots in chunks."""
    shots, rows = shot_records(n), features(n, seed)
    for start in range(0, n, chunk):
        part = slice(start, start + chunk)
        taken = Features({m: v[part] for m, v in rows.vectors.items()}, {m: p[part] for m, p in rows.present.items()})
        pictures = {s.index: b"\xff\xd8" + bytes([s.index % 256, seed % 256]) for s in shots[part] if s.index % 2 == 0}
        writer.append(shots[part], taken, pictures)


def write(catalog: Catalog, title_id: str, n: int, seed: int = 0) -> None:
    """Store a title."""
    with catalog.writer(title_id, source(seed)) as writer:
        fill(writer, n, seed)
        vector = np.full(4, seed, np.float32)
        writer.commit(record(title_id, n), vector)


def contents(catalog: Catalog) -> dict[str, Any]:
    """All that readers see, in a form that == compares."""
    seen: dict[str, Any] = {"failures": catalog.failures(), "sets": catalog.embedding_sets()}
    for title_id in catalog.title_ids():
        title = catalog.title_record(title_id)
        rows = catalog.features(title_id)
        vector = catalog.global_vector(title_id)
        seen[title_id] = (
            title,
            catalog.shots(title_id),
            {m: (v.tobytes(), rows.present[m].tobytes()) for m, v in rows.vectors.items()},
            [catalog.keyframe(title_id, i) for i in range(title.n_shots)],
            None if vector is None else vector.tobytes(),
        )
    return seen
