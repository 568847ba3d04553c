"""What exports cost: rows a second and peak memory of each kind, each in a process of its own.

    python benchmarks/export.py [--catalog C] [--shots 50000] [--kinds parquet numpy ...]

Without --catalog a catalog of synthetic titles is made: 200 shots a title, features of 512, 384 and 384 numbers, words,
and an embedding set of 256. Memory is that of the process, of which libraries alone take about 0.2 GB.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np

DIMS, EMBEDDED, SHOTS_A_TITLE = {"video": 512, "audio": 384, "text": 384}, 256, 200
FRAMES, RATE = 60, Fraction(30_000, 1001)  # in a shot, and a second

# A process counts as its own peak what its parent took when it was started (getrusage does), so the kernel is asked.
CHILD = """
import json, re, sys
from pathlib import Path
from mediafm.export import export
done = export(sys.argv[1], sys.argv[2], sys.argv[3])
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1e6
print(json.dumps({"shots": done.shots, "seconds": done.seconds, "bytes": done.bytes, "peak": peak}))
"""


def make_catalog(folder: Path, shots: int) -> str:
    from mediafm.catalog import (
        Catalog,
        CatalogSpec,
        EmbeddingSetSpec,
        EncoderSpec,
        ShotRecord,
        TitleRecord,
        TitleSource,
    )
    from mediafm.types import Features, Metadata, Shot

    rng = np.random.default_rng(0)
    spec = CatalogSpec("synthetic", "synthetic-1", {m: EncoderSpec(m, d, f"{m}-1") for m, d in DIMS.items()})
    catalog = Catalog.create(folder / "catalog", spec)
    catalog.add_embedding_set(EmbeddingSetSpec("run", "run-1", "title", EMBEDDED))
    for number in range(shots // SHOTS_A_TITLE):
        title, n = f"title-{number:05}", SHOTS_A_TITLE
        records = [
            ShotRecord.from_shot(
                Shot(i, i * FRAMES, (i + 1) * FRAMES, i * FRAMES, (i + 1) * FRAMES), 1 / RATE, f"words of shot {i} " * 4
            )
            for i in range(n)
        ]
        vectors = {m: _unit(rng.standard_normal((n, d), np.float32)) for m, d in DIMS.items()}
        features = Features(vectors, {m: np.ones(n, bool) for m in DIMS})
        with catalog.writer(title, TitleSource(f"/films/{title}.mp4", title)) as writer:
            writer.append(records, features)
            about = Metadata(title, "A synopsis.", ("a", "b"), ("drama",))
            writer.commit(
                TitleRecord(
                    title_id=title,
                    time_base=1 / RATE,
                    end_pts=n * FRAMES,
                    frames=n * FRAMES,
                    fps=float(RATE),
                    has_video=True,
                    metadata=about,
                )
            )
        embedded = _unit(rng.standard_normal((n, EMBEDDED), np.float32))
        catalog.write_embeddings("run", title, embedded, embedded.mean(axis=0))
    catalog.optimize()
    return catalog.uri


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def main() -> None:
    from mediafm.export import KINDS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalog")
    parser.add_argument("--shots", type=int, default=50_000)
    parser.add_argument("--kinds", nargs="*", default=[kind for kind in KINDS if kind != "chapters"])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        catalog = asked.catalog or make_catalog(Path(folder), asked.shots)
        print("| kind | shots | seconds | shots a second | MB written | peak GB |\n|---|---|---|---|---|---|")
        for kind in asked.kinds:
            command = [sys.executable, "-c", CHILD, catalog, kind, f"{folder}/{kind}"]
            ran = subprocess.run(command, capture_output=True, text=True)
            if ran.returncode:
                print(f"| {kind} | {ran.stderr.strip().splitlines()[-1]} | | | | |", flush=True)
                continue
            told = json.loads(ran.stdout)
            rate = told["shots"] / told["seconds"]
            print(
                f"| {kind} | {told['shots']} | {told['seconds']:.1f} | {rate:.0f} | {told['bytes'] / 1e6:.0f} "
                f"| {told['peak']:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
