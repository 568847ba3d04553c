"""Our BM25 beside LanceDB's full-text index: what is found, how fast, how large.

python benchmarks/full_text.py CATALOG [--questions CATALOG_NAME=PLACE ...]

Times a thousand queries of one to four words drawn from the texts of CATALOG, and tells seconds and bytes of making
both. `--questions friends2=PLACE` asks the word questions of tests/search that are on a catalog of that name.
LanceDB stems, drops stop words and takes words apart as its own default does (`FTS()`), and once more without
(`plain`), which is nearest to ours. Prints JSON.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.index import FTS
from questions import FIRST, _questions, _right

from mediafm.catalog import Catalog
from mediafm.search import Hit
from mediafm.search.lines import Lines, words_of
from mediafm.search.ranking import best_runs

Ask = Callable[[str, int], list[int]]
KINDS = {"lance": FTS(), "lance plain": FTS(stem=False, remove_stop_words=False, ascii_folding=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalog")
    parser.add_argument("--questions", nargs="*", default=[])
    parser.add_argument("--queries", type=int, default=1000)
    given = parser.parse_args()
    told: dict[str, Any] = {"speed": _speed(Catalog.open(given.catalog), given.queries)}
    for named in given.questions:
        name, _, place = named.partition("=")
        told[name] = _quality(Catalog.open(place), name)
    print(json.dumps(told, indent=1))


def _made(catalog: Catalog, folder: Path) -> dict[str, tuple[Ask, dict[str, float]]]:
    """Name -> how to ask (rows of shots, best first), and what making it took."""
    began = time.process_time()
    lines = Lines.build(catalog)
    lines._keep(folder / "ours.npz")
    made = {"ours": (_ours(lines), _cost(began, folder / "ours.npz"))}
    texts = [text for *_, text in catalog.iter_texts()]
    for name, kind in KINDS.items():
        place = folder / name.replace(" ", "-")
        table = lancedb.connect(place).create_table("t", pa.table({"row": range(len(texts)), "text": texts}))
        held, began = _bytes(place), time.process_time()
        table.create_index("text", config=kind)
        cost = _cost(began, place)
        made[name] = (_lance(table), cost | {"megabytes": cost["megabytes"] - held / 1e6})
    return made


def _ours(lines: Lines) -> Ask:
    return lambda query, k: [run.best for run in best_runs(lines.bm25(query), lines, "shot", k)]


def _lance(table: Any) -> Ask:
    def ask(query: str, k: int) -> list[int]:
        return table.search(query, query_type="fts").select(["row", "_score"]).limit(k).to_arrow()["row"].to_pylist()

    return ask


def _cost(began: float, place: Path) -> dict[str, float]:
    return {"processor_s": round(time.process_time() - began, 2), "megabytes": _bytes(place) / 1e6}


def _bytes(place: Path) -> int:
    return sum(path.stat().st_size for path in (place, *place.rglob("*")) if path.is_file())


def _speed(catalog: Catalog, count: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    texts = [words for *_, text in catalog.iter_texts() if (words := words_of(text))]
    queries = [
        " ".join(rng.choice(texts[i], min(len(texts[i]), int(rng.integers(1, 5))), replace=False))
        for i in rng.integers(len(texts), size=count)
    ]
    told: dict[str, Any] = {"shots with words": len(texts)}
    with tempfile.TemporaryDirectory() as folder:
        for name, (ask, cost) in _made(catalog, Path(folder)).items():
            ask(queries[0], 10)
            wall, work = [], []
            for query in queries:
                began, began_work = time.perf_counter(), time.process_time()
                ask(query, 10)
                wall.append(time.perf_counter() - began)
                work.append(time.process_time() - began_work)
            p50, p95, busy = *np.percentile(wall, [50, 95]) * 1e3, np.median(work) * 1e3
            told[name] = cost | {"p50_ms": p50, "p95_ms": p95, "processor_p50_ms": busy}
    return told


def _quality(catalog: Catalog, name: str) -> dict[str, Any]:
    lines, told = Lines.open(catalog), {}
    asked = [question for question in _questions([name]) if "words" in question]
    with tempfile.TemporaryDirectory() as folder:
        for way, (ask, _) in _made(catalog, Path(folder)).items():
            found = [question["id"] for question in asked if _found(lines, ask, question)]
            told[way] = {"asked": len(asked), "answered": len(found), "which": found}
    return told


def _found(lines: Lines, ask: Ask, question: dict[str, Any]) -> bool:
    for row in ask(question["words"], FIRST):
        title = int(lines.title_of(np.array([row]))[0])
        shot = row - int(lines.starts[title])
        start, end = float(lines.start_s[row]), float(lines.end_s[row])
        if _right(Hit(lines.titles[title], start, end, 0.0, "", shot, shot + 1), question["right"]):
            return True
    return False


if __name__ == "__main__":
    main()
