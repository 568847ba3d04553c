"""Languages as they are asked for, and the tracks that are chosen by them."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from mediafm.errors import UsageError
from mediafm.media import Languages, choose_text, probe
from mediafm.media.info import TextTrack
from mediafm.media.reader import open_title

Track = tuple[str, Disposition, str]  # language, flags, name
PLAIN = Disposition(0)


def write_tracks(path: Path, tracks: Sequence[Track]) -> Path:
    """A second of silence in each of some tracks."""
    with av.open(str(path), "w") as container:
        streams = []
        for language, flags, name in tracks:
            stream = container.add_stream("pcm_s16le", rate=16_000)
            stream.layout, stream.disposition = "mono", flags
            stream.metadata.update({"language": language, "title": name})
            streams.append(stream)
        for stream in streams:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.float32), "flt", "mono")
            frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
            container.mux(stream.encode(frame))
    return path


@pytest.mark.parametrize(
    ("tracks", "wanted", "chosen"),
    [
        ([("deu", PLAIN, ""), ("eng", PLAIN, "")], "en", 1),
        ([("deu", PLAIN, ""), ("eng", PLAIN, "")], "fra,eng", 1),
        ([("deu", PLAIN, ""), ("eng", PLAIN, ""), ("fra", PLAIN, "")], "fr-CA,eng", 2),
        ([("deu", PLAIN, ""), ("eng", Disposition.default, "")], "", 1),
        ([("deu", PLAIN, ""), ("eng", Disposition.default, "")], "ja", 1),
        ([("deu", PLAIN, ""), ("eng", Disposition.comment, "")], "en", 0),
        ([("eng", Disposition.default, "Director's commentary"), ("eng", PLAIN, "")], "en", 1),
        ([("eng", Disposition.default, "Kommentar der Regie"), ("deu", PLAIN, "")], "", 1),
        ([("eng", Disposition.comment, "")], "en", 0),
        ([("eng", Disposition.visual_impaired, ""), ("eng", PLAIN, "")], "en", 1),
        ([("eng", Disposition.visual_impaired, ""), ("deu", PLAIN, "")], "en", 0),
    ],
)
def test_the_sound_that_is_read(tmp_path: Path, tracks: list[Track], wanted: str, chosen: int) -> None:
    path = write_tracks(tmp_path / "film.mkv", tracks)
    with open_title(path, audio_languages=Languages.chosen(wanted).audio) as reader:
        assert reader.audio_index == chosen
    assert [t.commentary for t in probe(path).audio] == [
        bool(flags & Disposition.comment) or "ommentar" in name for _, flags, name in tracks
    ]


def track(index: int, language: str, **flags: bool) -> TextTrack:
    return TextTrack(index, "subrip", language, "", flags.get("forced", False), flags.get("described", False))


@pytest.mark.parametrize(
    ("tracks", "wanted", "chosen"),
    [
        ([track(0, "de"), track(1, "en")], "de,en", 0),
        ([track(0, "de"), track(1, "en")], "fr,eng,de", 1),
        ([track(0, "en", forced=True), track(1, "de")], "en", 1),
        ([track(0, "en"), track(1, "en", described=True)], "en", 1),
        ([track(0, "de", described=True), track(1, "en")], "en", 1),
    ],
)
def test_the_text_that_is_read(tmp_path: Path, tracks: list[TextTrack], wanted: str, chosen: int) -> None:
    found = choose_text(tmp_path / "film.mkv", tracks, Languages.chosen(wanted).text)
    assert isinstance(found, TextTrack) and found.index == chosen
    assert choose_text(tmp_path / "film.mkv", []) is None


def test_wishes_can_be_written_down_and_read_again() -> None:
    assert Languages.chosen("de, en") == Languages(("de", "en"), ("de", "en"))
    apart = Languages.chosen("de", text="pt-BR,eng")
    assert apart == Languages(("de",), ("pt-BR", "eng"))
    for languages in (apart, Languages(), Languages.chosen("deu,en"), Languages.chosen(audio="fr")):
        assert Languages.parse(languages.spec) == languages
    assert Languages.chosen("en").spec == "en"  # as titles of earlier catalogs know it


@pytest.mark.parametrize("wrong", ["e", "und", "de;en", "../de", "de,mul", "englischer-schriftsatz"])
def test_what_is_no_language_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="names no language"):
        Languages.chosen(wrong)
