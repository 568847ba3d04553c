"""The vector index beside FAISS, LanceDB and hnswlib, on synthetic vectors with structure.

    pip install --target BENCH --no-deps faiss-cpu hnswlib packaging
    OMP_NUM_THREADS=1 PYTHONPATH=BENCH python benchmarks/index.py --rows 1000000 --dim 768

Titles have a direction of their own, scenes that of one of 2000 places which titles share, and shots noise that is
stronger in some numbers than in others and by default as strong as all they share, which no lists like (NOISE=0.5
halves it); the questions are further shots of the same titles, which no index holds. Every contestant runs in a process
of its own, one after the other, on the very rows that the index stores (float16), asks one question at a time, and says
how long each took (and how long a processor worked for it, which other jobs disturb less), its recall@10 against the
full product in float64, the seconds and the peak memory of making it. What is mapped from a file counts as memory while
it is looked at. FAISS and hnswlib are wanted for this comparison only.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

SHOTS, SCENES, PLACES, K = 500, 25, 2000, 10
NOISE = float(os.environ.get("NOISE", "1"))  # as strong as all that shots of a scene share
CONTESTANTS = [
    "exact",
    "faiss-flat",
    "lancedb-flat",
    "lists",
    "faiss-ivf",
    "lancedb-rq",
    "lancedb-hnsw",
    "product",
    "hnswlib",
]


@cache
def places(dim: int) -> np.ndarray:
    """Directions that scenes of any title may share."""
    return np.random.default_rng(11).standard_normal((PLACES, dim), dtype=np.float32)


def title(number: int, dim: int, shots: int) -> np.ndarray:
    """Shots of a title, unit rows float32 [shots, dim]."""
    rng = np.random.default_rng([7, number])
    own = rng.standard_normal(dim, dtype=np.float32)
    scenes = places(dim)[rng.integers(PLACES, size=SCENES)]
    noise = rng.standard_normal((shots, dim), dtype=np.float32)
    strength = (1 + np.arange(dim, dtype=np.float32) / 16) ** -0.5
    noise *= strength / np.sqrt((strength**2).mean())
    rows = 0.6 * own + 0.8 * scenes[rng.permutation(np.arange(shots) % SCENES)] + NOISE * noise
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Titles:
    """As much of a source as building an index needs."""

    name, fingerprint, standardised, as_encoded = "run", "synthetic", True, False

    def __init__(self, rows: int, dim: int) -> None:
        self.dim = dim
        self._keys = [(f"t{i:06d}", min(SHOTS, rows - i * SHOTS), 1, -1) for i in range(-(-rows // SHOTS))]
        records = [SimpleNamespace(title_id=key[0], revision=1) for key in self._keys]
        self.catalog = SimpleNamespace(identity="benchmark", uri="synthetic", titles=lambda: records)

    def keys(self) -> list[tuple[str, int, int, int]]:
        return self._keys

    def version(self, keys: Any) -> str:
        return f"{len(keys)}x{self.dim}"

    def fit(self, keys: Any) -> None:
        return None

    def rows(self, keys: Any, stats: None) -> Iterator[tuple[Any, np.ndarray]]:
        for i, key in enumerate(keys):
            yield key, title(i, self.dim, SHOTS)[: key[1]]


def questions(rows: int, dim: int, count: int) -> np.ndarray:
    """Further shots of titles here and there."""
    titles = np.random.default_rng(3).choice(max(rows // SHOTS, 1), count)
    return np.stack([title(int(t), dim, SHOTS + 25)[SHOTS + i % 25] for i, t in enumerate(titles)])


def mapped(folder: Path, dim: int) -> np.ndarray:
    (path,) = folder.rglob("rows.f16")
    return np.memmap(path, "<f2", "r").reshape(-1, dim)


def asked(ask: Callable[[np.ndarray], np.ndarray], queries: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    ask(queries[0])  # what is made at the first question only
    seconds, worked, found = [], [], []
    for query in queries:
        began, began_work = time.perf_counter(), time.process_time()
        found.append(ask(query))
        seconds.append(time.perf_counter() - began)
        worked.append(time.process_time() - began_work)
    recall = np.mean([len(np.intersect1d(a, b)) / K for a, b in zip(found, truth, strict=False)])
    p50, p95 = np.percentile(np.array(seconds) * 1e3, [50, 95])
    told = {
        "p50_ms": p50,
        "p95_ms": p95,
        "processor_p95_ms": np.percentile(np.array(worked) * 1e3, 95),
        "recall": recall,
    }
    return {"asked": len(queries)} | {name: float(value) for name, value in told.items()}


def ours(args: argparse.Namespace, folder: Path, queries: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    from mediafm.index.building import ensure_built
    from mediafm.index.listing import build_lists
    from mediafm.index.vectors import VectorIndex
    from mediafm.progress import SILENT

    began = time.monotonic()
    path, manifest = ensure_built(Titles(args.rows, args.dim), SILENT)  # type: ignore[arg-type]
    index = VectorIndex(path, manifest, None)
    facts: dict[str, Any] = {}
    if args.only == "lists":
        index.lists = build_lists(index, path.with_name(f"{path.name}.lists"), manifest.version, SILENT)
        told = index.lists.facts
        facts = {"lists": len(told.starts) - 1, "probes": told.probes, "stated_recall": told.recall}
    facts["build_s"] = time.monotonic() - began
    facts["build_mb"] = peak_mb()
    facts["bytes"] = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return facts | asked(lambda query: index.nearest(query, K)[1][0], queries, truth)


def product(args: argparse.Namespace, folder: Path, queries: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    rows = mapped(folder, args.dim).astype(np.float32)

    def ask(query: np.ndarray) -> np.ndarray:
        scores = rows @ query
        return np.argpartition(-scores, K)[:K]

    return asked(ask, queries, truth)


def faiss_flat(args: argparse.Namespace, folder: Path, queries: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    import faiss

    began, index = time.monotonic(), faiss.IndexFlatIP(args.dim)
    fill(index.add, folder, args)
    built = time.monotonic() - began
    return {"build_s": built} | asked(lambda query: index.search(query[None], K)[1][0], queries, truth)


def faiss_ivf(args: argparse.Namespace, folder: Path, queries: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    import faiss

    began = time.monotonic()
    lists = int(2 ** round(np.log2(args.rows) / 2))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(args.dim), args.dim, lists, faiss.METRIC_INNER_PRODUCT)
    rows = mapped(folder, args.dim)
    chosen = np.sort(np.random.default_rng(0).choice(len(rows), min(64 * lists, len(rows)), replace=False))
    index.train(rows[chosen].astype(np.float32))
    fill(index.add, folder, args)
    built = time.monotonic() - began
    for index.nprobe in (1, 2, 4, 8, 16, 32, 64, 128):  # the least that reaches .95 on these very questions
        told = asked(lambda query: index.search(query[None], K)[1][0], queries, truth)
        if told["recall"] >= 0.95:
            break
    return {"build_s": built, "lists": lists, "probes": index.nprobe} | told


def hnswlib(args: argparse.Namespace, folder: Path, queries: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    import hnswlib as library

    began, n = time.monotonic(), min(args.rows, args.hnsw_rows)
    rows = mapped(folder, args.dim)[:n].astype(np.float32)
    index = library.Index("ip", args.dim)
    index.init_index(n, M=16, ef_construction=100)
    index.set_num_threads(args.threads)
    index.add_items(rows)
    built = time.monotonic() - began
    truth = np.stack([np.argsort(-(rows @ query), kind="stable")[:K] for query in queries])
    for ef in (20, 50, 100, 200, 400):
        index.set_ef(ef)
        told = asked(lambda query: index.knn_query(query[None], K, num_threads=1)[0][0], queries, truth)
        if told["recall"] >= 0.95:
            break
    return {"build_s": built, "rows": n, "ef": ef} | told


def lancedb_flat(args: argparse.Namespace, folder: Path, queries: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    began, rows = time.monotonic(), mapped(folder, args.dim)
    with tempfile.TemporaryDirectory() as place:
        table = lance_table(place, rows)
        built = time.monotonic() - began
        return {"build_s": built} | asked(lance_ask(table), queries[: args.lance_questions], truth)


def lancedb_lists(args: argparse.Namespace, folder: Path, queries: np.ndarray, truth: np.ndarray) -> dict[str, Any]:
    """IVF_RQ and IVF_HNSW_SQ, refined: more is looked at until .95 of these very questions is reached."""
    began, rows = time.monotonic(), mapped(folder, args.dim)
    if args.only == "lancedb-hnsw" and len(rows) > args.hnsw_rows:
        rows = rows[: args.hnsw_rows]
        truth = full_product(rows, queries)
    lists = int(2 ** round(np.log2(len(rows)) / 2))
    with tempfile.TemporaryDirectory() as place:
        table = lance_table(place, rows)
        from lancedb.index import HnswSq, IvfRq

        shape = {"distance_type": "dot", "num_partitions": lists}
        table.create_index("vector", config=IvfRq(**shape) if args.only == "lancedb-rq" else HnswSq(**shape))
        built = time.monotonic() - began
        told: dict[str, Any] = {}
        for probes, refine in ((8, 5), (32, 10), (lists // 4, 10), (lists // 2, 10), (3 * lists // 4, 10), (lists, 20)):
            ask = lance_ask(table, probes, refine)
            if asked(ask, queries[:10], truth)["recall"] < 0.9 and probes < lists:
                continue  # far off: not worth all questions
            told = asked(ask, queries, truth) | {"probes": probes, "refine": refine}
            if told["recall"] >= 0.95:
                break
        return {"build_s": built, "rows": len(rows), "lists": lists} | told


def lance_table(place: str, rows: np.ndarray) -> Any:
    import lancedb
    import pyarrow as pa

    kind = pa.list_(pa.float16(), rows.shape[1])
    schema = pa.schema([("id", pa.int64()), ("vector", kind)])

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(rows), 20_000):
            part = np.array(rows[start : start + 20_000])
            column = pa.FixedSizeListArray.from_arrays(pa.array(part.reshape(-1)), type=kind)
            yield pa.record_batch([pa.array(np.arange(start, start + len(part))), column], schema=schema)

    return lancedb.connect(place).create_table("rows", pa.RecordBatchReader.from_batches(schema, batches()))


def lance_ask(table: Any, probes: int = 0, refine: int = 0) -> Callable[[np.ndarray], np.ndarray]:
    def ask(query: np.ndarray) -> np.ndarray:
        wanted = table.search(query.astype(np.float16)).distance_type("dot").select(["id", "_distance"]).limit(K)
        if probes:
            wanted = wanted.nprobes(probes).refine_factor(refine)
        return wanted.to_arrow()["id"].to_numpy()

    return ask


def fill(add: Callable[[np.ndarray], None], folder: Path, args: argparse.Namespace) -> None:
    rows = mapped(folder, args.dim)
    for start in range(0, len(rows), 20_000):
        add(rows[start : start + 20_000].astype(np.float32))


def full_product(rows: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The ten best rows of each question, by float32 first, the best hundred of those by float64."""
    best, scores = np.zeros((len(queries), 0), np.int64), np.zeros((len(queries), 0), np.float32)
    for start in range(0, len(rows), 20_000):
        more = queries @ rows[start : start + 20_000].astype(np.float32).T
        scores = np.concatenate([scores, more], axis=1)
        best = np.concatenate([best, np.broadcast_to(np.arange(start, start + more.shape[1]), more.shape)], axis=1)
        keep = np.argsort(-scores, axis=1, kind="stable")[:, :100]
        scores, best = np.take_along_axis(scores, keep, 1), np.take_along_axis(best, keep, 1)
    exact = np.stack([rows[ids].astype(np.float64) @ query for ids, query in zip(best, queries, strict=True)])
    return np.take_along_axis(best, np.argsort(-exact, axis=1, kind="stable")[:, :K], 1)


