"""What a catalog costs as it grows to ten thousand titles: seconds a title, `optimize`, a run over it, its disk.

python benchmarks/catalog.py [--titles 10000] [--shots 40] [--picture-bytes 10000] [--at 10 100 1000 10000]

Titles are random, of common sizes, and stored one by one as ingest does, with an `optimize` every hundred.
A line of figures at each size: medians of the hundred titles stored just before; peak memory is of the whole process.
The last line is of the whole: a run that finds all titles there, `optimize`, `verify` and `info` in processes of
their own, and the disk against the same rows written once. Prints JSON.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import lance
import numpy as np

from mediafm.catalog import Catalog, CatalogSpec, EncoderSpec, ShotRecord, TitleRecord, TitleSource
from mediafm.catalog.store import Store
from mediafm.types import Cue, Features, Metadata, Modality, Shot, ShotCue

DIMS: dict[Modality, int] = {"video": 384, "audio": 384, "text": 384}
SPEC = CatalogSpec("offline", "transnet-1", {m: EncoderSpec(m, d, f"{m}-1") for m, d in DIMS.items()})
TIME_BASE = Fraction(1, 24_000)
OPTIMIZE_EVERY = 100
GRACE = timedelta(seconds=30)  # ten minutes are to real titles what seconds are to these


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


class Titles:
    """Random titles of one length; every vector and picture differs."""

    def __init__(self, shots: int, picture_bytes: int) -> None:
        self.n, self.picture_bytes = shots, picture_bytes
        self.random = np.random.default_rng(1)
        spans = [Shot(i, i * 96_000, (i + 1) * 96_000, i * 96, (i + 1) * 96) for i in range(shots)]
        words = [f"some words of the shot {i}, about as many as are spoken in one" for i in range(shots)]
        cues = [(ShotCue(Cue(i * 4000, i * 4000 + 3000, w), 0.75),) for i, w in enumerate(words)]
        self.records = [ShotRecord.from_shot(s, TIME_BASE, w, c) for s, w, c in zip(spans, words, cues, strict=True)]

    def source(self, title_id: str) -> TitleSource:
        return TitleSource(f"/films/{title_id}.mkv", f"1000-{title_id:0>64}", f"{title_id:0>64}")

    def features(self) -> Features:
        vectors = {}
        for modality, dim in DIMS.items():
            rows = self.random.standard_normal((self.n, dim), np.float32)
            vectors[modality] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)
        return Features(vectors, {m: np.ones(self.n, bool) for m in DIMS})

    def store(self, catalog: Catalog, title_id: str) -> tuple[float, float]:
        """Seconds of the whole, as ingest does it, and of the commit alone."""
        features, noise = self.features(), self.random.bytes(self.n * self.picture_bytes)
        size = self.picture_bytes
        pictures = {i: noise[i * size : (i + 1) * size] for i in range(self.n)}
        source = self.source(title_id)
        record = TitleRecord(
            title_id=title_id,
            time_base=TIME_BASE,
            end_pts=self.n * 96_000,
            metadata=Metadata(title_id, "A synopsis of some length. " * 10, ("tag",), ("drama",)),
        )
        began = time.monotonic()
        with catalog.writer(title_id, source) as writer:
            writer.append(self.records, features, pictures)
            ready = time.monotonic()
            writer.commit(record, np.ones(DIMS["text"], np.float32))
        committed = time.monotonic()
        catalog.clear_failure(title_id)
        return time.monotonic() - began, committed - ready


def rerun_seconds(catalog_uri: str, titles: Titles, ids: list[str]) -> float:
    """Until a run over titles that are all there knows that nothing is to be done."""
    began = time.monotonic()
    catalog = Catalog.open(catalog_uri)
    current = catalog.current_titles()
    for title_id in ids:
        source = titles.source(title_id)
        assert current[title_id] == (source.source_fingerprint, source.inputs_fingerprint)
    return time.monotonic() - began


def written_anew_bytes(catalog_uri: str, folder: Path) -> int:
    """What the same rows take in files written once and never changed, without indexes."""
    total = 0
    for table in sorted(Path(catalog_uri).glob("*.lance")):
        stored = lance.dataset(str(table))
        lance.write_dataset(stored.to_batches(batch_size=512), folder / table.name, schema=stored.schema)
        total += sum(f.stat().st_size for f in (folder / table.name).rglob("*") if f.is_file())
    return total


def apart(catalog_uri: str, what: str) -> dict[str, float]:
    """Seconds and peak memory of one call of an opened catalog, in a process of its own."""
    script = (
        "import json, re, sys, time; from datetime import timedelta; from mediafm.catalog import Catalog\n"
        # Not ru_maxrss, which a process takes over from the one that started it.
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024\n"
        "catalog = Catalog.open(sys.argv[1]); catalog.failures(); before, began = peak(), time.monotonic()\n"
        f"catalog.{what}\n"
        "print(json.dumps({'seconds': round(time.monotonic() - began, 2), 'peak_mb': peak(), 'opened_mb': before}))"
    )
    done = subprocess.run([sys.executable, "-c", script, catalog_uri], check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def grow(titles: Titles, n: int, at: list[int], catalog: Catalog) -> None:
    """Store n titles, with a line of figures at each of the sizes `at`."""
    stored: list[tuple[float, float]] = []
    tidied: list[float] = []
    began = time.monotonic()
    for done in range(1, n + 1):
        stored.append(titles.store(catalog, f"title{done:05d}"))
        if done in at:
            last = np.array(stored[-min(done, OPTIMIZE_EVERY) :])
            figures = {
                "titles": done,
                "title_s": round(float(np.median(last[:, 0])), 4),
                "commit_s": round(float(np.median(last[:, 1])), 4),
                "optimize_s": round(tidied[-1], 2) if tidied else None,
                "peak_mb": round(peak_mb()),
                "disk_mb": round((Store(catalog.uri).disk_bytes() or 0) / 1e6),
                "seconds": round(time.monotonic() - began),
            }
            print(json.dumps(figures), flush=True)
        if done % OPTIMIZE_EVERY == 0:
            tidied.append(timed(lambda: catalog.optimize(GRACE)))


def finish(titles: Titles, n: int, catalog: Catalog, folder: Path) -> dict[str, Any]:
    """Figures of the whole catalog."""
    rerun_s = rerun_seconds(catalog.uri, titles, [f"title{i:05d}" for i in range(1, n + 1)])
    before = Store(catalog.uri).disk_bytes() or 0
    optimized = apart(catalog.uri, "optimize(timedelta(0))")
    after = Store(catalog.uri).disk_bytes() or 0
    anew = written_anew_bytes(catalog.uri, folder)
    return {
        "rerun_s": round(rerun_s, 2),
        "optimize": optimized,
        "verify": apart(catalog.uri, "verify()"),
        "info": apart(catalog.uri, "info()"),
        "disk_mb": {"before": round(before / 1e6), "after": round(after / 1e6), "written_anew": round(anew / 1e6)},
        "over_live": {"before": round(before / anew, 3), "after": round(after / anew, 3)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--titles", type=int, default=10_000)
    parser.add_argument("--shots", type=int, default=40)
    parser.add_argument("--picture-bytes", type=int, default=10_000)
    parser.add_argument("--at", type=int, nargs="+", default=[10, 100, 200, 500, 1000, 2000, 3000, 5000, 7500, 10_000])
    parser.add_argument("--folder", type=Path, help="where to make it, and leave it")
    args = parser.parse_args()
    with nullcontext(args.folder) if args.folder else tempfile.TemporaryDirectory() as folder:
        catalog = Catalog.create(Path(folder) / "catalog", SPEC)
        titles = Titles(args.shots, args.picture_bytes)
        grow(titles, args.titles, args.at, catalog)
        print(json.dumps(finish(titles, args.titles, catalog, Path(folder) / "anew")), flush=True)


if __name__ == "__main__":
    main()
