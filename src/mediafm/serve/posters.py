"""One picture for each title, read from the catalog once: the catalogue's first view asks for dozens at a time."""

import threading
from collections import OrderedDict

from mediafm.serve.library import Library

MOST_BYTES = 64 << 20  # kept in memory; of more, those that nobody asked for lately are forgotten


class Posters:
    """Pictures of titles, for many threads."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._bytes = 0

    def of(self, title_id: str) -> bytes | None:
        """JPEG of a shot a third of the way in, or the first there is; None where the title has no picture."""
        record = self._library.record(title_id)
        key = (title_id, record.revision)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        picture = self._library.catalog.poster(record) if record.has_video else None
        if picture is not None:
            self._keep(key, picture)
        return picture

    def _keep(self, key: tuple[str, int], picture: bytes) -> None:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = picture
                self._bytes += len(picture)
            while self._bytes > MOST_BYTES:
                _, gone = self._kept.popitem(last=False)
                self._bytes -= len(gone)
