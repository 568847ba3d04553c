"""OpenTimelineIO: a timeline a title, its shots as clips of the film, and markers for shots, chapters and hits.

The only home of `opentimelineio` (the extra `export`). Times are exact: counts of pictures at the film's own rate, or,
where pictures come at no constant rate, ticks of its time base.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediafm.errors import UsageError
from mediafm.export.hits import Hit
from mediafm.export.job import Job
from mediafm.export.naming import file_name
from mediafm.export.timing import Clock, about, clock_of, length_of, span_of, spans_of
from mediafm.export.titles import Title, film_of
from mediafm.storage import is_remote

if TYPE_CHECKING:
    import opentimelineio

_MINE = "mediafm"  # the key of our metadata


def write_timelines(job: Job) -> None:
    """`TITLE.otio` for every title. Titles without film get clips without media, and are told as such by the job."""
    otio = _library()
    for title in job.titles:
        clock = clock_of(title)
        if not clock.constant:
            job.tell("counted_in_ticks", title.record.title_id)
        timeline = _Timeline(otio, title, clock).build(job.chapters_of(title), job.hits_of(title))
        timeline.metadata[_MINE]["made_by"] = _made_by(job)
        otio.adapters.write_to_file(timeline, str(job.folder / f"{file_name(title.record.title_id)}.otio"))


def _library() -> Any:
    try:
        import opentimelineio
    except ImportError as error:
        raise UsageError(
            "Timelines need OpenTimelineIO, which is not installed.", "pip install 'mediafm[export]'"
        ) from error
    return opentimelineio


def _made_by(job: Job) -> dict[str, str]:
    spec = job.selection.catalog.spec
    return {"preset": spec.preset, "detector": spec.detector}


class _Timeline:
    """One title on its way to a timeline."""

    def __init__(self, otio: Any, title: Title, clock: Clock) -> None:
        self._otio, self._title, self._clock = otio, title, clock
        self._rate = float(clock.rate)
        self._spans = [(int(first), int(end)) for first, end in spans_of(title, clock)]
        self._length = self._spans[-1][1]
        self._texts: list[str] = title.shots["text"].to_pylist()

    def build(self, chapters: list[Hit], hits: list[Hit]) -> "opentimelineio.schema.Timeline":
        otio, record = self._otio, self._title.record
        timeline = otio.schema.Timeline(record.metadata.name or record.title_id)
        timeline.global_start_time = self._time(0)
        timeline.metadata[_MINE] = {"title_id": record.title_id, **about(self._clock, self._title)}
        kinds = {"Video": record.has_video, "Audio": record.has_audio}
        for kind in [kind for kind, held in kinds.items() if held] or ["Video"]:
            timeline.tracks.append(self._track(kind))
        colours = otio.schema.MarkerColor
        for number, span in enumerate(self._spans):
            facts = {"kind": "shot", "shot": number, "text": self._texts[number]}
            timeline.tracks.markers.append(self._marker(f"shot {number}", span, colours.WHITE, facts))
        for chapter in chapters:
            facts = {"kind": "chapter", "start_s": chapter.start_s, "end_s": chapter.end_s}
            name = chapter.text or f"chapter {chapter.rank}"
            timeline.tracks.markers.append(self._marker(name, self._span(chapter), colours.GREEN, facts))
        for hit in hits:
            facts = {"kind": "hit", **{k: v for k, v in hit.as_row().items() if v is not None and k != "title_id"}}
            timeline.tracks.markers.append(self._marker(f"hit {hit.rank}", self._span(hit), colours.RED, facts))
        return timeline

    def _track(self, kind: str) -> "opentimelineio.schema.Track":
        track = self._otio.schema.Track(kind, kind=kind)
        for number, (first, end) in enumerate(self._spans):
            clip = self._otio.schema.Clip(f"shot {number}", self._media(), self._range(first, end))
            clip.metadata[_MINE] = {"shot": number, "text": self._texts[number]}
            track.append(clip)
        return track

    def _media(self) -> "opentimelineio.core.MediaReference":
        film = film_of(self._title.record)
        whole = self._range(0, max(self._length, length_of(self._title.record, self._clock)))
        if not film:
            return self._otio.schema.MissingReference(name=self._title.record.title_id, available_range=whole)
        address = film if is_remote(film) else Path(film).absolute().as_uri()
        return self._otio.schema.ExternalReference(target_url=address, available_range=whole)

    def _marker(
        self, name: str, span: tuple[int, int], colour: str, facts: dict[str, Any]
    ) -> "opentimelineio.schema.Marker":
        marked = self._range(*span)
        return self._otio.schema.Marker(name=name, marked_range=marked, color=colour, metadata={_MINE: facts})

    def _span(self, hit: Hit) -> tuple[int, int]:
        return span_of(hit.start_s, hit.end_s, self._clock, self._length)

    def _range(self, first: int, end: int) -> "opentimelineio.opentime.TimeRange":
        return self._otio.opentime.TimeRange(self._time(first), self._time(end - first))

    def _time(self, count: int) -> "opentimelineio.opentime.RationalTime":
        return self._otio.opentime.RationalTime(count, self._rate)
