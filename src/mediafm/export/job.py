"""What every kind of export is handed, and where it says what it could not do."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mediafm.export.choosing import Selection
from mediafm.export.hits import Hit
from mediafm.export.titles import Title


@dataclass
class Job:
    """One export under way.

    titles: to be gone through once. folder: new and empty, to be written into. hits: best first. chapters: title -> its
    chapters that were handed in, in order of time; titles that are not there have those of their film.
    told: what -> titles it is true of, for what the user should know.
    """

    selection: Selection
    titles: Iterator[Title]
    folder: Path
    hits: list[Hit]
    chapters: dict[str, list[Hit]]
    told: dict[str, list[str]] = field(default_factory=dict)

    def tell(self, what: str, title_id: str) -> None:
        """Note that something is true of a title."""
        self.told.setdefault(what, []).append(title_id)

    def hits_of(self, title: Title) -> list[Hit]:
        """The hits in a title, best first."""
        return [hit for hit in self.hits if hit.title_id == title.record.title_id]

    def chapters_of(self, title: Title) -> list[Hit]:
        """The title's chapters in order of time: those handed in, else those of the film itself."""
        title_id = title.record.title_id
        if title_id in self.chapters:
            return self.chapters[title_id]
        own = sorted(title.record.chapters, key=lambda c: (c["start_s"], c["end_s"]))
        spans = [(float(c["start_s"]), float(c["end_s"]), str(c.get("title") or "")) for c in own]
        return [
            Hit(title_id, start, end, n, None, name) for n, (start, end, name) in enumerate(spans, 1) if start < end
        ]
