"""Opening media files, with errors that say what is wrong with them."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer

from mediafm.errors import MediaError

# Formats whose header states how long the title is. Elsewhere libav guesses from the bytes that are there, so that a
# file cut in the middle looks whole.
_STATES_DURATION = {"mov", "matroska", "avi", "asf", "flv", "wav", "flac"}


def open_input(path: Path) -> InputContainer:
    """Open a media file for reading.

    Only the local file itself is read: a playlist in disguise cannot make libav fetch anything from a network.
    """
    _check_file(path)
    try:
        # Absolute, so that a name with a colon is not taken for a protocol.
        return av.open(str(path.absolute()), "r", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"{path} is no film or sound file that can be read: {reason_of(error)}.",
            "If it is one, it is incomplete or damaged: check that it plays, or copy it anew.",
        ) from error


def _check_file(path: Path) -> None:
    if not path.exists():
        raise MediaError(f"{path} does not exist.", "Check the path.")
    if path.is_dir():
        raise MediaError(f"{path} is a folder.", "Name a file in it.")
    if path.stat().st_size == 0:
        raise MediaError(f"{path} is empty.", "Copy it anew.")


def reason_of(error: BaseException) -> str:
    """libav's own words for what went wrong, without numbers and paths."""
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(words)[:1].lower() + str(words)[1:]


def declared_end(container: InputContainer, video: Any | None, audio: Any | None) -> Fraction | None:
    """Where the container says that the read streams end, in seconds on its own clock; None where it does not say."""
    if not _STATES_DURATION & set(container.format.name.split(",")):
        return None
    ends = [e for e in (_stream_end(s) for s in (video, audio) if s is not None) if e is not None]
    if ends:
        return max(ends)
    if container.duration is None:
        return None
    return Fraction(container.duration + (container.start_time or 0), 1_000_000)


def _stream_end(stream: Any) -> Fraction | None:
    if stream.duration:
        return ((stream.start_time or 0) + stream.duration) * stream.time_base
    # Matroska keeps durations of tracks as tags: 00:09:56.458000000, from the file's start.
    stated = re.fullmatch(r"(\d+):(\d\d):(\d\d)(\.\d+)?", stream.metadata.get("DURATION", "").strip())
    if stated is None:
        return None
    hours, minutes, seconds, part = stated.groups()
    return 3600 * int(hours) + 60 * int(minutes) + int(seconds) + Fraction(part or 0)
