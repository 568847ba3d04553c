"""CMX 3600 edit decision lists, the old common ground of editing programs: a list of shots, and one of markers.

An EDL knows pictures and timecode only. Numbers are counted through (non-drop), also at 29.97 and 59.94. Programs begin
a timeline at one hour as a rule, so that is where ours begin.
"""

from collections.abc import Iterator

from mediafm.export.hits import Hit
from mediafm.export.job import Job
from mediafm.export.naming import file_name
from mediafm.export.timing import Clock, clock_of, span_of, spans_of
from mediafm.export.titles import Title, film_of

_FASTEST = 120  # pictures a second that a timecode can count with two or three digits


def write_edit_lists(job: Job) -> None:
    """`TITLE.edl` with an event a shot, and `TITLE.markers.edl` where a title has chapters or hits.

    A title whose pictures come at no constant rate has no timecode: it is left out and told by the job.
    """
    for title in job.titles:
        clock = clock_of(title)
        if not clock.constant or clock.rate > _FASTEST:
            job.tell("left_out_without_constant_rate", title.record.title_id)
            continue
        name = file_name(title.record.title_id)
        (job.folder / f"{name}.edl").write_text("\n".join(_cuts(title, clock)) + "\n", "utf-8")
        marks = [(chapter, "Green", chapter.text or f"chapter {chapter.rank}") for chapter in job.chapters_of(title)]
        marks += [(hit, "Red", f"hit {hit.rank} {hit.text}".strip()) for hit in job.hits_of(title)]
        if marks:
            lines = [*_header(title), *_markers(title, clock, marks)]
            (job.folder / f"{name}.markers.edl").write_text("\n".join(lines) + "\n", "utf-8")


def _header(title: Title) -> list[str]:
    return [f"TITLE: {_line(title.record.metadata.name or title.record.title_id)}", "FCM: NON-DROP FRAME", ""]


def _cuts(title: Title, clock: Clock) -> Iterator[str]:
    """An event a shot: where it is in the film, and in a timeline that holds the whole film."""
    yield from _header(title)
    name = _line(film_of(title.record).replace("\\", "/").rpartition("/")[2] or title.record.title_id)
    for number, (first, end) in enumerate(spans_of(title, clock).tolist(), start=1):
        yield _event(number, "V", clock, (first, end), (first, end))
        yield f"* FROM CLIP NAME: {name}"


def _markers(title: Title, clock: Clock, marks: list[tuple[Hit, str, str]]) -> Iterator[str]:
    """Events of one picture with a note, the form in which DaVinci Resolve writes and reads timeline markers."""
    length = int(spans_of(title, clock)[-1, 1])
    found = [(span_of(hit.start_s, hit.end_s, clock, length), colour, name) for hit, colour, name in marks]
    for number, ((first, end), colour, name) in enumerate(sorted(found), start=1):
        yield _event(number, "V", clock, (first, first + 1), (first, first + 1), source_hour=1)
        yield f" |C:ResolveColor{colour} |M:{_line(name).replace('|', '/')[:120]} |D:{end - first}"


def _event(
    number: int,
    track: str,
    clock: Clock,
    source: tuple[int, int],
    record: tuple[int, int],
    source_hour: int = 0,
) -> str:
    hour = 3600 * round(clock.rate)
    times = [*(n + source_hour * hour for n in source), *(n + hour for n in record)]
    return f"{number:03}  001      {track}     C        {' '.join(map(clock.timecode, times))}"


def _line(text: str) -> str:
    return " ".join(text.split())
