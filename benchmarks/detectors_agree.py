"""Does `auto` find what `transnet` finds, and what is true? On films, and on reels whose transitions are known.

    python benchmarks/detectors_agree.py [film.mp4 ...] [--reels 12] [--reel-seconds 300] [--frames 2000] > result.json

Cuts count after the tiler's rule (no shot below 3 frames) and agree within 2 frames; a known transition is found by a
cut within its frames, 2 more on either side. `share` is frames shown to the network over frames of the film. TransNetV2
over an hour takes half an hour of a core: `--frames` looks at the start of every reel only.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2

from mediafm.media import Picture, open_title
from mediafm.shots import ShotTiler, make_detector
from mediafm.shots.auto import AutoDetector
from mediafm.synthetic.reels import Matches, ReelPlan, match_cuts, plan_reels, reel_frames
from mediafm.types import ImageArray

Films = Iterable[tuple[str, list[ImageArray], ReelPlan | None]]


def real(paths: list[Path]) -> Films:
    for path in paths:
        with open_title(path) as reader:
            yield path.name, [p.rgb(48, 27, scaling="bicubic") for p in reader if isinstance(p, Picture)], None


def made(seed: int, reels: int, seconds: float, limit: int) -> Films:
    for k, plan in enumerate(plan_reels(seed, reels * seconds / 60, seconds)):
        pictures = (frame for frame, _ in zip(reel_frames(plan), range(limit), strict=False))
        yield f"reel-{k:02d}", [cv2.resize(f, (48, 27), interpolation=cv2.INTER_AREA) for f in pictures], plan


def run(name: str, frames: list[ImageArray]) -> tuple[list[int], dict[str, Any]]:
    """First frames of the shots but the first, and what it took."""
    detector = make_detector(name)
    tiler = ShotTiler(Fraction(1, 25))
    began = time.process_time()
    shots = []
    for k, image in enumerate(frames):
        tiler.frame(k, k, 1)
        for cut in detector.push(k, Fraction(k, 25), image):
            tiler.cut(cut)
        shots += tiler.settled(k - detector.latency)
    for cut in detector.finish():
        tiler.cut(cut)
    shots += tiler.finish(len(frames), len(frames))
    facts: dict[str, Any] = {"cpu_s": round(time.process_time() - began, 2)}
    if isinstance(detector, AutoDetector):
        facts["frames_seen"] = detector.frames_seen
    return [shot.start_frame for shot in shots[1:]], facts


def counts(matches: Matches) -> dict[str, Any]:
    return {
        "f1": round(matches.f1, 4),
        "found": matches.found,
        "missed": len(matches.missed),
        "extra": len(matches.extra),
    }


def f1(rows: list[dict[str, Any]]) -> float:
    found, wrong = sum(r["found"] for r in rows), sum(r["missed"] + r["extra"] for r in rows)
    return round(2 * found / max(1, 2 * found + wrong), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="*", type=Path)
    parser.add_argument("--reels", type=int, default=0)
    parser.add_argument("--reel-seconds", type=float, default=300.0)
    parser.add_argument("--frames", type=int, default=1 << 30, help="of each reel")
    parser.add_argument("--seed", type=int, default=1, help="of the reels; 2 is what auto was trained on")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    rows = []
    for part in (real(args.films), made(args.seed, args.reels, args.reel_seconds, args.frames) if args.reels else []):
        for name, frames, plan in part:
            row: dict[str, Any] = {"film": name, "frames": len(frames)}
            cuts = {}
            for detector in ("auto", "transnet"):
                cuts[detector], row[detector] = run(detector, frames)
            row["agree"] = counts(match_cuts([(c, c) for c in cuts["transnet"]], cuts["auto"]))
            row["share"] = round(row["auto"]["frames_seen"] / len(frames), 3)
            if plan is not None:
                known = [span for span in plan.spans if span[1] < len(frames) - 3]
                row["truth"] = {detector: counts(match_cuts(known, found)) for detector, found in cuts.items()}
            rows.append(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
    truths = [row["truth"] for row in rows if "truth" in row]
    summary: dict[str, Any] = {
        "agree": f1([row["agree"] for row in rows]),
        "share": round(sum(r["auto"]["frames_seen"] for r in rows) / max(1, sum(r["frames"] for r in rows)), 3),
        "truth": {name: f1([truth[name] for truth in truths]) for name in ("auto", "transnet") if truths},
    }
    print(json.dumps({"summary": summary, "films": rows}, indent=1))


if __name__ == "__main__":
    main()
