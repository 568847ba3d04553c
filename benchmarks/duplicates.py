"""Do copies of a film find their original, and what cosine tells a copy from another shot? Shot by shot.

python benchmarks/duplicates.py DATA OUT [--film sintel_trailer.webm] [--seconds 150]

Writes copies of a film's beginning with mediafm's own writer (re-encoded at crf 40, a tenth of the picture cut off,
1.25 times faster with its sound higher, mirrored, black bars above and below, a logo in a corner), ingests them beside
the original and other films, and asks for every shot of a copy which shot of any title that is no copy is most like it.
Right: the original's, overlapping in time by more than half (of the shorter; the copy's times mapped back).

Then the rule by which search folds near-duplicates is measured: the least cosine of two shots over the modalities that
both have. For every threshold, the share of copies (each kind) that are over it, of shots of other films, and of shots
at most three away in the same film. Prints JSON.
"""

import argparse
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from mediafm.catalog import Catalog
from mediafm.index import VectorIndex, open_index
from mediafm.ingest import ingest
from mediafm.media import FilmOptions, Picture, Sound, open_title, write_film
from mediafm.search import Match, find_copies

HEIGHT, RATE = 288, 48_000
SPEED = Fraction(5, 4)
KINDS = ("low", "cropped", "fast", "mirrored", "letterbox", "logo")
THRESHOLDS = (0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99)
NEAR = 3  # shots away, that count as of the same scene
OTHERS = ("tears_of_steel_clip.webm", "big_buck_bunny.mp4")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--film", default="sintel_trailer.webm")
    parser.add_argument("--seconds", type=float, default=150.0)
    given = parser.parse_args()
    films = given.data / "films"
    folder = given.out / "copies"
    folder.mkdir(parents=True, exist_ok=True)
    original = Path(given.film).stem
    copies = {f"{original}-{kind}": SPEED if kind == "fast" else Fraction(1) for kind in KINDS}
    for name in copies:
        if not (folder / f"{name}.mp4").exists():
            write_copy(films / given.film, folder / f"{name}.mp4", name.rpartition("-")[2], given.seconds)
    place = str(given.out / "copies.catalog")
    originals = [films / name for name in dict.fromkeys((given.film, *OTHERS))]
    ingest([*originals, *(folder / f"{name}.mp4" for name in copies)], place)
    catalog = Catalog.open(place)
    found, pairs = {}, {}
    for name, speed in copies.items():
        pairs[name] = _true_pairs(catalog, name, original, float(speed), given.seconds)
        for features in ("video", "audio", "concat"):
            matches = find_copies(catalog, name, features, others=tuple(copies))
            found[f"{name}, {features}"] = judged(matches, original, speed)
    print(json.dumps({"best match": found, "folded": folded(catalog, pairs, [p.stem for p in originals])}, indent=1))


def _true_pairs(catalog: Catalog, name: str, original: str, speed: float, seconds: float) -> list[tuple[int, int]]:
    """(shot of the copy, shot of the original) that are the same: each covers nine tenths of the other."""
    start, end = (times * speed for times in catalog.spans(name))
    other_start, other_end = catalog.spans(original)
    pairs = []
    for shot in range(len(start)):
        overlap = np.minimum(end[shot], other_end) - np.maximum(start[shot], other_start)
        best = int(overlap.argmax())
        whole = max(end[shot] - start[shot], other_end[best] - other_start[best])
        if other_end[best] <= seconds and overlap[best] > 0.9 * whole:
            pairs.append((shot, best))
    return pairs


def folded(catalog: Catalog, pairs: dict[str, list[tuple[int, int]]], originals: list[str]) -> dict[str, Any]:
    """Threshold -> shares of pairs that search would fold, by kind."""
    original = next(iter(pairs)).rpartition("-")[0]
    vectors = {name: open_index(catalog, name) for name in catalog.spec.encoders}
    least: dict[str, np.ndarray] = {
        name.rpartition("-")[2]: np.array([_least(vectors, (name, a), (original, b)) for a, b in found])
        for name, found in pairs.items()
    }
    of = {title: len(catalog.spans(title)[0]) for title in originals}
    least["same scene"] = np.array(
        [
            _least(vectors, (title, a), (title, a + away))
            for title, n in of.items()
            for away in range(1, NEAR + 1)
            for a in range(n - away)
        ]
    )
    least["other film"] = np.array(
        [
            _least(vectors, (one, a), (other, b))
            for i, one in enumerate(originals)
            for other in originals[i + 1 :]
            for a in range(of[one])
            for b in range(of[other])
        ]
    )
    table = {
        str(t): {kind: round(float((scores >= t).mean()), 4) for kind, scores in least.items()} for t in THRESHOLDS
    }
    return {"pairs": {kind: len(scores) for kind, scores in least.items()}, "shares": table}


