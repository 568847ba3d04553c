"""Titles with known contents, for the tests of this folder."""

from fractions import Fraction
from typing import Any

import numpy as np

from mediafm.catalog import (
    Catalog,
    CatalogSpec,
    EncoderSpec,
    ShotRecord,
    TitleRecord,
    TitleSource,
)
from mediafm.types import Features, Shot

SPEC = CatalogSpec(
    "offline",
    "content-1",
    {
        "video": EncoderSpec("lab", 5, "lab-1", "Apache-2.0"),
        "audio": EncoderSpec("mel", 3, "mel-1", "Apache-2.0"),
        "text": EncoderSpec("mini", 4, "mini-1", "Apache-2.0"),
    },
)
NTSC = Fraction(30_000, 1001)
CUTS = [0, 47, 120, 121, 300, 450]  # pictures


def features(n: int, seed: int) -> Features:
    """Unit rows; every third shot is without words."""
    rng = np.random.default_rng(seed)
    vectors, present = {}, {}
    for modality, dim in SPEC.dims.items():
        rows = rng.standard_normal((n, dim)).astype(np.float32)
        flags = np.arange(n) % 3 != 2 if modality == "text" else np.ones(n, bool)
        vectors[modality] = rows / np.linalg.norm(rows, axis=1, keepdims=True) * flags[:, None]
        present[modality] = flags
    return Features(vectors, present)


def write(catalog: Catalog, title_id: str, path: str, pts: list[int], base: Fraction, seed: int, **facts: Any) -> None:
    """A title whose shots begin at those ticks, with pictures as in CUTS unless it has none."""
    cuts = CUTS if facts.get("frames") else [0] * len(CUTS)
    shots = []
    for i in range(len(pts) - 1):
        words = "" if i % 3 == 2 else f"wörds of shot {i}"
        shots.append(ShotRecord.from_shot(Shot(i, pts[i], pts[i + 1], cuts[i], cuts[i + 1]), base, words))
    with catalog.writer(title_id, TitleSource(path, f"source-{seed}", f"inputs-{seed}")) as writer:
        writer.append(shots, features(len(shots), seed))
        record = TitleRecord(
            title_id=title_id, time_base=base, end_pts=pts[-1], has_video=True, has_audio=True, **facts
        )
        writer.commit(record, np.full(4, 0.5, np.float32) if seed else None)
