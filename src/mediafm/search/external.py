"""Files that are searched by: a picture, or the sound of any film or sound file, read as ingest reads."""

from pathlib import Path

from mediafm.errors import UsageError
from mediafm.media import read_still
from mediafm.reading import ReadingProcess, ReadRequest, ReadShot
from mediafm.reading.process import Limits
from mediafm.types import ImageArray, ShotInput

PART_S = 10.0  # a sound is encoded in parts of this length
LONGEST_S = 600.0  # of a sound, from its beginning; the rest is left out


def read_picture(path: Path, side: int) -> ImageArray:
    """A picture file, its short side no longer than the encoder wants. UsageError, MediaError: there is none."""
    _check_file(path, "picture")
    return read_still(path, side)


def read_sound(path: Path, rate: int) -> list[ShotInput]:
    """The sound of a file in parts, at a rate in hertz, from a confined process. UsageError where it has none."""
    _check_file(path, "sound")
    request = ReadRequest(path.absolute(), "fixed", {"seconds": PART_S}, frames=1, short_side=32, sample_rate=rate)
    parts: list[ShotInput] = []
    reader = ReadingProcess(Limits(timeout_s=120.0))
    try:
        for event in reader.read(request):
            if isinstance(event, ReadShot) and event.input.has("audio"):
                parts.append(event.input)
                if sum(part.duration for part in parts) >= LONGEST_S:
                    break
    finally:
        reader.close()
    if not parts:
        raise UsageError(f"There is no sound in {path}.", "Choose a file with sound, or search by --image.")
    return parts


def _check_file(path: Path, what: str) -> None:
    if not path.is_file():
        raise UsageError(f"There is no {what} file {path}.", "Check the path.")
