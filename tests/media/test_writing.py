"""Writing films: what cannot be is refused, and nothing half-written stays."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from media.making import SIZE, clicks, read, red_corner
from mediafm.errors import MediaError, UsageError
from mediafm.media import FilmOptions, write_film
from mediafm.types import Cue, ImageArray


def test_frames_are_taken_one_at_a_time(tmp_path: Path) -> None:
    alive = 0

    def frames() -> Iterator[ImageArray]:
        nonlocal alive
        for image in red_corner(200):
            alive += 1
            yield image

    write_film(tmp_path / "film.mp4", 25, SIZE, frames(), clicks(8, 48_000))
    assert alive == 200
    assert read(tmp_path / "film.mp4").reader.frames_read == 200


def test_same_film_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_film(tmp_path / name, 25, SIZE, red_corner(50), clicks(2, 48_000))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize(
    ("name", "kwargs", "words"),
    [
        ("film.xyz", {}, "unknown film format"),
        ("film.mp4", {"frames": None}, "needs picture or sound"),
        ("film.wav", {}, "holds no picture"),
        ("film.mp4", {"samples": np.zeros((100, 5), np.float32)}, "no layout for 5 channels"),
        ("film.webm", {"subtitles": [Cue(0, 1, "a")]}, "takes no text track"),
        ("film.mp4", {"size": (32, 32)}, r"frame 0 is \(48, 64, 3\)"),
    ],
)
def test_wrong_use_is_named(tmp_path: Path, name: str, kwargs: dict, words: str) -> None:
    arguments = {"fps": 25, "size": SIZE, "frames": red_corner(5), "samples": None, **kwargs}
    with pytest.raises(UsageError, match=words):
        write_film(tmp_path / name, **arguments)
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_refuses_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"film\.webm could not be written"):
        write_film(tmp_path / "film.webm", 25, SIZE, red_corner(5), clicks(1, 44_100), 44_100)  # Opus has no 44.1 kHz
    with pytest.raises(MediaError, match="could not be written"):
        write_film(tmp_path / "a.mp4", 25, SIZE, red_corner(5), None, options=FilmOptions(video_codec="no_such"))
    assert list(tmp_path.iterdir()) == []
