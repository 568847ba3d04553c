"""Marks as plain text: a table of shots, chapters and hits with timecode; chapters for FFmpeg and for players."""

import csv
import re
from collections.abc import Iterator

from mediafm.errors import CatalogError
from mediafm.export.hits import Hit
from mediafm.export.job import Job
from mediafm.export.naming import file_name
from mediafm.export.timing import clock_of, span_of, spans_of
from mediafm.export.titles import Title


def write_markers(job: Job) -> None:
    """`markers.csv`: title_id, kind (shot, chapter, hit), name, start_s, end_s, in, out, first_frame, end_frame, rate.

    in and out are non-drop timecode; they and the frames are empty for titles of no constant picture rate.
    """
    columns = ["title_id", "kind", "name", "start_s", "end_s", "in", "out", "first_frame", "end_frame", "rate"]
    with (job.folder / "markers.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for title in job.titles:
            clock, length = clock_of(title), 0
            if clock.constant:
                length = int(spans_of(title, clock)[-1, 1])
            else:
                job.tell("without_timecode", title.record.title_id)
            for kind, name, start_s, end_s in _marks(job, title):
                row: list[object] = ["", "", "", "", ""]
                if clock.constant:
                    first, end = span_of(start_s, end_s, clock, length)
                    row = [clock.timecode(first), clock.timecode(end), first, end, str(clock.rate)]
                writer.writerow([title.record.title_id, kind, _cell(name), f"{start_s:.6f}", f"{end_s:.6f}", *row])


def write_chapters(job: Job) -> None:
    """`TITLE.ffmetadata` for `ffmpeg -i FILM -i FILE -map_chapters 1 -c copy`, and `TITLE.vtt` for players.

    Titles without chapters are told by the job; CatalogError where none has any.
    """
    for title in job.titles:
        chapters = job.chapters_of(title)
        if not chapters:
            job.tell("without_chapters", title.record.title_id)
            continue
        name = file_name(title.record.title_id)
        (job.folder / f"{name}.ffmetadata").write_text("\n".join(_ffmetadata(title, chapters)) + "\n", "utf-8")
        (job.folder / f"{name}.vtt").write_text("\n".join(_webvtt(chapters)) + "\n", "utf-8")
    if not any(job.folder.iterdir()):
        raise CatalogError(
            "None of these titles has chapters.",
            "Hand some in by --chapters FILE, a JSON file of title, start_s, end_s.",
        )


def _marks(job: Job, title: Title) -> Iterator[tuple[str, str, float, float]]:
    starts, ends = title.shots["start_s"].to_pylist(), title.shots["end_s"].to_pylist()
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        yield "shot", f"shot {number}", start, end
    for chapter in job.chapters_of(title):
        yield "chapter", chapter.text or f"chapter {chapter.rank}", chapter.start_s, chapter.end_s
    for hit in job.hits_of(title):
        yield "hit", f"hit {hit.rank} {hit.text}".strip(), hit.start_s, hit.end_s


def _ffmetadata(title: Title, chapters: list[Hit]) -> Iterator[str]:
    """FFmpeg's own form of metadata: https://ffmpeg.org/ffmpeg-formats.html#Metadata-1."""
    yield ";FFMETADATA1"
    for chapter in chapters:
        yield "[CHAPTER]"
        yield "TIMEBASE=1/1000000"
        yield f"START={round(chapter.start_s * 1e6)}"
        yield f"END={round(chapter.end_s * 1e6)}"
        yield f"title={_escaped(chapter.text or f'Chapter {chapter.rank}')}"


def _webvtt(chapters: list[Hit]) -> Iterator[str]:
    yield "WEBVTT"
    for chapter in chapters:
        name = " ".join((chapter.text or f"Chapter {chapter.rank}").split())
        yield f"\n{chapter.rank}\n{_time(chapter.start_s)} --> {_time(chapter.end_s)}"
        yield name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _escaped(text: str) -> str:
    return re.sub(r"([=;#\\])", r"\\\1", " ".join(text.split()))


def _time(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"


def _cell(text: str) -> str:
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
