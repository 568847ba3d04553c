"""Reading and writing subtitle files."""

import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pysubs2

from mediafm.errors import MediaError, UsageError
from mediafm.media.cleaning import clean_text, tidy
from mediafm.media.encodings import decode_text
from mediafm.media.limits import MAX_SUBTITLE_BYTES
from mediafm.types import Cue

SUBTITLE_SUFFIXES = (".srt", ".vtt", ".ass", ".ssa", ".ttml")


@dataclass(frozen=True, slots=True)
class CueFile:
    """A subtitle file that was read: its cleaned cues in time order, and the encoding and format found in it."""

    path: Path
    encoding: str
    format: str
    cues: tuple[Cue, ...]


def read_cue_file(path: Path, language: str = "") -> CueFile:
    """Read one subtitle file. `language` (a two-letter code) helps where its encoding must be guessed.

    Raises MediaError where the file is missing, its encoding cannot be told, or it holds no cue in a known format.
    """
    try:
        if (size := path.stat().st_size) > MAX_SUBTITLE_BYTES or not path.is_file():
            raise MediaError(
                f"{path} holds {size / 1e6:.0f} MB, more than any subtitle file.", "Check what it is, or move it away."
            )
        data = path.read_bytes()
    except OSError as error:
        raise MediaError(f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions.") from error
    text, encoding = decode_text(data, path, language)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        return CueFile(path, encoding, path.suffix.lower().removeprefix("."), ())
    format_name = _format_of(text, path)
    events = _parse(_prepared(text, format_name), format_name, path)
    if not events and format_name != "vtt":  # a WebVTT header alone is a file without speech
        raise MediaError(f"{path} holds not one cue.", "Check that it is a subtitle file in the format of its name.")
    try:
        cues = tidy(
            Cue(max(0, e.start), max(0, e.start, e.end), clean_text(e.text)) for e in events if not e.is_comment
        )
    except ValueError as error:
        raise MediaError(f"{path} holds {error}.", "Check what it is, or move it away.") from error
    return CueFile(path, encoding, format_name, tuple(cues))


def write_subtitles(path: Path, cues: Iterable[Cue]) -> None:
    """Write cues as a subtitle file; its suffix (.srt, .vtt, .ass, .ssa, .ttml) chooses the format."""
    if path.suffix.lower() not in SUBTITLE_SUFFIXES:
        raise UsageError(f"{path}: unknown subtitle format.", f"Use one of {', '.join(SUBTITLE_SUFFIXES)}.")
    path.write_text(cues_as_text(cues, path.suffix.lower().removeprefix(".")), encoding="utf-8")


def cues_as_text(cues: Iterable[Cue], format_name: str) -> str:
    """Cues as the text of a subtitle file: "srt", "vtt", "ass", "ssa" or "ttml"."""
    subtitles = pysubs2.SSAFile()
    for cue in cues:
        event = pysubs2.SSAEvent(start=cue.start_ms, end=cue.end_ms)
        event.plaintext = cue.text
        subtitles.append(event)
    return str(subtitles.to_string(format_name))


def _format_of(text: str, path: Path) -> str:
    """The format by what the text says; the file's name decides only what the text leaves open."""
    if text.lstrip().startswith("WEBVTT"):
        return "vtt"
    if re.search(r"^\[script info\]|^\[v4\+? styles\]", text, re.IGNORECASE | re.MULTILINE):
        return "ass" if re.search(r"V4\+ Styles|ScriptType:\s*v4\.00\+", text, re.IGNORECASE) else "ssa"
    if "http://www.w3.org/ns/ttml" in text:
        return "ttml"
    if re.search(r"\d,\d+\s*-->", text):
        return "srt"
    suffix = path.suffix.lower()
    return suffix.removeprefix(".") if suffix in SUBTITLE_SUFFIXES else "srt"


def _parse(text: str, format_name: str, path: Path) -> list[pysubs2.SSAEvent]:
    if format_name == "ttml" and re.search(r"<!(?:DOCTYPE|ENTITY)", text):
        raise MediaError(
            f"{path} declares entities, which are not read: they can grow without end.", "Save it anew as .srt."
        )
    options = {"keep_html_tags": True} if format_name in ("srt", "vtt") else {}  # our own cleaning knows more tags
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # damaged style fields, which are not used here
            return list(pysubs2.SSAFile.from_string(text, format_=format_name, **options))
    except Exception as error:  # pysubs2 lets through whatever its parsers stumble over
        raise MediaError(
            f"{path} cannot be read as {format_name}: {error}.", "Check the file, or save it anew as .srt."
        ) from error


def _prepared(text: str, format_name: str) -> str:
    """`text` in the shape in which pysubs2 reads nothing into a cue that does not belong to it.

    pysubs2 takes all lines between two time lines for the cue's text, then drops a last line that is a number. So
    WebVTT's identifiers, notes and styles are replaced by numbers, and the last cue gets one to be dropped too.
    """
    if format_name == "vtt":
        text = "WEBVTT\n\n" + "\n\n".join(f"{n}\n{block}" for n, block in enumerate(_vtt_blocks(text), 1))
    return text.rstrip() + "\n\n0\n" if format_name in ("srt", "vtt") else text


def _vtt_blocks(text: str) -> list[str]:
    blocks = []
    for block in re.split(r"\n[ \t]*(?:\n[ \t]*)+", text):
        lines = block.strip("\n").split("\n")
        at = next((i for i, line in enumerate(lines) if "-->" in line), None)
        if at is not None:
            words = [re.sub(r"<\d*:?\d\d:\d\d\.\d+>", "", line) for line in lines[at + 1 :]]  # karaoke times
            blocks.append("\n".join([lines[at], *words]))
    return blocks
