"""How fast each detector is and what it finds.

    python benchmarks/detectors.py film.mp4 ... [--detectors content transnet] [--set min_score=10] > result.json

For every film: the seconds of a bare decode loop (PyAV, all threads, pictures only), and for every detector the seconds
of reading the film through `open_title` with the detector and the tiler at work, the ratio of the two, the cuts and the
number of shots. One JSON document on standard output; a line for each run on standard error.
"""

import argparse
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

import av
import numpy as np

from mediafm.media import Picture, open_title
from mediafm.shots import DETECTORS, Detector, ShotTiler, make_detector

NO_IMAGE = np.empty((0, 0, 3), np.uint8)


def bare_decode(path: Path) -> dict[str, Any]:
    began = time.perf_counter()
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        frames = sum(1 for _ in container.decode(video=0))
    return {"frames": frames, "seconds": round(time.perf_counter() - began, 3)}


def detect(path: Path, detector: Detector) -> dict[str, Any]:
    """One pass over the film, as ingest makes it but without encoders."""
    began = time.perf_counter()
    looking = 0.0
    cuts: list[int] = []
    shots = 0
    with open_title(path) as reader:
        track = reader.info.video
        assert track is not None, f"{path} has no picture"
        width, height = detector.frame_size(track.display_width, track.display_height)
        tiler = ShotTiler(reader.time_base)
        for item in reader:
            if not isinstance(item, Picture):
                continue
            tiler.frame(item.index, item.pts, item.duration_pts)
            image = item.rgb(width, height, scaling=detector.scaling) if width else NO_IMAGE
            entered = time.perf_counter()
            found = detector.push(item.index, item.pts * reader.time_base, image)
            looking += time.perf_counter() - entered
            for cut in found:
                tiler.cut(cut)
            cuts += found
            shots += len(tiler.settled(item.index - detector.latency))
        entered = time.perf_counter()
        found = detector.finish()
        looking += time.perf_counter() - entered
        for cut in found:
            tiler.cut(cut)
        cuts += found
        shots += len(tiler.finish(reader.end_pts, reader.frames_read))
    seconds = time.perf_counter() - began
    return {
        "seconds": round(seconds, 3),
        "detector_seconds": round(looking, 3),
        "fingerprint": detector.fingerprint,
        "frames": reader.frames_read,
        "shots": shots,
        "cuts": cuts,
    }


def option(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    return name, float(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="+", type=Path)
    parser.add_argument("--detectors", nargs="+", choices=DETECTORS, default=list(DETECTORS))
    parser.add_argument("--set", nargs="*", type=option, default=[], help="option=number, for all chosen detectors")
    args = parser.parse_args()
    films = []
    for path in args.films:
        bare = bare_decode(path)
        print(f"{path.name}: bare decode {bare['seconds']} s, {bare['frames']} frames", file=sys.stderr)
        runs = {}
        for name in args.detectors:
            detector = make_detector(name, **dict(args.set))  # loading is not timed
            runs[name] = detect(path, detector)
            runs[name]["ratio_to_bare_decode"] = round(runs[name]["seconds"] / bare["seconds"], 2)
            seconds, cuts = runs[name]["seconds"], len(runs[name]["cuts"])
            print(f"{path.name}: {name} {seconds} s, {cuts} cuts", file=sys.stderr)
        films.append({"film": path.name, "bare_decode": bare, "detectors": runs})
    print(json.dumps({"machine": platform.processor() or platform.machine(), "films": films}, indent=1))


if __name__ == "__main__":
    main()
