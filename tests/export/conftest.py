"""A small catalog with a film of each kind that exports must tell apart."""

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for export_samples, also in importlib mode

from export_samples import CUTS, SPEC, write

from mediafm.catalog import Catalog, ClipSetSpec, EmbeddingSetSpec, TitleClips
from mediafm.types import Metadata


@pytest.fixture(scope="session")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """ntsc: 30000/1001 pictures a second, chapters, metadata, embedded; vfr: a variable rate; sound: no picture."""
    folder = tmp_path_factory.mktemp("export")
    film = folder / "a film.mp4"
    film.write_bytes(b"no film, but a file")
    made = Catalog.create(folder / "catalog", SPEC)
    chapters = [
        {"title": "One = two; #3", "start_pts": 0, "end_pts": 120_120, "start_s": 0.0, "end_s": 4.004},
        {"title": "", "start_pts": 120_120, "end_pts": 450_450, "start_s": 4.004, "end_s": 15.015},
    ]
    known = Metadata("A Film", "It begins.", ("blue", "sea"), ("drama",), {"year": 1999, "crew": {"director": "X"}})
    ntsc = [round(c * 1001) for c in CUTS]  # in ticks of 1/30000 s
    facts: dict[str, Any] = {"frames": 450, "fps": 29.97, "width": 64, "height": 36}
    base = Fraction(1, 30_000)
    write(made, "ntsc", str(film), ntsc, base, 1, metadata=known, extra={"chapters": chapters}, **facts)
    uneven = [0, 3000, 4000, 9000, 9500, 15_000]
    write(made, "season 1/vfr", "s3://films/vfr.mp4", uneven, Fraction(1, 1000), 0, **facts)
    write(made, "sound", str(folder / "gone.mp3"), uneven, Fraction(1, 1000), 3, metadata=Metadata(extra={"year": "?"}))
    made.add_embedding_set(EmbeddingSetSpec("run/past", "checkpoint-1", "past", 6))
    rng = np.random.default_rng(9)
    made.write_embeddings(
        "run/past", "ntsc", rng.standard_normal((5, 6)).astype(np.float32), np.arange(6, dtype=np.float32)
    )
    made.add_clip_set(ClipSetSpec("marengo", "marengo by hand", 3, "hand-1"))
    spans = np.array([0.5, 2.0]), np.array([2.0, 3.5])
    made.write_clips("marengo", [TitleClips("ntsc", *spans, np.eye(3, dtype=np.float32)[:2])])
    return made


@pytest.fixture
def hits(tmp_path: Path) -> Path:
    """As `mediafm search --json` prints them."""
    path = tmp_path / "hits.json"
    path.write_text(
        '{"hits": [{"title": "season 1/vfr", "start_s": 3.0, "end_s": 9.0, "score": 0.5, "text": "words"},'
        '{"title": "ntsc", "start_s": 4.004, "end_s": 10.01, "score": 0.25, "text": "=1|2"}]}'
    )
    return path
