"""How soon a shot of a live event is in the catalog, and whether the end is the ingest of the whole.

    python benchmarks/live.py sintel --films ../shared/data/films [--speed 8] [--form mkv|ts]
    python benchmarks/live.py event [--minutes 30] [--speed 30]

`sintel` is the trailer with its subtitles, remuxed to Matroska or converted to MPEG-TS; `event` is generated: shots of
two to twelve seconds, a tone, and words all the way. A recorder writes the file packet by packet at its own pace, times
`--speed`, and each cue `--cue-lag` seconds of the event after it was said. `mediafm ingest --live` follows in a process
of its own; the event begins when it is ready. This one looks into the catalog five times a second.

Delay of a shot: from the moment its last packet was written until the shot was seen in the catalog, in seconds of the
clock on the wall. With speed s, what waits for further pictures (the detector, the keyframe) takes a share 1/s of what
it takes at the event's own pace. Shots that nothing but the end makes certain wait for the mark that the recorder
leaves when the last words have come, and are counted from there, as `after_end_s`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from mediafm.catalog import Catalog
from mediafm.ingest import ingest
from mediafm.media import FilmOptions, read_cue_file, write_film, write_subtitles
from mediafm.types import Cue, ImageArray

FPS, SIZE = 12, (96, 64)


def main() -> None:
    """Run one case and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=["sintel", "event"])
    parser.add_argument("--films", type=Path, default=Path("../shared/data/films"))
    parser.add_argument("--form", choices=["mkv", "ts"], default="mkv")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--cue-lag", type=float, default=8.0)
    parser.add_argument("--detector", default="")
    parser.add_argument("--idle", type=float, default=600.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mediafm-live-") as folder:
        print(json.dumps(run(given, Path(folder))))


def run(given: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Make the event, follow it, ingest the whole, compare."""
    whole = folder / "whole" / f"event.{given.form}"
    whole.parent.mkdir()
    cues = make_sintel(given.films, whole) if given.case == "sintel" else make_event(whole, given.minutes)
    write_subtitles(whole.with_suffix(".en.vtt"), cues)
    growing, catalog = folder / whole.name, folder / "live"
    plan = packets_of(whole)
    growing.touch()
    command = [sys.executable, "-m", "mediafm", "ingest", "--live", str(growing), "-c", str(catalog), "--json"]
    command += ["--idle", str(given.idle), *(["--detector", given.detector] if given.detector else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        ready = next((line for line in process.stderr if '"note": "following' in line), "")
        assert ready, "it did not begin"
        threading.Thread(target=process.stderr.read, daemon=True).start()
        began = time.monotonic()
        for write, task in ((whole, plan), (None, cues)):
            target = write_packets if write is not None else write_cues
            threading.Thread(target=target, args=(growing, task, whole, given, began), daemon=True).start()
        seen = watch(catalog, process)
        document = json.loads(process.communicate()[0])
    ingest([whole], str(folder / "offline"), detector=given.detector)
    live, offline = Catalog.open(str(catalog)), Catalog.open(str(folder / "offline"))
    ends = [shot.end_s for shot in live.shots("event")]
    marked = began + mark_after(whole, cues, given)
    before = [(when, end) for when, end in zip(seen, ends, strict=False) if when < marked]
    delays = [when - (began + end / given.speed) for when, end in before]
    told = [shot for shot in live.shots("event") if shot.text]
    return {
        "case": given.case,
        "form": given.form,
        "speed": given.speed,
        "seconds_of_event": round(ends[-1], 1),
        "shots": len(ends),
        "shots_with_words": len(told),
        "delay_p50_s": round(float(np.median(delays)), 2),
        "delay_p90_s": round(float(np.quantile(delays, 0.9)), 2),
        "delay_max_s": round(max(delays), 2),
        "delay_in_event_p50_s": round(float(np.median(delays)) * given.speed, 1),
        "shots_after_end": len(ends) - len(before),
        "after_end_s": round(seen[-1] - marked, 2),
        "ended": document["live"]["ended"],
        "seconds": document["seconds"],
        "peak_rss_mb": document["peak_rss_mb"],
        "catalog_mb": [round((c.info()["disk_bytes"] or 0) / 1e6, 1) for c in (live, offline)],
        "differences": differences(live, offline),
        "problems": live.verify(),
    }


def make_sintel(films: Path, whole: Path) -> list[Cue]:
    """The trailer in a form that can be read while it is written."""
    film = films / "sintel_trailer.webm"
    if whole.suffix == ".mkv":
        with av.open(str(film)) as read, av.open(str(whole), "w", options={"live": "1"}) as written:
            streams = {s.index: written.add_stream_from_template(s) for s in read.streams}
            for packet in read.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    written.mux(packet)
    else:
        convert(film, whole)
    length_ms = 1000 * packets_of(whole)[-1][1]  # the file at hand ends before its words do
    return [cue for cue in read_cue_file(films / "sintel_trailer.en.vtt").cues if cue.end_ms <= length_ms]


def convert(film: Path, whole: Path) -> None:
    """H.264 and AAC, times as they were."""
    clock = Fraction(1, 90_000)
    with av.open(str(film)) as read, av.open(str(whole), "w") as written:
        picture, sound = read.streams.video[0], read.streams.audio[0]
        video = written.add_stream("libx264", rate=24, options={"preset": "veryfast", "g": "24"})
        video.width, video.height, video.pix_fmt = picture.width // 2 * 2, picture.height // 2 * 2, "yuv420p"
        video.codec_context.time_base = clock
        audio = written.add_stream("aac", rate=48_000)
        audio.layout = "stereo"
        resampler, at = av.AudioResampler("fltp", "stereo", 48_000), 0
        for packet in read.demux(picture, sound):
            for frame in packet.decode():
                if isinstance(frame, av.VideoFrame):
                    frame.pts, frame.time_base = round(frame.pts * picture.time_base / clock), clock
                    frame.pict_type = 0
                    written.mux(video.encode(frame))
                    continue
                for part in resampler.resample(frame):
                    part.pts, part.time_base, at = at, Fraction(1, 48_000), at + part.samples
                    written.mux(audio.encode(part))
        for stream in (video, audio):
            written.mux(stream.encode(None))


def make_event(whole: Path, minutes: float) -> list[Cue]:
    """Shots of two to twelve seconds of drifting noise, and a cue every five seconds or so."""
    rng = np.random.default_rng(6)
    seconds = minutes * 60

    def pictures() -> Iterator[ImageArray]:
        left = int(seconds * FPS)
        while left > 0:
            n = min(left, int(rng.integers(2 * FPS, 12 * FPS)))
            still = rng.integers(0, 256, (4, 12, 3), np.uint8).repeat(16, axis=0).repeat(16, axis=1)
            for k in range(n):
                yield np.ascontiguousarray(still[:, k % SIZE[0] : k % SIZE[0] + SIZE[0]])
            left -= n

    sound = (0.2 * np.sin(np.arange(int(seconds * 16_000)) * 0.17)).astype(np.float32)
    options = FilmOptions(codec_options={"preset": "ultrafast", "g": "24", "bf": "0"})
    write_film(whole, FPS, SIZE, pictures(), sound, 16_000, options=options)
    starts = np.cumsum(rng.uniform(3_000, 7_000, int(seconds / 5))).astype(int)
    return [Cue(int(t), int(t) + 2_000, f"This is sentence {n}.") for n, t in enumerate(starts) if t < 1000 * seconds]


def packets_of(whole: Path) -> list[tuple[int, float]]:
    """(where a packet begins in the file, its time in seconds from the first one's), in the order of the file."""
    with av.open(str(whole)) as container:
        found = [
            (p.pos, float(p.dts * p.time_base)) for p in container.demux() if p.dts is not None and p.pos is not None
        ]
    first = min(time for _, time in found)
    return sorted((at, time - first) for at, time in found if at >= 0)


def write_packets(
    growing: Path, plan: list[tuple[int, float]], whole: Path, given: argparse.Namespace, began: float
) -> None:
    """Write the file as a recorder would: a packet when its time has come."""
    data, done = whole.read_bytes(), 0
    times = np.maximum.accumulate([time for _, time in plan]).tolist()
    with growing.open("ab", buffering=0) as file:
        while done < len(data):
            due = bisect_right(times, (time.monotonic() - began) * given.speed)
            until = plan[due][0] if due < len(plan) else len(data)
            if until > done:
                file.write(data[done:until])
                done = until
            time.sleep(0.02)
    after = mark_after(whole, read_cue_file(whole.with_suffix(".en.vtt")).cues, given)
    time.sleep(max(0.0, began + after - time.monotonic()))
    growing.with_name(growing.name + ".done").touch()


def mark_after(whole: Path, cues: Sequence[Cue], given: argparse.Namespace) -> float:
    """When the recorder says that the event is over, in seconds of the clock from its beginning."""
    last = max(cue.end_ms for cue in cues) / 1000 + given.cue_lag
    return 1 + max(last, packets_of(whole)[-1][1]) / float(given.speed)


def write_cues(growing: Path, cues: list[Cue], whole: Path, given: argparse.Namespace, began: float) -> None:
    """Write the words so far, each some seconds after it was said."""
    written, path = 0, growing.with_suffix(".en.vtt")
    ends = [cue.end_ms / 1000 + given.cue_lag for cue in cues]
    while written < len(cues):
        due = bisect_right(ends, (time.monotonic() - began) * given.speed)
        if due > written:
            write_subtitles(path, cues[:due])
            written = due
        time.sleep(0.1)


def watch(catalog: Path, process: "subprocess.Popen[str]") -> list[float]:
    """When each shot was first seen."""
    seen: list[float] = []
    opened = None
    while True:
        ended = process.poll() is not None
        if opened is None and (catalog / "embedding_sets.lance").exists():
            opened = Catalog.open(str(catalog))
        if opened is not None:
            n = sum(record.n_shots for record in opened.titles())
            seen += [time.monotonic()] * (n - len(seen))
        if ended:
            return seen
        time.sleep(0.2)


def differences(live: Catalog, offline: Catalog) -> list[str]:
    """What of the event is not as ingest of the whole has it; nothing, if all is well."""
    found = []
    if live.shots("event") != offline.shots("event"):
        found.append("shots or words")
    mine, theirs = live.features("event"), offline.features("event")
    for modality in mine.vectors:
        if mine.vectors[modality].tobytes() != theirs.vectors[modality].tobytes():
            found.append(f"{modality} vectors")
    a, b = live.title_record("event"), offline.title_record("event")
    names = ("time_base", "end_pts", "frames", "n_shots", "width", "height", "fps", "has_text", "warning", "extra")
    found += [name for name in names if getattr(a, name) != getattr(b, name)]
    pictures = range(a.n_shots)
    if any(live.keyframe("event", shot) != offline.keyframe("event", shot) for shot in pictures):
        found.append("keyframes")
    return found


if __name__ == "__main__":
    main()
