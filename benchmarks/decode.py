"""Seconds that PyAV alone needs to decode a film's picture and sound: the floor that ingest is measured against.

python benchmarks/decode.py FILM [--runs N]
"""

import argparse
import time
from pathlib import Path

import av


def decode(path: Path) -> tuple[int, int]:
    """Decode everything with the threads that the reader uses; return pictures and audio frames."""
    pictures = sounds = 0
    with av.open(str(path)) as container:
        streams = [s[0] for s in (container.streams.video, container.streams.audio) if s]
        if container.streams.video:
            container.streams.video[0].thread_type = "AUTO"
        for packet in container.demux(streams):
            frames = len(packet.decode())
            if packet.stream.type == "video":
                pictures += frames
            else:
                sounds += frames
    return pictures, sounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    parser.add_argument("--runs", type=int, default=1)
    options = parser.parse_args()
    for _ in range(options.runs):
        wall, cpu = time.perf_counter(), time.process_time()
        pictures, sounds = decode(options.film)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{pictures} pictures, {sounds} audio frames: {wall:.2f} s wall, {cpu:.2f} s of CPU")


if __name__ == "__main__":
    main()
