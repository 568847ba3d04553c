"""Finding a title's timed text: subtitle files beside it, then text tracks inside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

from av import FFmpegError
from av.stream import Discard

from mediafm.errors import MediaError
from mediafm.media.cleaning import clean_text, tidy
from mediafm.media.container import open_input, reason_of
from mediafm.media.cuefiles import SUBTITLE_SUFFIXES, read_cue_file
from mediafm.media.info import MediaInfo, TextTrack
from mediafm.media.language import base_language, is_language, place_of
from mediafm.media.limits import MAX_CUES
from mediafm.types import Cue

_FORCED = {"forced", "foreign"}
_DESCRIBED = {"sdh", "cc", "hi"}
_COMMENTARY = {"commentary"}
_OTHER_FLAGS = {"default", "full"}


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A subtitle file beside a film. `language` is "" where the name does not tell.

    forced: only foreign speech and signs. described: for the hard of hearing, with descriptions of sound.
    """

    path: Path
    language: str
    forced: bool
    described: bool
    commentary: bool = False

    def read(self) -> list[Cue]:
        """Its cues, as `load_cues`."""
        return list(read_cue_file(self.path, self.language).cues)


def find_sidecars(path: Path) -> list[Sidecar]:
    """Subtitle files that belong to the film by name: `film.srt`, `film.en.vtt`, `film.eng.forced.ass` ...

    Between the film's name and the suffix may stand a language and the flags forced, sdh, cc, hi, commentary, default;
    a file with any other word there is taken to be another film's.
    """
    found = []
    stem = path.name if path.is_dir() else path.stem  # a folder of segments is a title too
    for file in sorted(path.parent.iterdir()):
        if file.suffix.lower() in SUBTITLE_SUFFIXES and file.name.startswith(stem + ".") and file.is_file():
            words = file.name[len(stem) : -len(file.suffix)].lower().split(".")[1:]
            sidecar = _sidecar(file, words)
            if sidecar is not None:
                found.append(sidecar)
    return found


def _sidecar(file: Path, words: list[str]) -> Sidecar | None:
    language, flags = "", set(words)
    if words and is_language(words[0]):  # film.hi.srt is Hindi, film.en.hi.srt for the hard of hearing
        language, flags = base_language(words[0]), set(words[1:])
    if flags - _FORCED - _DESCRIBED - _COMMENTARY - _OTHER_FLAGS:
        return None
    forced, described, commentary = (bool(flags & known) for known in (_FORCED, _DESCRIBED, _COMMENTARY))
    return Sidecar(file, language, forced, described, commentary)


def load_cues(path: Path | str, info: MediaInfo, languages: Sequence[str] = (), track: int | None = None) -> list[Cue]:
    """The title's timed text, cleaned, in time order; empty where it has none.

    track: stream index of the embedded text track to read (see `info.text`); otherwise that of `choose_text`. Times of
    files count from the title's zero.

    Reading an embedded track goes once through the file without decoding picture or sound. Raises MediaError where the
    chosen file or track cannot be read; there is no silent second choice.
    """
    path = Path(path)
    if track is not None:
        chosen = next((t for t in info.text if t.index == track), None)
        if chosen is None:
            tracks = ", ".join(f"{t.index} ({t.language or 'no language'})" for t in info.text) or "none"
            raise MediaError(f"{path} has no text track {track}.", f"Its text tracks: {tracks}.")
        return _embedded(path, info, chosen)
    best = choose_text(path, info.text, languages)
    return [] if best is None else read_text(path, info, best)


def choose_text(path: Path, tracks: Sequence[TextTrack], languages: Sequence[str] = ()) -> Sidecar | TextTrack | None:
    """The timed text to read of all that is there; None where nothing is.

    Text in the languages asked for comes first, the dearest before the next; subtitle files before embedded tracks,
    then untagged before English before other languages; text with descriptions of sound before plain. Forced text
    (foreign speech only) is taken only where there is no other, and a commentary's only where there is nothing else.
    """
    sources: list[Sidecar | TextTrack] = [*find_sidecars(path), *tracks]
    return min(sources, key=lambda source: _rank(source, languages), default=None)


def read_text(path: Path, info: MediaInfo, source: Sidecar | TextTrack) -> list[Cue]:
    """The cues of one subtitle file or embedded track, as `load_cues`."""
    if isinstance(source, Sidecar):
        return source.read()
    return _embedded(path, info, source)


def _rank(source: Sidecar | TextTrack, languages: Sequence[str]) -> tuple[bool, bool, int, bool, int, bool]:
    usual = {"": 0, "en": 1}.get(source.language, 2)
    place = place_of(source.language, languages)
    return source.commentary, source.forced, place, not isinstance(source, Sidecar), usual, not source.described


def _embedded(path: Path, info: MediaInfo, track: TextTrack) -> list[Cue]:
    container = open_input(path)
    with container:
        stream = container.streams[track.index]
        for other in container.streams:
            if other.index != track.index:
                other.discard = Discard.all
        try:
            packets = (p for p in container.demux(stream) if p.size)
            # One more than a title may have, so that a track without end is refused and not read to its end.
            cues = tidy(islice((cue for p in packets for cue in _cues_of(p, info.start)), MAX_CUES + 1))
        except (FFmpegError, OSError, ValueError) as error:
            raise MediaError(
                f"{path}: its text track {track.index} ({track.codec}) cannot be read: {reason_of(error)}.",
                "Extract it as a .srt file beside the film, or choose another track.",
            ) from error
    return cues


def _cues_of(packet: Any, start: Fraction) -> list[Cue]:
    found = packet.stream.codec_context.decode2(packet)
    if found is None or packet.pts is None:
        return []
    begin = round((packet.pts * packet.time_base - start) * 1000) + found.start_display_time
    length = found.end_display_time - found.start_display_time
    if packet.duration:
        length = round(packet.duration * packet.time_base * 1000)
    texts = [_ass_words(rect.ass) for rect in found if rect.type in (b"ass", b"text")]
    words = clean_text(r"\N".join(texts))
    return [Cue(max(0, begin), max(0, begin + length), words)] if begin + length > 0 else []


def _ass_words(line: bytes) -> str:
    """libav hands out ASS events: eight fields, then the text with its overrides."""
    return line.decode("utf-8", "replace").split(",", 8)[-1]
