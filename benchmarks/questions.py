"""Thirty questions over real film, and fifteen held out: how often is a right span among the first five hits?

python benchmarks/questions.py DATA OUT [--season s01]

DATA holds films/ and friends/. OUT keeps the catalogs (the Sintel trailer and Big Buck Bunny; one season of Friends,
with speech alone; nine episodes of the next for the held-out questions) and a quick `tiny` pretraining, so that a
second run only asks. Questions and their right spans are those of tests/search/questions.toml and
held_out_questions.toml; a hit is right if half of it, or of the span, lies in the other. Recall at 5 is the share of
questions with a right span among the first five hits, near-duplicates folded. Prints JSON with the failures.

Words: `full text` alone, `meaning` alone (cosine of text vectors), `hybrid` (both by reciprocal rank), `predicted`
(through the pretrained model). Examples: `raw` (concat), `video`, `context`, and `raw + context` merged. Pictures and
sounds go to the catalog's own encoders (`file`).
"""

import argparse
import json
import tempfile
import time
import tomllib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image as Still

from mediafm.catalog import Catalog
from mediafm.config import load_recipe
from mediafm.embed import embed
from mediafm.errors import MediafmError
from mediafm.ingest import import_catalogue, ingest
from mediafm.media import Picture, Sound, open_title, write_film
from mediafm.search import Hit, Image, Like, Options, SoundFile, Words, find
from mediafm.train import pretrain

QUESTIONS = Path(__file__).parents[1] / "tests" / "search" / "questions.toml"
HELD_OUT = QUESTIONS.with_name("held_out_questions.toml")
FILMS = {"sintel_trailer": "sintel_trailer.webm", "big_buck_bunny": "big_buck_bunny.mp4"}
FIRST = 5
RATE = 16_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--season", default="s01")
    parser.add_argument("--held-out-only", action="store_true", help="ask the fifteen held-out questions alone")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    catalogs = {"friends2": _friends(given.data, given.out, "s02e0", "friends2")}
    if not given.held_out_only:
        catalogs |= {"films": _films(given.data, given.out), "friends": _friends(given.data, given.out, given.season)}
    runs = {name: _run(catalog, given.out / f"{name}-tiny") for name, catalog in catalogs.items() if name != "friends2"}
    # Words go through the model of the first season, which has seen none of the second.
    runs["friends2"] = runs.get("friends")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for question in _questions(list(catalogs)):
            name = question["catalog"]
            for way, hits in _asked(catalogs[name], question, runs[name], given, Path(folder)):
                place = next((i + 1 for i, hit in enumerate(hits) if _right(hit, question["right"])), None)
                rows.append({"id": question["id"], "kind": _kind(question), "way": way, "place": place})
    print(json.dumps(summary(rows), indent=1))


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Of each kind of question and way: how many were asked and answered, and which were not."""
    found: dict[str, Any] = {}
    for row in rows:
        cell = found.setdefault(f"{row['kind']}: {row['way']}", {"asked": 0, "answered": 0, "failed": []})
        cell["asked"] += 1
        cell["answered"] += row["place"] is not None
        if row["place"] is None:
            cell["failed"].append(row["id"])
    for cell in found.values():
        cell[f"recall@{FIRST}"] = round(cell["answered"] / cell["asked"], 3)
    return found


def _asked(
    catalog: Catalog, question: dict[str, Any], run: Path | None, given: argparse.Namespace, folder: Path
) -> Iterator[tuple[str, list[Hit]]]:
    if "words" in question:
        words = [Words(question["words"])]
        for name, ways in {
            "full text": ["full text"],
            "meaning": ["meaning"],
            "hybrid": ["full text", "meaning"],
        }.items():
            yield name, find(catalog, words, k=FIRST, options=Options(ways=ways)).hits
        if run is not None:
            yield "predicted", find(catalog, words, k=FIRST, options=Options(ways=["predicted"], through=str(run))).hits
    elif "like" in question:
        like = [Like(question["like"])]
        sets = {"raw": ["concat"], "video": ["video"]}
        if run is not None:
            sets |= {"context": [run.name], "raw + context": ["concat", run.name]}
        for name, features in sets.items():
            yield name, find(catalog, like, k=FIRST, features=features).hits
    else:
        query = _file(given.data, question, folder)
        yield "file", find(catalog, [query], k=FIRST).hits


def _file(data: Path, question: dict[str, Any], folder: Path) -> Image | SoundFile:
    """The picture or the sound of a question, cut out of its film as a file."""
    title, _, times = question.get("image", question.get("sound", "")).partition("@")
    start, end = (float(part) for part in (times.split("-") if "-" in times else (times, times)))
    path = data / "films" / FILMS[title]
    samples: list[np.ndarray] = []
    with open_title(path, RATE) as reader:
        for item in reader:
            if isinstance(item, Picture) and "image" in question and item.pts * reader.time_base >= start:
                Still.fromarray(item.scaled(360)).save(folder / "still.png")
                return Image(folder / "still.png")
            if isinstance(item, Sound) and "sound" in question:
                samples.append(item.samples)
    sound = np.concatenate(samples)[int(start * RATE) : int(end * RATE)]
    write_film(folder / "sound.wav", Fraction(25), (0, 0), None, sound, RATE)
    return SoundFile(folder / "sound.wav")


def _questions(catalogs: list[str]) -> list[dict[str, Any]]:
    """Of both files, those on these catalogs."""
    asked = [q for path in (QUESTIONS, HELD_OUT) for q in tomllib.loads(path.read_text(encoding="utf-8"))["question"]]
    return [question for question in asked if question["catalog"] in catalogs]


def _kind(question: dict[str, Any]) -> str:
    if question["catalog"] == "friends2":
        return "held-out words"
    return next(kind for kind in ("words", "like", "image", "sound") if kind in question)


def _right(hit: Hit, spans: list[list[Any]]) -> bool:
    for title, start, end in spans:
        overlap = min(hit.end_s, end) - max(hit.start_s, start)
        if hit.title == title and overlap > 0.5 * min(hit.end_s - hit.start_s, end - start):
            return True
    return False


def _films(data: Path, out: Path) -> Catalog:
    place = out / "films.catalog"
    ingest([data / "films" / name for name in FILMS.values()], str(place))
    return Catalog.open(place)


def _friends(data: Path, out: Path, season: str, called: str = "friends") -> Catalog:
    place = out / f"{called}.catalog"
    if not place.exists():
        for name in ("titles", "shots"):
            table = pq.read_table(data / "friends" / f"{name}.parquet")
            kept = pc.starts_with(table["title_id"].cast("string"), season)
            pq.write_table(table.filter(kept), out / f"{name}.parquet")
        columns: Any = {"video": "gaze", "audio": "rhythm"}
        import_catalogue(out / "shots.parquet", out / "titles.parquet", str(place), columns, text_from="text")
    return Catalog.open(place)


def _run(catalog: Catalog, run: Path) -> Path | None:
    """A quick pretraining, embedded; None where there is too little to learn from."""
    try:
        if not (run / "model.safetensors").exists():
            began = time.monotonic()
            pretrain(catalog, run, load_recipe("tiny"))
            print(f"{run.name}: pretrained in {time.monotonic() - began:.0f} s", flush=True)
        embed(catalog, run)
    except MediafmError as error:
        print(f"{run.name}: no context search ({error})", flush=True)
        return None
    return run


if __name__ == "__main__":
    main()
