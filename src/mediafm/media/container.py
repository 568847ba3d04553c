"""Opening media files, with errors that say what is wrong with them."""

import codecs
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer

from mediafm.errors import MediaError
from mediafm.media.growing import GrowingFile
from mediafm.media.limits import MAX_PIXELS, MAX_STREAMS

# Formats whose header states how long the title is. Elsewhere libav guesses from the bytes that are there, so that a
# file cut in the middle looks whole.
_STATES_DURATION = {"mov", "matroska", "avi", "asf", "flv", "wav", "flac"}


# Films and sound alone: nothing that names other files or hosts (playlists, manifests, session descriptions, picture
# sequences), that describes what is to be computed, or that is only text.
_FORMATS = (
    # films
    "asf,avi,dv,flv,gif,gxf,matroska,mov,mpeg,mpegts,mxf,nut,ogg,rm,wtv,"
    # bare tracks of pictures
    "av1,h264,hevc,ivf,m4v,mpegvideo,obu,vc1,vvc,yuv4mpegpipe,"
    # sound
    "aac,ac3,aiff,amr,ape,au,caf,dsf,dts,dtshd,eac3,flac,loas,mp3,mpc,mpc8,oma,tak,truehd,tta,w64,wav,wv"
)
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": _FORMATS,
    "enable_drefs": "0",  # QuickTime's references to tracks in other files
    "max_streams": str(MAX_STREAMS),
    "max_pixels": str(MAX_PIXELS),  # of the pictures that are decoded for a first look
}
# How files begin that point to other files, or are text: for a message that says so.
_KINDS = {
    "a playlist, not a film": (
        b"#EXTM3U",
        b"ffconcat",
        b"[playlist]",
        b"[Reference]",
        b"<asx",
        b"<ASX",
        b"<?wpl",
        b"<smil",
        b"<playlist",
    ),
    "a streaming manifest, not a film": (b"<MPD", b"<SmoothStreamingMedia"),
    "a description of a broadcast, not a film": (b"v=0",),
    "a subtitle file, not a film": (b"WEBVTT", b"[Script Info]", b"<tt ", b"<tt:tt "),
}
_SRT = re.compile(rb"\s*\d+\s*\n\d+:\d\d:\d\d[,.]\d+ *-->")


def open_input(path: Path, growing: GrowingFile | None = None) -> InputContainer:
    """Open a media file for reading, or one that grows; this waits until enough of it is there.

    Only the local file itself is read, and only in a format of films or sound: a playlist in disguise cannot make libav
    fetch anything, from this machine or from a network.
    """
    if growing is None:
        _check_file(path)
    else:
        growing.check()
    try:
        # Absolute, so that a name with a colon is not taken for a protocol.
        source = str(path.absolute()) if growing is None else growing
        container = av.open(source, "r", options=_OPTIONS, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        kind = _kind_of(path)
        if kind is None and isinstance(error, av.error.ArgumentError):
            kind = "in a format that is not read here, or damaged"
        raise MediaError(
            f"{path} is {kind}." if kind else f"{path} is no film or sound file that can be read: {reason_of(error)}.",
            "Give the film itself."
            if kind
            else "If it is one, it is incomplete or damaged: check that it plays, or copy it anew.",
        ) from error
    if growing is not None:
        growing.check_format(container.format.name)
    return container


def _check_file(path: Path) -> None:
    if not path.exists():
        raise MediaError(f"{path} does not exist.", "Check the path.")
    if path.is_dir():
        raise MediaError(f"{path} is a folder.", "Name a file in it.")
    if not path.is_file():
        raise MediaError(f"{path} is a pipe or a device.", "Give a file.")
    if path.stat().st_size == 0:
        raise MediaError(f"{path} is empty.", "Copy it anew.")


def _kind_of(path: Path) -> str | None:
    """What a file is that is no film, where its beginning tells."""
    try:
        with path.open("rb") as file:
            head = file.read(2048).removeprefix(codecs.BOM_UTF8).lstrip()
    except OSError:
        return None
    if head.startswith(b"<?xml"):
        head = head[head.find(b"?>") + 2 :].lstrip()
    if _SRT.match(head):
        return "a subtitle file, not a film"
    return next((kind for kind, marks in _KINDS.items() if head.startswith(marks)), None)


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