def _least(vectors: dict[str, VectorIndex], one: tuple[str, int], other: tuple[str, int]) -> float:
    """As search folds: the least cosine over modalities that both shots have; -1 where one alone has a picture."""
    cosines = [1.0]
    for name, index in vectors.items():
        a, b = (index.rows(row, row + 1)[0] for row in (_row(index, *one), _row(index, *other)))
        if a.any() and b.any():
            cosines.append(float(a @ b))
        elif name == "video" and a.any() != b.any():
            return -1.0
    return min(cosines) if len(cosines) > 1 else -1.0


def _row(index: VectorIndex, title: str, shot: int) -> int:
    return int(index.starts[index.titles.index(title)]) + shot


def write_copy(film: Path, path: Path, kind: str, seconds: float) -> None:
    """One kind of copy of a film's beginning."""
    speed = SPEED if kind == "fast" else Fraction(1)
    with open_title(film, RATE) as reader:
        rate = reader.info.video.average_rate or Fraction(24) if reader.info.video else Fraction(24)
        samples = np.concatenate([item.samples for item in reader if isinstance(item, Sound)])[: int(seconds * RATE)]
    first = next(_pictures(film, kind, seconds))
    size = (first.shape[1], first.shape[0])
    options = FilmOptions(codec_options={"preset": "veryfast", "crf": "40" if kind == "low" else "23"})
    # Sound that is played faster is shorter and higher.
    at = np.arange(0, len(samples), float(speed))
    faster = np.interp(at, np.arange(len(samples)), samples).astype(np.float32)
    write_film(
        path,
        (rate * speed).limit_denominator(100_000),
        size,
        _pictures(film, kind, seconds),
        faster,
        RATE,
        options=options,
    )


def _pictures(film: Path, kind: str, seconds: float) -> Iterator[np.ndarray]:
    """Its pictures, changed, with even sides."""
    with open_title(film, only="video") as reader:
        for item in reader:
            if isinstance(item, Picture):
                if item.pts * reader.time_base >= seconds:
                    return
                changed = _changed(item.scaled(HEIGHT), kind)
                yield np.ascontiguousarray(changed[: changed.shape[0] // 2 * 2, : changed.shape[1] // 2 * 2])


def _changed(image: np.ndarray, kind: str) -> np.ndarray:
    height, width = image.shape[:2]
    if kind == "cropped":
        edges = [round(0.05 * side) for side in (height, width)]
        return image[edges[0] : height - edges[0], edges[1] : width - edges[1]]
    if kind == "mirrored":
        return image[:, ::-1]
    if kind == "letterbox":
        bar = np.zeros((height // 8, width, 3), np.uint8)
        return np.concatenate([bar, image, bar])
    if kind == "logo":
        marked = image.copy()
        marked[height // 16 : height // 5, -width // 5 : -width // 16] = (240, 240, 240)
        return marked
    return image


def judged(matches: list[Match], original: str, speed: Fraction) -> dict[str, float]:
    """How many shots found their own span of the original; mean cosines of those that did and did not."""
    right = [m for m in matches if m.other == original and _overlaps(m, float(speed))]
    wrong = [m.score for m in matches if m not in right]
    return {
        "shots": len(matches),
        "right": len(right),
        "share": round(len(right) / max(len(matches), 1), 3),
        "cosine_right": round(float(np.mean([m.score for m in right])), 3) if right else 0.0,
        "cosine_wrong": round(float(np.mean(wrong)), 3) if wrong else 0.0,
    }


def _overlaps(match: Match, speed: float) -> bool:
    start, end = match.start_s * speed, match.end_s * speed
    overlap = min(end, match.other_end_s) - max(start, match.other_start_s)
    return overlap > 0.5 * min(end - start, match.other_end_s - match.other_start_s)


if __name__ == "__main__":
    main()
