"""What an ingest or import did, title by title."""

import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mediafm.catalog import Catalog, TitleRecord, TitleSource
from mediafm.errors import CatalogError, MediafmError
from mediafm.ingest.scene_labels import LabelSummary


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one title, once that is certain: its rows, or the row of its failure, are in the catalog.

    record: of the title as it is stored; None where it failed. kept: it was stored just so before. reason: of a
    failure. passing: that may be otherwise the next time.
    """

    title_id: str
    record: TitleRecord | None = None
    kept: bool = False
    reason: str = ""
    passing: bool = False


@dataclass
class IngestSummary:
    """What `ingest` and `import` did. Keys of `as_json` are the command line's contract.

    failures: titles that are not stored, or not to their end. damaged: titles that are, but with a hole in them.
    labels: what was written of a folder's labels, where it holds any. clips: stored by an import of clip vectors; None
    for anything else. live: what became of an event that was followed; None for anything else.
    notes: what of a title was passed over, such as a damaged .nfo file, though the title itself is stored.
    """

    titles_ok: int = 0
    titles_failed: int = 0
    titles_skipped: int = 0
    shots: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    damaged: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    peak_rss_mb: float = 0.0
    labels: LabelSummary | None = None
    clips: int | None = None
    live: dict[str, Any] | None = None
    notes: list[tuple[str, str]] = field(default_factory=list)

    def fail(self, title: str, reason: str) -> None:
        """Count a failed title."""
        self.titles_failed += 1
        self.failures.append((title, reason))

    def count(self, outcome: Outcome) -> None:
        """Count what became of a title."""
        record = outcome.record
        if record is None:
            self.fail(outcome.title_id, outcome.reason)
            return
        self.titles_skipped += outcome.kept
        self.titles_ok += not outcome.kept and not record.warning
        self.shots += 0 if outcome.kept else record.n_shots
        self.tell(record)

    def tell(self, record: TitleRecord) -> None:
        """Note what a stored title lacks: one that ended early counts as failed, one with a hole as damaged."""
        if record.extra.get("damage"):
            self.damaged.append((record.title_id, record.extra["damage"]))
        if record.warning:
            self.fail(record.title_id, record.warning)

    def as_json(self) -> dict[str, Any]:
        """The document `--json` prints."""
        labels = {"labels": self.labels.as_json()} if self.labels else {}
        return {
            "titles_ok": self.titles_ok,
            "titles_failed": self.titles_failed,
            "titles_skipped": self.titles_skipped,
            "shots": self.shots,
            "failures": [{"title": t, "reason": r} for t, r in self.failures],
            "damaged": [{"title": t, "reason": r} for t, r in self.damaged],
            "notes": [{"title": t, "note": n} for t, n in self.notes],
            "seconds": round(self.seconds, 3),
            "peak_rss_mb": round(self.peak_rss_mb, 1),
            **labels,
            **({} if self.live is None else {"live": self.live}),
            **({} if self.clips is None else {"clips": self.clips}),
        }


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far, in megabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def store_counted(
    catalog: Catalog,
    summary: IngestSummary,
    title_id: str,
    path: Path,
    made_of: Callable[[], TitleSource],
    write: Callable[[TitleSource], TitleRecord],
) -> None:
    """Store one title unless it is stored just so, and count what came of it; a failure becomes a row of the catalog.

    made_of: fingerprints of what the title is made of. write: stores it and returns its record.
    """
    try:
        source = made_of()
        if catalog.is_current(title_id, source.source_fingerprint, source.inputs_fingerprint):
            summary.titles_skipped += 1
            record = catalog.title_record(title_id)
        else:
            record = write(source)
            summary.shots += record.n_shots
            summary.titles_ok += not record.warning
    except CatalogError:
        raise  # storage that fails one title fails the next as well
    except MediafmError as error:
        catalog.record_failure(title_id, str(path), str(error))
        summary.fail(title_id, str(error))
        return
    summary.tell(record)
    if record.warning:
        catalog.record_failure(title_id, str(path), record.warning)
    else:
        catalog.clear_failure(title_id)
