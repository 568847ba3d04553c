"""Files that are searched by: a picture, or the sound of any film or sound file, read as ingest reads.

They may come from anyone, so they are opened only in a confined process, with limits on its time and memory.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mediafm.errors import UsageError
from mediafm.reading import ReadingProcess, ReadRequest, ReadShot
from mediafm.reading.process import Limits
from mediafm.types import ImageArray, ShotInput

PART_S = 10.0  # a sound is encoded in parts of this length
LONGEST_S = 600.0  # of a sound, from its beginning; the rest is left out


class FileReader:
    """Reads pictures and sounds, one after another, whoever asks. Raises UsageError, MediaError for what is none.

    keep: the process stays for the next file, until `close`; else there is one a file.
    """

    def __init__(self, limits: Limits | None = None, keep: bool = False) -> None:
        self._process = ReadingProcess(limits or Limits(timeout_s=120.0), threads=1)
        self._keep, self._lock = keep, threading.Lock()

    def picture(self, path: Path, side: int) -> ImageArray:
        """A picture file (JPEG, PNG, WebP), its short side no longer than the encoder wants."""
        request = ReadRequest(path.absolute(), "fixed", short_side=side, still=True)
        with self._shots(request, "picture") as shots:
            (image,) = [frame for shot in shots for frame in shot.input.frames]
            return image

    def sound(self, path: Path, rate: int) -> list[ShotInput]:
        """The sound of a file in parts, at a rate in hertz. UsageError where it has none."""
        options = {"seconds": PART_S}
        request = ReadRequest(path.absolute(), "fixed", options, frames=1, short_side=32, sample_rate=rate)
        parts: list[ShotInput] = []
        with self._shots(request, "sound") as shots:
            for shot in shots:
                if shot.input.has("audio"):
                    parts.append(shot.input)
                    if sum(part.duration for part in parts) >= LONGEST_S:
                        break
        if not parts:
            raise UsageError(f"There is no sound in {path}.", "Choose a file with sound, or search by --image.")
        return parts

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._process.close()

    @contextmanager
    def _shots(self, request: ReadRequest, what: str) -> Iterator[Iterator[ReadShot]]:
        if not request.path.is_file():
            raise UsageError(f"There is no {what} file {request.path}.", "Check the path.")
        with self._lock:
            events = self._process.read(request)
            try:
                yield (event for event in events if isinstance(event, ReadShot))
            finally:
                events.close()  # type: ignore[attr-defined]  # a generator: one left early ends its process
                if not self._keep:
                    self._process.close()
