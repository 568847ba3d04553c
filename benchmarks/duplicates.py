"""Do copies of a film find their original? Copies re-encoded at a low rate, cropped, and sped up, shot by shot.

python benchmarks/duplicates.py DATA OUT [--film sintel_trailer.webm]

Writes three copies of a film with mediafm's own writer (re-encoded at crf 40, a tenth of the picture cut off, 1.25
times faster with its sound higher), ingests them beside the original and other films, and asks for every shot of a copy
which shot of any title that is no copy is most like it. Right: the original's, overlapping in time by more than half
(of the shorter; the copy's times mapped back). Prints JSON: right shots and shots of each copy, by features, and the
cosines.
"""

import argparse
import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from mediafm.catalog import Catalog
from mediafm.ingest import ingest
from mediafm.media import FilmOptions, Picture, Sound, open_title, write_film
from mediafm.search import Match, find_copies

HEIGHT, RATE = 288, 48_000
SPEED = Fraction(5, 4)
COPIES = {"low": Fraction(1), "cropped": Fraction(1), "fast": SPEED}
OTHERS = ("tears_of_steel_clip.webm", "big_buck_bunny.mp4")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--film", default="sintel_trailer.webm")
    given = parser.parse_args()
    films = given.data / "films"
    folder = given.out / "copies"
    folder.mkdir(parents=True, exist_ok=True)
    for kind in COPIES:
        if not (folder / f"{kind}.mp4").exists():
            write_copy(films / given.film, folder / f"{kind}.mp4", kind)
    place = str(given.out / "copies.catalog")
    ingest([films / given.film, *(films / name for name in OTHERS), *sorted(folder.glob("*.mp4"))], place)
    catalog = Catalog.open(place)
    original = Path(given.film).stem
    found = {
        f"{kind}, {features}": judged(find_copies(catalog, kind, features, others=tuple(COPIES)), original, speed)
        for kind, speed in COPIES.items()
        for features in ("video", "audio", "concat")
    }
    print(json.dumps(found, indent=1))


def write_copy(film: Path, path: Path, kind: str) -> None:
    """One kind of copy of a film."""
    with open_title(film, RATE) as reader:
        rate = reader.info.video.average_rate or Fraction(24) if reader.info.video else Fraction(24)
        samples = np.concatenate([item.samples for item in reader if isinstance(item, Sound)])
    first = next(_pictures(film, kind))
    size = (first.shape[1], first.shape[0])
    options = FilmOptions(codec_options={"preset": "veryfast", "crf": "40" if kind == "low" else "23"})
    # Sound that is played faster is shorter and higher.
    at = np.arange(0, len(samples), float(COPIES[kind]))
    faster = np.interp(at, np.arange(len(samples)), samples).astype(np.float32)
    write_film(path, rate * COPIES[kind], size, _pictures(film, kind), faster, RATE, options=options)


def _pictures(film: Path, kind: str) -> Iterator[np.ndarray]:
    """Its pictures, a tenth cut off each for "cropped", with even sides."""
    with open_title(film, only="video") as reader:
        for item in reader:
            if isinstance(item, Picture):
                image = item.scaled(HEIGHT)
                edge = [round(0.05 * side) if kind == "cropped" else 0 for side in image.shape[:2]]
                cut = image[edge[0] : image.shape[0] - edge[0], edge[1] : image.shape[1] - edge[1]]
                yield np.ascontiguousarray(cut[: cut.shape[0] // 2 * 2, : cut.shape[1] // 2 * 2])


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
