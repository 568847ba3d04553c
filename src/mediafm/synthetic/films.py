"""Plans into playable films: pictures, sound and subtitles of one title, and whole catalogues in a folder."""

import json
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import cv2

from mediafm.errors import UsageError
from mediafm.media import FilmOptions, write_film, write_subtitles
from mediafm.progress import SILENT, Progress
from mediafm.synthetic.picture import SIZE, title_frames
from mediafm.synthetic.plan import FPS, TitlePlan
from mediafm.synthetic.sound import LEAD_MS, TAIL_MS, title_samples
from mediafm.synthetic.story import plan_catalogue
from mediafm.synthetic.tones import RATE
from mediafm.synthetic.truth import write_csv, write_truth
from mediafm.types import Cue, FloatArray, ImageArray

# Changes whenever the same seed gives other films: a folder made by another version is not mixed with this one's.
VERSION = 1
ENCODING = FilmOptions(codec_options={"preset": "ultrafast", "crf": "24"})  # quick rather than small


@dataclass(frozen=True, slots=True)
class RenderedTitle:
    """A film in memory: frames come one by one, uint8 [height, width, 3] at `fps`; samples float32 [n] mono."""

    fps: int
    size: tuple[int, int]  # width, height
    frames: Iterator[ImageArray]
    samples: FloatArray
    sample_rate: int
    cues: tuple[Cue, ...]


def render_title(plan: TitlePlan, size: tuple[int, int] = SIZE) -> RenderedTitle:
    """Picture, sound and subtitles of a plan. Same plan and size, same bytes."""
    return RenderedTitle(FPS, size, title_frames(plan, size), title_samples(plan), RATE, title_cues(plan))


def title_cues(plan: TitlePlan) -> tuple[Cue, ...]:
    """The subtitles: at most one cue a shot, well inside its shot."""
    cues = []
    for shot in plan.shots:
        text = f"{shot.sound} {shot.line}".strip()
        if text:
            start = -(-1000 * shot.start_frame // FPS) + LEAD_MS
            cues.append(Cue(start, 1000 * shot.end_frame // FPS - TAIL_MS, text))
    return tuple(cues)


def write_catalogue(
    folder: Path,
    seed: int = 0,
    titles: int = 24,
    shots_per_title: int = 72,
    workers: int = 2,
    progress: Progress = SILENT,
) -> list[Path]:
    """Write `film-01.mp4`, `film-01.en.srt` ..., `metadata.csv` and `truth/`; returns the films' paths in order.

    Films that are there already are kept, so a broken run goes on where it stopped. Raises UsageError where the folder
    holds a catalogue of another seed or shape. `workers` > 1 renders that many films at once in processes of their own.
    """
    plans = plan_catalogue(seed, titles, shots_per_title)
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder, {"version": VERSION, "seed": seed, "shots_per_title": shots_per_title})
    write_truth(folder / "truth", plans)
    write_csv(folder / "metadata.csv", [_metadata(plan) for plan in plans])
    paths = [_film_path(folder, plan) for plan in plans]
    missing = [plan for plan, path in zip(plans, paths, strict=True) if not path.exists()]
    progress.start("render", len(missing), "films")
    if workers == 1 or len(missing) <= 1:
        for plan in missing:
            _write_title(folder, plan)
            progress.advance(1, title=plan.title_id)
    else:
        _write_in_processes(folder, missing, workers, progress)
    progress.end(films=len(paths))
    return paths


def _claim(folder: Path, settings: dict[str, int]) -> None:
    """Note what the folder holds, or refuse to mix two catalogues."""
    note = folder / "truth" / "catalogue.json"
    if note.exists():
        held = json.loads(note.read_text(encoding="utf-8"))
        if held != settings:
            raise UsageError(
                f"{folder} holds a synthetic catalogue made with {held}, not {settings}.",
                "Name another folder or remove this one.",
            )
        return
    note.parent.mkdir(exist_ok=True)
    note.write_text(json.dumps(settings), encoding="utf-8")


def _film_path(folder: Path, plan: TitlePlan) -> Path:
    return folder / f"{plan.title_id}.mp4"


def _metadata(plan: TitlePlan) -> dict[str, str | int]:
    return {
        "title": plan.title_id,
        "name": plan.name,
        "synopsis": plan.synopsis,
        "tags": "; ".join(plan.tags),
        "genres": plan.genre,
        "year": plan.year,
    }


def _write_title(folder: Path, plan: TitlePlan) -> None:
    """Render one film. Its subtitles come first and a film appears whole, so a film that is there is finished."""
    title = render_title(plan)
    write_subtitles(folder / f"{plan.title_id}.en.srt", list(title.cues))
    path = _film_path(folder, plan)
    write_film(path, title.fps, title.size, title.frames, title.samples, title.sample_rate, options=ENCODING)


def _write_one(folder: Path, plan: TitlePlan) -> str:
    """What a worker process does: its own OpenCV keeps to one thread, for the films already share the cores."""
    cv2.setNumThreads(1)
    _write_title(folder, plan)
    return plan.title_id


def _write_in_processes(folder: Path, plans: Sequence[TitlePlan], workers: int, progress: Progress) -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        futures = [pool.submit(_write_one, folder, plan) for plan in plans]
        try:
            for future in as_completed(futures):
                progress.advance(1, title=future.result())
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
