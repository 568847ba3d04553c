"""How fast the page is on a large catalogue, in Chromium: its first view, and scrolling through all of it.

python benchmarks/page.py FOLDER [--titles 1000] [--shots 60] [--chromium /usr/bin/chromium] [--make-only]

Makes a catalogue of random titles with pictures in FOLDER (kept, and taken as it is the next time), serves it in a
process of its own and opens it in a browser with an empty cache. Prints JSON: seconds until the first posters with
their pictures stand there (`first_view_s`, the median of five), the same with a warm cache, and how long the frames
took while the list was scrolled from end to end, with the most elements that were in the page meanwhile.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mediafm.catalog import Catalog, CatalogSpec, EncoderSpec, ShotRecord, TitleRecord, TitleSource
from mediafm.encoders import load_preset
from mediafm.types import Features, Metadata, Shot

TIME_BASE = Fraction(1, 24_000)
GENRES = ("Drama", "Comedy", "Thriller", "Documentary", "Science fiction")
PLACES = ("harbour", "station", "kitchen", "forest", "tower", "market", "desert", "school", "island", "court")
THINGS = ("letter", "storm", "stranger", "dog", "train", "secret", "song", "map", "wedding", "debt")

FRAMES = """
async () => {
  const list = document.querySelector('[data-scrolls]') ?? document.scrollingElement;
  const times = [];
  let most = 0, last = performance.now();
  const step = list.scrollHeight / 400;
  for (let i = 0; i < 400; i += 1) {
    list.scrollBy(0, step);
    await new Promise((done) => requestAnimationFrame(done));
    const now = performance.now();
    times.push(now - last);
    last = now;
    most = Math.max(most, document.querySelectorAll('*').length);
  }
  return { times, most, height: list.scrollHeight };
}
"""
STANDING = """
() => {
  const all = [...document.querySelectorAll('.poster img')];
  const found = all.filter((picture) => picture.getBoundingClientRect().top < innerHeight);
  return found.length > 5 && found.every((p) => p.complete && p.naturalWidth);
}
"""


def make_catalogue(uri: Path, titles: int, shots: int) -> None:
    """Random features, a line of words and a drawn picture for each shot."""
    random = np.random.default_rng(1)
    preset = load_preset("offline")
    encoders = {m: EncoderSpec(e.name, e.dim, e.fingerprint, e.licence) for m, e in preset.encoders.items()}
    catalog = Catalog.create(uri, CatalogSpec("offline", "none", encoders))
    pictures = [drawn(random) for _ in range(64)]
    with catalog.batch_writer() as batch:
        for number in range(titles):
            place, thing = PLACES[number % 10], THINGS[number // 10 % 10]
            title, name = f"title-{number:05}", f"The {thing} at the {place} {number}"
            spans = [Shot(i, i * 96_000, (i + 1) * 96_000, i * 96, (i + 1) * 96) for i in range(shots)]
            words = [f"A {THINGS[random.integers(10)]} in the {PLACES[random.integers(10)]}" for _ in range(shots)]
            records = [ShotRecord.from_shot(s, TIME_BASE, w, ()) for s, w in zip(spans, words, strict=True)]
            vectors = {m: unit(random.standard_normal((shots, e.dim), np.float32)) for m, e in encoders.items()}
            features = Features(vectors, {m: np.ones(shots, bool) for m in encoders})
            record = TitleRecord(
                title_id=title,
                time_base=TIME_BASE,
                end_pts=shots * 96_000,
                frames=shots * 96,
                width=320,
                height=180,
                fps=24.0,
                has_video=True,
                has_audio=True,
                has_text=True,
                metadata=Metadata(name, "", (), (GENRES[number % 5],), {"year": 1960 + number % 60}),
            )
            with batch.writer(title, TitleSource(f"/films/{title}.mkv", f"{number}", "")) as writer:
                writer.append(records, features, {i: pictures[(number * 7 + i) % 64] for i in range(shots)})
                writer.commit(record)


def unit(rows: Any) -> Any:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def drawn(random: np.random.Generator) -> bytes:
    """A picture as large, in pixels and bytes, as a film's."""
    coarse = random.integers(0, 256, (6, 10, 3), np.uint8)
    picture = cv2.resize(coarse, (320, 180), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    picture = np.clip(picture + random.integers(-6, 7, picture.shape), 0, 255).astype(np.uint8)
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1])


@contextmanager
def service(catalog: Path, port: int) -> Iterator[str]:
    """A real process of `mediafm serve`, killed at the end whatever happens."""
    command = [sys.executable, "-m", "mediafm", "serve", "--catalog", str(catalog), "--port", str(port)]
    process = subprocess.Popen(command)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/healthz", timeout=5).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit("The service did not start.") from None
                time.sleep(0.1)
        yield address
    finally:
        process.kill()
        process.wait()


def measured(address: str, chromium: str) -> dict[str, Any]:
    """All figures of a service that runs."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        cold, warm = [], []
        for _ in range(5):
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            page = context.new_page()
            cold.append(first_view(page, address))
            warm.append(first_view(page, address))
            found = page.evaluate(FRAMES) if len(cold) == 5 else {}
            context.close()
        browser.close()
    times = sorted(found["times"])
    return {
        "first_view_s": round(statistics.median(cold), 3),
        "first_view_all_s": [round(s, 3) for s in cold],
        "again_s": round(statistics.median(warm), 3),
        "frame_ms_p50": round(times[len(times) // 2], 1),
        "frame_ms_p95": round(times[int(len(times) * 0.95)], 1),
        "frame_ms_max": round(times[-1], 1),
        "most_elements": found["most"],
        "scrolled_px": found["height"],
    }


def first_view(page: Any, address: str) -> float:
    began = time.perf_counter()
    page.goto(f"{address}/", wait_until="commit")
    page.wait_for_function(STANDING, polling=10)
    return time.perf_counter() - began


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--titles", type=int, default=1000)
    parser.add_argument("--shots", type=int, default=60)
    parser.add_argument("--port", type=int, default=8791)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--make-only", action="store_true")
    given = parser.parse_args()
    catalog = given.folder / f"page-{given.titles}x{given.shots}"
    if not (catalog / "made").is_file():
        make_catalogue(catalog, given.titles, given.shots)
        (catalog / "made").touch()
    if given.make_only:
        return
    with service(catalog, given.port) as address:
        figures = measured(address, given.chromium)
    print(json.dumps({"titles": given.titles, "shots": given.titles * given.shots, **figures}, indent=2))


if __name__ == "__main__":
    main()
