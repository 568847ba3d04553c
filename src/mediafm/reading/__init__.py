"""Reading titles in a process of their own: one decode pass each, limits on time and memory, no way out."""

from mediafm.reading.allocator import few_arenas
from mediafm.reading.process import Limits, ReaderDiedError, ReadingProcess, Stopped
from mediafm.reading.title import Closed, Event, Opened, ReadRequest, Retold, read_title
from mediafm.reading.title_pass import Beat, ReadShot, TitlePass

__all__ = [
    "Beat",
    "Closed",
    "Event",
    "Limits",
    "Opened",
    "ReadRequest",
    "ReadShot",
    "ReaderDiedError",
    "ReadingProcess",
    "Retold",
    "Stopped",
    "TitlePass",
    "few_arenas",
    "read_title",
]
