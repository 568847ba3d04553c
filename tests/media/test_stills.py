from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mediafm.errors import MediaError
from mediafm.media import read_still


def picture(size: tuple[int, int] = (96, 54)) -> np.ndarray:
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = (255, 0, 0)
    image[height // 2 :, :] = (0, 0, 200)
    return image


def test_pixels_and_channels_come_back(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_still(tmp_path / "a.png", 180), picture())
    Image.fromarray(picture()).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_still(tmp_path / "a.jpg", 54).astype(int) - picture()).mean() < 4
    Image.fromarray(picture()[..., 0]).save(tmp_path / "grey.jpg")
    assert read_still(tmp_path / "grey.jpg", 180).shape == (54, 96, 3)


def test_shrinking_is_the_mean_of_areas(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    small = read_still(tmp_path / "a.png", 16)
    assert small.shape == (16, 32, 3)
    areas = noise.reshape(16, 4, 32, 4, 3).mean(axis=(1, 3))
    assert np.abs(small - areas).max() <= 1


def test_orientation_is_heeded(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise for display
    Image.fromarray(picture()).save(tmp_path / "a.jpg", exif=exif)
    turned = read_still(tmp_path / "a.jpg", 180)
    assert turned.shape == (96, 54, 3)
    assert turned[10, 40, 0] > 200  # the red corner is at the right now


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "cut", "gif"])
def test_what_is_no_picture_is_said(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.jpg"
    if kind == "gif":
        Image.fromarray(picture()).save(path, format="GIF")
    elif kind != "missing":
        Image.fromarray(picture()).save(path)
        whole = path.read_bytes()
        path.write_bytes({"empty": b"", "text": b"no picture" * 20, "cut": whole[: len(whole) // 2]}[kind])
    with pytest.raises(MediaError, match=r"a\.jpg"):
        read_still(path, 54)
