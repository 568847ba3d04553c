"""Pictures of every shape and depth become upright RGB."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation, VideoReformatter

from media.making import SIZE, busy, read, red_corner
from mediafm.media import FilmOptions, Picture, Scaling, open_title, probe, write_film
from mediafm.media.picture import Screen
from mediafm.types import ImageArray

RED = 200


def corners(image: ImageArray) -> list[list[bool]]:
    """Which of the four quarters is red."""
    height, width, _ = image.shape
    return [[bool(image[y, x, 0] > RED) for x in (width // 4, 3 * width // 4)] for y in (height // 4, 3 * height // 4)]


@pytest.mark.parametrize(
    ("rotation", "size", "red"),
    [
        (0, (64, 48), [[True, False], [False, False]]),
        (90, (48, 64), [[False, False], [True, False]]),  # counter-clockwise
        (180, (64, 48), [[False, False], [False, True]]),
        (270, (48, 64), [[False, True], [False, False]]),
    ],
)
def test_rotated_films_stand_upright(tmp_path: Path, rotation: int, size: tuple[int, int], red: list) -> None:
    path = tmp_path / "film.mp4"
    write_film(path, 25, SIZE, red_corner(3), None, options=FilmOptions(rotation=rotation))
    result = read(path, images=True)
    track = result.info.video
    assert track is not None
    assert (track.display_width, track.display_height) == size
    assert (track.width, track.height) == SIZE
    assert track.rotation == rotation
    assert result.images[0].shape == (size[1], size[0], 3)
    assert corners(result.images[0]) == red


@pytest.mark.parametrize(
    ("flips", "red"),
    [((True, False), [[False, True], [False, False]]), ((False, True), [[False, False], [True, False]])],
)
def test_mirrored_films_stand_upright(tmp_path: Path, flips: tuple[bool, bool], red: list) -> None:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height = SIZE
        stream.set_display_rotation(0, hflip=flips[0], vflip=flips[1])
        for image in red_corner(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    assert corners(read(path, images=True).images[0]) == red


@pytest.mark.parametrize(
    ("aspect", "rotation", "size"),
    [(Fraction(4, 3), 0, (85, 48)), (Fraction(1, 2), 0, (32, 48)), (Fraction(4, 3), 90, (48, 85))],
)
def test_anamorphic_films_get_square_pixels(tmp_path: Path, aspect: Fraction, rotation: int, size: tuple) -> None:
    path = tmp_path / "film.mp4"
    write_film(path, 25, SIZE, red_corner(3), None, options=FilmOptions(sample_aspect_ratio=aspect, rotation=rotation))
    track = probe(path).video
    assert track is not None
    assert (track.display_width, track.display_height) == size
    assert read(path, images=True).images[0].shape == (size[1], size[0], 3)


@pytest.mark.parametrize(
    ("codec", "pixel_format"),
    [
        ("libx264", "yuv420p10le"),
        ("libx264", "yuv422p"),
        ("libx264", "yuv444p"),
        ("libx264", "yuvj420p"),
        ("ffv1", "gray"),
        ("ffv1", "gray10le"),
        ("ffv1", "yuva420p"),
        ("libx264rgb", "rgb24"),
        ("ffv1", "bgra"),
        ("libx265", "yuv420p10le"),
        ("mpeg2video", "yuv420p"),
    ],
)
@pytest.mark.parametrize("scaling", ["area", "bicubic", "bilinear"])
def test_every_pixel_format_becomes_rgb(tmp_path: Path, codec: str, pixel_format: str, scaling: Scaling) -> None:
    path = tmp_path / "film.mkv"
    options = FilmOptions(
        video_codec=codec,
        pixel_format=pixel_format,
        codec_options={"x265-params": "log-level=none"} if codec == "libx265" else {},
    )
    write_film(path, 25, SIZE, red_corner(3), None, options=options)
    with open_title(path) as reader:
        image = next(p for p in reader if isinstance(p, Picture)).rgb(32, 24, scaling)
    assert image.shape == (24, 32, 3)
    assert image.dtype == np.uint8
    red = [76, 76, 76] if "gray" in pixel_format else [255, 0, 0]
    assert np.abs(image[2:9, 2:13].astype(int) - red).max() < 12
    assert np.abs(image[14:, 18:].astype(int)).max() < 12


def test_palette(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "rgb8"
        for image in red_corner(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        container.mux(stream.encode())
    assert corners(read(path, images=True).images[0]) == [[True, False], [False, False]]


def test_full_range_is_not_stretched_again(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    grey = [np.full((48, 64, 3), level, np.uint8) for level in (4, 128, 250)]
    write_film(
        path,
        25,
        SIZE,
        grey,
        None,
        options=FilmOptions(video_codec="mjpeg", pixel_format="yuvj420p", codec_options={"qscale": "1"}),
    )
    means = [image.mean() for image in read(path, images=True).images]
    assert means == pytest.approx([4, 128, 250], abs=1.5)


@pytest.mark.parametrize("size", [(48, 27), (97, 55), (160, 120)])
def test_bicubic_is_swscales(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "film.mp4"
    write_film(path, 25, (160, 120), busy(5), None)
    with av.open(str(path)) as container:
        expected = [
            VideoReformatter().reformat(f, *size, "rgb24", interpolation=Interpolation.BICUBIC).to_ndarray()
            for f in container.decode(video=0)
        ]
    with open_title(path) as reader:
        ours = [p.rgb(*size, "bicubic") for p in reader if isinstance(p, Picture)]
    assert np.array_equal(np.stack(ours), np.stack(expected))


def test_area_is_the_mean_of_what_each_pixel_covers(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    options = FilmOptions(video_codec="ffv1", pixel_format="yuv444p")
    write_film(path, 25, (160, 120), busy(3), None, options=options)
    with open_title(path) as reader:
        picture = next(p for p in reader if isinstance(p, Picture))
        whole, small = picture.rgb(160, 120), picture.rgb(20, 15, "area")
    means = whole.reshape(15, 8, 20, 8, 3).mean(axis=(1, 3))
    assert np.abs(small - means).mean() < 1.5


def test_scaled_keeps_aspect_and_never_enlarges(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write_film(path, 25, (160, 120), busy(3), None)
    with open_title(path) as reader:
        picture = next(p for p in reader if isinstance(p, Picture))
        assert picture.scaled(30).shape == (30, 40, 3)
        assert picture.scaled(500).shape == (120, 160, 3)


def test_unknown_scaling_is_named(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write_film(path, 25, SIZE, red_corner(3), None)
    with open_title(path) as reader, pytest.raises(ValueError, match="nearest"):
        next(p for p in reader if isinstance(p, Picture)).rgb(8, 8, "nearest")  # type: ignore[arg-type]


def test_colours_that_nobody_defined_count_as_unspecified() -> None:
    frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 200, np.uint8), "rgb24").reformat(format="yuv420p")
    plain = Screen(64, 48).image(frame, 32, 24, "area")
    frame.colorspace = 65
    assert np.array_equal(Screen(64, 48).image(frame, 32, 24, "area"), plain)
