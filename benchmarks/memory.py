"""Peak memory of an ingest by the length of the title.

    python benchmarks/memory.py [--minutes 10 120 720] [--detector auto] [--size 128 72] [--suffix .mp4]

One film of ten minutes is generated (a cut every few seconds, sound, words), and its packets are written one after
another into longer ones, so that a twelve-hour film takes seconds to make. Each length is ingested by a process of its
own into a catalog of its own; `peak_rss_mb` is the command's own peak and that of its reader together.

An MP4 keeps a table of every packet, which libav holds from start to end: some 100 MB at twelve hours. `--suffix .mkv`
shows what is our own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from mediafm.media import write_film, write_subtitles
from mediafm.types import Cue, ImageArray

FPS, MINUTES, RATE = 24, 10, 16_000


def pictures(size: tuple[int, int], rng: np.random.Generator) -> Iterator[ImageArray]:
    """Coarse noise that drifts, another after every two to eight seconds."""
    left = MINUTES * 60 * FPS
    while left:
        n = min(left, int(rng.integers(2 * FPS, 8 * FPS)))
        blocks = rng.integers(0, 256, (9, 40, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
        for i in range(n):
            yield np.ascontiguousarray(blocks[: size[1], i % 192 : i % 192 + size[0]])
        left -= n


def base_film(path: Path, size: tuple[int, int]) -> None:
    """Ten minutes."""
    rng = np.random.default_rng(0)
    t = np.arange(MINUTES * 60 * RATE) / RATE
    sound = 0.2 * np.sin(2 * np.pi * (200 + 100 * np.sin(t / 7)) * t) + 0.02 * rng.normal(size=len(t))
    write_film(path, Fraction(FPS), size, pictures(size, rng), sound.astype(np.float32), sample_rate=RATE)


def repeated(source: Path, path: Path, times: int) -> None:
    """The film's packets `times` times over, each round behind the one before."""
    with av.open(str(path), "w") as out, av.open(str(source)) as first:
        streams = {s.index: out.add_stream_from_template(s) for s in first.streams}
        for number in range(times):
            with av.open(str(source)) as film:
                for packet in film.demux():
                    if packet.dts is None:
                        continue
                    shift = round(number * (MINUTES * 60 + Fraction(1, 4)) / packet.time_base)  # with room to overlap
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = streams[packet.stream.index]
                    out.mux(packet)
    words = [Cue(1000 * s, 1000 * s + 1500, f"It is {s} seconds past.") for s in range(0, times * MINUTES * 60, 20)]
    write_subtitles(path.with_suffix(".srt"), words)


def ingest(film: Path, catalog: Path, detector: str) -> dict[str, float]:
    command = [sys.executable, "-m", "mediafm", "ingest", str(film), "--catalog", str(catalog), "--detector", detector]
    run = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(run.stdout)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, nargs="+", default=[10, 120, 720])
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--size", type=int, nargs=2, default=[128, 72])
    parser.add_argument("--suffix", default=".mp4")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base.mp4"
        base_film(base, (options.size[0], options.size[1]))
        for minutes in options.minutes:
            film = Path(folder) / f"film{minutes}{options.suffix}"
            repeated(base, film, max(1, minutes // MINUTES))
            began = time.monotonic()
            result = ingest(film, Path(folder) / f"catalog{minutes}", options.detector)
            row = {"minutes": minutes, "shots": result["shots"], "peak_rss_mb": result["peak_rss_mb"]}
            print(json.dumps({**row, "seconds": round(time.monotonic() - began, 1)}), flush=True)


if __name__ == "__main__":
    main()
