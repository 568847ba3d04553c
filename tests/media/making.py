"""Small films with known answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mediafm.media import MediaInfo, Picture, Sound, TitleReader, open_title
from mediafm.types import FloatArray, ImageArray

SIZE = (64, 48)
CLICKS = (1.0, 2.5)


def red_corner(n: int, size: tuple[int, int] = SIZE) -> Iterator[ImageArray]:
    """Black pictures whose top left quarter is red."""
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2, 0] = 255
    for _ in range(n):
        yield image


def busy(n: int, size: tuple[int, int] = (160, 120), seed: int = 0) -> Iterator[ImageArray]:
    """Pictures of noise that moves, so that the coded film is large enough to be damaged in places."""
    rng = np.random.default_rng(seed)
    width, height = size
    for i in range(n):
        image = np.full((height, width, 3), i * 3 % 255, np.uint8)
        band = image[i % (height - 20) :][:20]
        band[:] = rng.integers(0, 255, band.shape)
        yield image


BITS = 12  # of the number that a picture of `numbered` carries


def numbered(n: int, cuts: tuple[int, ...] = (), size: tuple[int, int] = (96, 64)) -> Iterator[ImageArray]:
    """Pictures that carry their own number, in blocks of black and white; their ground changes colour at each cut."""
    width, height = size
    for i in range(n):
        shot = sum(c <= i for c in cuts)
        image = np.empty((height, width, 3), np.uint8)
        image[:] = ((80, 40, 40), (40, 200, 90), (60, 60, 220), (220, 200, 60))[shot % 4]
        image[height - 8 :, (3 * i) % (width - 8) :][:, :8] = 128  # something moves
        for bit in range(BITS):
            row, column = divmod(bit, BITS // 2)
            side = width // (BITS // 2)
            image[row * side : (row + 1) * side, column * side : (column + 1) * side] = 255 * (i >> bit & 1)
        yield image


def number_of(image: ImageArray) -> int:
    """The number that a picture of `numbered` carries."""
    side = image.shape[1] // (BITS // 2)
    middles = [(bit, *divmod(bit, BITS // 2)) for bit in range(BITS)]
    return sum(1 << bit for bit, r, c in middles if image[r * side + side // 2, c * side + side // 2].mean() > 128)


def clicks(seconds: float, rate: int, channels: int = 1) -> FloatArray:
    """Silence with short clicks at CLICKS in all channels: [n] or [n, channels]."""
    samples = np.zeros((round(seconds * rate), channels), np.float32)
    for at in CLICKS:
        samples[round(at * rate) :][: rate // 300] = 0.8
    return samples if channels > 1 else samples[:, 0]


@dataclass
class Read:
    """Everything that one pass gave."""

    info: MediaInfo
    reader: TitleReader
    pictures: list[tuple[int, int]]  # (pts, duration)
    images: list[ImageArray]
    start: int | None  # number of the first sample
    samples: FloatArray
    lost: list[int]  # pictures lost before each

    @property
    def numbers(self) -> list[int]:
        """What the pictures of a `numbered` film carry."""
        return [number_of(image) for image in self.images]

    @property
    def clicks(self) -> list[float]:
        """Seconds at which it clicks."""
        loud = np.flatnonzero(np.abs(self.samples) > 0.3 * np.abs(self.samples).max(initial=1e-9))
        firsts = [i for k, i in enumerate(loud) if k == 0 or i - loud[k - 1] > 800]
        return [(i + (self.start or 0)) / self.reader.sample_rate for i in firsts]

    def seconds(self, i: int) -> float:
        return float(self.pictures[i][0] * self.reader.time_base)


def read(path: Path, images: bool = False, **options: object) -> Read:
    """Read a title whole, holding the contract on the way: pictures tile, sound is contiguous."""
    pictures: list[tuple[int, int]] = []
    kept: list[ImageArray] = []
    lost: list[int] = []
    start, chunks = None, []
    with open_title(path, **options) as reader:  # type: ignore[arg-type]
        due = None
        for item in reader:
            if isinstance(item, Picture):
                assert item.index == len(pictures)
                assert item.duration_pts > 0
                assert item.pts >= 0
                assert not pictures or item.pts == sum(pictures[-1])
                pictures.append((item.pts, item.duration_pts))
                lost.append(item.lost_before)
                if images:
                    track = reader.info.video
                    assert track is not None
                    kept.append(item.rgb(track.display_width, track.display_height))
            else:
                assert isinstance(item, Sound)
                assert item.samples.dtype == np.float32
                assert item.samples.ndim == 1
                assert due is None or item.start == due
                assert not (item.missing and item.samples.any())
                start = item.start if start is None else start
                due = item.start + len(item.samples)
                chunks.append(item.samples)
        assert reader.frames_read == len(pictures)
        assert reader.samples_read == (due or 0)
        assert sum(lost) + reader.lost_at_end == reader.pictures_lost <= reader.decode_failures
    samples = np.concatenate(chunks) if chunks else np.zeros(0, np.float32)
    return Read(reader.info, reader, pictures, kept, start, samples, lost)
