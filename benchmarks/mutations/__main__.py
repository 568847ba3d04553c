"""Thousands of damaged and hostile files: whether everything that goes in comes out as a row, and nothing as a lie.

    python benchmarks/mutations OUT                        2,000 mutants through `mediafm ingest` into one catalog
    python benchmarks/mutations OUT --reading              through the reader alone, each in a process of its own
    python benchmarks/mutations OUT -- --timeout 60        options for `mediafm ingest` stand behind --

Mutants are made from small films in every container and codec that can be written here (and from real films, where
--films names a folder of them): flipped bytes, cuts, splices, wrong names, lies in headers, noise, and subtitle files
beside whole films that are damaged or made to explode. The same seed gives the same files.

The law: the parent process ends by itself with status 0 or 1; no title passes its limit; every file has a row, as a
title or as a failure; `verify` finds nothing; every vector is finite and of length 1, or flagged absent and zero. One
JSON document is printed; the exit status is 1 where the law was broken.
"""

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bases import write_bases
from mutants import mutants

from reading import MEMORY, SECONDS, tried


def main() -> None:
    options = _options()
    films = _made(options)
    document = _read_alone(films, options) if options.reading else _ingested(films, options)
    print(json.dumps(document, indent=2))
    sys.exit(1 if document["broken"] else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--films", type=Path, help="a folder of real films to make mutants from, too")
    parser.add_argument("--reading", action="store_true", help="try the reader alone, not the whole ingest")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time, when reading alone")
    parser.add_argument("ingest", nargs="*", help="further options of `mediafm ingest`")
    return parser.parse_args()


def _made(options: argparse.Namespace) -> list[Path]:
    """The mutants on disk, their subtitle files beside them; what each is stands in mutants.json."""
    folder = options.out / "films"
    folder.mkdir(parents=True, exist_ok=True)
    bases = write_bases(options.out / "bases", seconds=6)
    if options.films:
        bases += sorted(p for p in options.films.iterdir() if p.suffix in (".mp4", ".webm") and p.stat().st_size < 5e6)
    made, told = [], {}
    for number, make in enumerate(mutants(bases, options.files, options.seed)):
        mutant = make()
        path = folder / f"m{number:05}.{mutant.suffix}"
        path.write_bytes(mutant.data)
        if mutant.sidecar:
            path.with_suffix("." + mutant.sidecar[0]).write_bytes(mutant.sidecar[1])
        told[path.name] = mutant.how
        made.append(path)
    (options.out / "mutants.json").write_text(json.dumps(told, indent=1))
    return made


def _read_alone(films: list[Path], options: argparse.Namespace) -> dict[str, Any]:
    """Every film read in a child of its own; what is not read or refused in good order breaks the law."""
    import mediafm.media  # noqa: F401  before the children are made, so that each need not

    told = json.loads((options.out / "mutants.json").read_text())
    with ThreadPoolExecutor(options.jobs) as pool:
        results = dict(zip([f.name for f in films], pool.map(tried, films), strict=True))
    (options.out / "reading.json").write_text(json.dumps(results, indent=1))
    bad = {n: r for n, r in results.items() if r["outcome"] not in ("read", "refused")}
    return {
        "files": len(films),
        "outcomes": Counter(r["outcome"] for r in results.values()),
        "ended_early": sum(bool(r.get("failure")) for r in results.values()),
        "with_losses": sum(bool(r.get("lost") or r.get("missing")) for r in results.values()),
        "limits": {"memory_mib": MEMORY >> 20, "seconds": SECONDS},
        "slowest_s": max(r["seconds"] for r in results.values()),
        "largest_mb": max(r["peak_mb"] for r in results.values()),
        "broken": [f"{n} ({told[n]}): {r['outcome']}: {r['why']}" for n, r in bad.items()],
    }


def _ingested(films: list[Path], options: argparse.Namespace) -> dict[str, Any]:
    """All films through the command line into one catalog, and the catalog held to the law."""
    catalog = options.out / "catalog"
    command = [sys.executable, "-m", "mediafm", "ingest", *map(str, films), "--catalog", str(catalog)]
    began = time.monotonic()
    done = subprocess.run([*command, "--json", *options.ingest], stdout=subprocess.PIPE, check=False)
    broken = [] if done.returncode in (0, 1) else [f"ingest ended with status {done.returncode}"]
    try:
        summary = json.loads(done.stdout)
    except ValueError:
        summary = {}
        broken.append("ingest printed no summary")
    found = _judged(catalog, films)
    return {
        "files": len(films),
        "seconds": round(time.monotonic() - began, 1),
        "status": done.returncode,
        **{k: summary.get(k) for k in ("titles_ok", "titles_failed", "shots", "peak_rss_mb")},
        "damaged": len(summary.get("damaged", ())),
        **found,
        "broken": broken + found["broken"],
    }


def _judged(uri: Path, films: list[Path]) -> dict[str, Any]:
    """Rows, `verify` and vectors of a catalog that all of the films went into."""
    import numpy as np

    from mediafm.catalog import Catalog
    from mediafm.errors import CatalogError

    try:
        catalog = Catalog.open(str(uri))
    except CatalogError as error:
        return {"broken": [str(error)]}
    rows = {*catalog.title_ids(), *(f.title_id for f in catalog.failures())}
    broken = [f"{f.name} has no row" for f in films if f.stem not in rows] + catalog.verify()
    vectors = absent = 0
    for title, features in catalog.iter_features():
        for modality, matrix in features.vectors.items():
            present = features.present[modality]
            norms = np.linalg.norm(matrix.astype(np.float64), axis=1)
            vectors, absent = vectors + int(present.sum()), absent + int((~present).sum())
            if not np.isfinite(norms).all() or np.abs(norms[present] - 1).max(initial=0) > 2e-3:
                broken.append(f"{title}: {modality} vectors that are not of length 1")
            if norms[~present].any():
                broken.append(f"{title}: {modality} vectors where none should be")
    return {"rows": len(rows), "vectors": vectors, "absent": absent, "broken": broken}


if __name__ == "__main__":
    main()