def peak_mb() -> float:
    """Of this process; Linux' getrusage would tell the parent's where that was larger."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # bytes on macOS


RUN: dict[str, Callable[..., dict[str, Any]]] = {
    "exact": ours,
    "lists": ours,
    "product": product,
    "faiss-flat": faiss_flat,
    "lancedb-flat": lancedb_flat,
    "faiss-ivf": faiss_ivf,
    "lancedb-rq": lancedb_lists,
    "lancedb-hnsw": lancedb_lists,
    "hnswlib": hnswlib,
}


def alone(args: argparse.Namespace) -> None:
    folder = Path(os.environ["MEDIAFM_CACHE"])
    known = np.load(folder / "truth.npz") if (folder / "truth.npz").exists() else None
    queries = questions(args.rows, args.dim, args.questions)
    truth = known["truth"] if known is not None else np.zeros((len(queries), K), np.int64)
    told = RUN[args.only](args, folder, queries, truth)
    print(json.dumps({"name": args.only, "load": os.getloadavg()[0], "peak_mb": peak_mb(), **told}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--lance-questions", type=int, default=10, help="fewer, as each takes seconds")
    parser.add_argument("--hnsw-rows", type=int, default=50_000, help="fewer, as building takes long")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=CONTESTANTS, help="in this process; what the others start")
    parser.add_argument("--run", nargs="*", choices=CONTESTANTS, default=CONTESTANTS)
    args = parser.parse_args()
    if args.only:
        alone(args)
        return
    with tempfile.TemporaryDirectory() as place:
        told = {"MEDIAFM_CACHE": place, "OMP_NUM_THREADS": str(args.threads), "LANCE_CPU_THREADS": str(args.threads)}
        os.environ.update(told)
        from mediafm.index.building import ensure_built
        from mediafm.progress import SILENT

        began = time.monotonic()
        ensure_built(Titles(args.rows, args.dim), SILENT)  # type: ignore[arg-type]
        written, peak = time.monotonic() - began, peak_mb()
        truth = full_product(mapped(Path(place), args.dim), questions(args.rows, args.dim, args.questions))
        np.savez(Path(place) / "truth.npz", truth=truth)
        made = {"rows": args.rows, "dim": args.dim, "generated_and_written_s": written, "peak_mb": peak}
        print(json.dumps(made), flush=True)
        sizes = [f"--{name}={getattr(args, name.replace('-', '_'))}" for name in SIZES]
        for name in args.run:
            subprocess.run([sys.executable, __file__, "--only", name, *sizes], check=False)
            sys.stdout.flush()


SIZES = ["rows", "dim", "questions", "lance-questions", "hnsw-rows", "threads"]

if __name__ == "__main__":
    main()
