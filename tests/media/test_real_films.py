"""Real films: Blender's, and the cut tests of PySceneDetect."""

from fractions import Fraction
from pathlib import Path

import pytest

from media.making import read
from mediafm.media import load_cues, probe
from mediafm.types import Cue


def test_cuts_testvideo(films: Path) -> None:
    result = read(films / "cuts_testvideo.mp4")
    assert result.reader.time_base == Fraction(1, 30_000)
    assert len(result.pictures) == 720
    assert [pts for pts, _ in result.pictures] == [1001 * i for i in range(720)]
    assert result.info.audio == ()
    assert result.start is None
    assert result.reader.failure == ""


def test_tears_of_steel_is_slightly_anamorphic(films: Path) -> None:
    result = read(films / "tears_of_steel_clip.webm")
    track = result.info.video
    assert track is not None
    assert (track.width, track.display_width, track.height) == (800, 798, 332)
    assert len(result.pictures) == 1691
    assert len(result.samples) / 16_000 == pytest.approx(70.55, abs=0.1)
    assert (result.reader.failure, result.reader.decode_failures) == ("", 0)


def test_sintel_cues(films: Path) -> None:
    film = films / "sintel_trailer.webm"
    assert load_cues(film, probe(film)) == [
        Cue(12_000, 15_000, "What brings you to the land of the gatekeepers?"),
        Cue(18_500, 20_500, "I'm searching for someone."),
        Cue(36_500, 39_000, "A dangerous quest for a lone hunter."),
        Cue(41_500, 44_000, "I've been alone for as long as I can remember."),
    ]
    assert load_cues(film, probe(film), ["es"])[0].text != load_cues(film, probe(film), ["en"])[0].text


@pytest.mark.slow
def test_big_buck_bunny(films: Path) -> None:
    result = read(films / "big_buck_bunny.mp4")
    assert len(result.pictures) == 14_315
    assert (result.reader.failure, result.reader.decode_failures, result.reader.times_repaired) == ("", 0, 0)
    assert float(result.reader.end_pts * result.reader.time_base) == pytest.approx(596.46, abs=0.05)
    assert len(result.samples) / 16_000 == pytest.approx(596.4, abs=0.1)
