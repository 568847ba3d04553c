"""Files that are searched by: read as ingest reads, in a process of their own that outlives bad ones."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ingest_films import make_film
from mediafm.errors import MediaError, UsageError
from mediafm.media import read_still
from mediafm.search.external import PART_S, FileReader


@pytest.fixture(scope="module")
def reader() -> Iterator[FileReader]:
    made = FileReader(keep=True)
    yield made
    made.close()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_pictures_are_those_that_are_read_here(reader: FileReader, tmp_path: Path, kind: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (90, 70, 3), np.uint8)
    exif = Image.Exif()
    exif[274] = 6  # lies on its side
    Image.fromarray(pixels).save(tmp_path / "a", kind, exif=exif)
    found = reader.picture(tmp_path / "a", 32)
    assert found.shape == (32, 41, 3)
    np.testing.assert_array_equal(found, read_still(tmp_path / "a", 32))


def test_a_process_stays_for_the_next_and_after_a_bad_one(reader: FileReader, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes((tmp_path / "good.png").read_bytes()[:40])
    reader.picture(tmp_path / "good.png", 8)
    child = reader._process._child
    assert child is not None
    with pytest.raises(MediaError, match="cannot be read as a picture"):
        reader.picture(tmp_path / "bad.png", 8)
    assert reader.picture(tmp_path / "good.png", 8).shape == (8, 8, 3)
    assert reader._process._child is child and child.poll() is None


def test_a_picture_that_would_fill_the_memory_is_refused(reader: FileReader, tmp_path: Path) -> None:
    """Forty kilobytes that say they are 30,000 pixels a side."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    size = (30_000).to_bytes(4) * 2 + bytes([8, 2, 0, 0, 0])
    body = zlib.compress(bytes(1 << 20))
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(png)
    with pytest.raises(MediaError, match="cannot be read as a picture"):
        reader.picture(tmp_path / "bomb.png", 100)


def test_sound_comes_in_parts_and_ends_with_the_file(reader: FileReader, tmp_path: Path) -> None:
    film = make_film(tmp_path / "film.mp4", cues=False)
    parts = reader.sound(film, 16_000)
    assert all(part.sample_rate == 16_000 and part.duration <= PART_S for part in parts)
    assert sum(len(part.samples) for part in parts if part.samples is not None) / 16_000 == pytest.approx(4.17, abs=0.1)
    silent = make_film(tmp_path / "silent.mp4", sound=False, cues=False)
    with pytest.raises(UsageError, match="There is no sound"):
        reader.sound(silent, 16_000)
    with pytest.raises(UsageError, match="no sound file"):
        reader.sound(tmp_path / "gone.mp3", 16_000)
