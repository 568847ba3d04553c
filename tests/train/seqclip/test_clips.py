from pathlib import Path

import numpy as np
import pytest

from mediafm.media import open_title, write_film
from mediafm.media.picture import Picture
from mediafm.progress import SILENT
from mediafm.train.seqclip.clips import ClipStore, clip_vectors
from mediafm.train.seqclip.pairs import Span
from mediafm.train.seqclip.stores import ArrayStore
from seqclip_films import write_clip


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("film") / "a.mp4", 3, seconds=4.0)


def pictures(path: Path) -> list[tuple[float, np.ndarray]]:
    with open_title(path) as reader:
        return [(float(p.pts * reader.time_base), p.scaled(32)) for p in reader if isinstance(p, Picture)]


@pytest.mark.parametrize("span", [(0.0, float("inf")), (1.0, 3.0), (0.5, 1.25), (2.0, 99.0)])
def test_frames_are_the_films_own_at_even_times(film: Path, tmp_path: Path, span: tuple[float, float]) -> None:
    clips = ClipStore(4, 32, ArrayStore("clips", tmp_path))
    asked = Span(film, *span)
    found = clips.find([asked], SILENT)
    clip, end = clips.get(found.keys[asked]), min(span[1], 4.0)
    assert clip.frames.shape[0] == 4 and min(clip.frames.shape[1:3]) == 32
    assert clip.seconds == pytest.approx(end - span[0], abs=1e-6)
    centres = (np.arange(4) + 0.5) * (end - span[0]) / 4
    assert np.abs(np.array(clip.times) - centres).max() <= 3 / 24 / 2 + 1e-6  # every third picture is a candidate
    truth = {round(time * 24): image for time, image in pictures(film)}
    for time, frame in zip(clip.times, clip.frames, strict=True):
        assert np.array_equal(frame, truth[round((time + span[0]) * 24)])


def test_a_long_span_is_thinned_not_cut(tmp_path: Path) -> None:
    film = write_clip(tmp_path / "long.mp4", 1, seconds=20.0)  # 160 candidates for 2 frames
    clips = ClipStore(2, 16, ArrayStore("clips", tmp_path / "store"))
    clip = clips.get(clips.find([Span(film)], SILENT).keys[Span(film)])
    assert clip.times == pytest.approx((5.0, 15.0), abs=20 / 16)


def test_films_that_cannot_be_read_are_left_out_and_named(film: Path, tmp_path: Path) -> None:
    broken, sound = tmp_path / "broken.mp4", tmp_path / "sound.wav"
    broken.write_bytes(b"no film at all")
    write_film(sound, 24, (0, 0), None, np.zeros(16000, np.float32), 16000)
    cut = tmp_path / "cut.mkv"
    whole = write_clip(tmp_path / "whole.mkv", 5, seconds=4.0)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    asked = [Span(film), Span(tmp_path / "none.mp4"), Span(broken), Span(sound), Span(film, 8.0, 9.0)]
    asked += [Span(cut, 0.0, 0.5), Span(cut)]
    found = ClipStore(2, 16, ArrayStore("clips", tmp_path / "store")).find(asked, SILENT)
    assert set(found.keys) == {Span(film), Span(cut, 0.0, 0.5)}
    assert [path.name for path in found.left_out] == ["a.mp4", "none.mp4", "broken.mp4", "sound.wav", "cut.mkv"]
    assert "ends at 4 s" in found.left_out[film] and all(found.left_out.values())


def test_decoded_once_and_known_by_content(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = ClipStore(3, 16, ArrayStore("clips", tmp_path / "store"))
    key = clips.find([Span(film)], SILENT).keys[Span(film)]
    copy = tmp_path / "other name.mp4"
    copy.write_bytes(film.read_bytes())
    monkeypatch.setattr("mediafm.reading.process.ReadingProcess.read", lambda *_: pytest.fail("it was decoded again"))
    assert clips.find([Span(copy)], SILENT).keys[Span(copy)] == key
    assert clips.key("other", Span(film)) != key != clips.key("x", Span(film, 0.0, 1.0))


def test_damaged_entry_is_read_anew(film: Path, tmp_path: Path) -> None:
    clips = ClipStore(3, 16, ArrayStore("clips", tmp_path))
    key = clips.find([Span(film)], SILENT).keys[Span(film)]
    first = clips.get(key)
    (file,) = tmp_path.glob("*/*.safetensors")
    file.write_bytes(file.read_bytes()[:-9])
    clips.find([Span(film)], SILENT)
    assert np.array_equal(clips.get(key).frames, first.frames)


def test_asked_to_stop_it_stops(film: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        ClipStore(3, 16, ArrayStore("clips", tmp_path)).find([Span(film)], SILENT, stop=lambda: True)


def test_vectors_are_made_once_for_each_tower(tmp_path: Path) -> None:
    store, made = ArrayStore("clip-vectors", tmp_path), []

    def make() -> np.ndarray:
        made.append(1)
        return np.full((2, 3), len(made), np.float32)

    assert [clip_vectors(store, "clip", tower, make)[0, 0] for tower in ("a", "a", "b", "a")] == [1, 1, 2, 1]
