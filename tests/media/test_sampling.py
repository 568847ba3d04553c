"""Frame sampling and sound cutting, against known answers and their stated bounds."""

from dataclasses import dataclass
from math import ceil

import numpy as np
import pytest

from mediafm.media import FrameSampler, Sound, SoundCutter
from mediafm.types import ImageArray


@dataclass
class FakePicture:
    """A picture whose image tells its index."""

    index: int
    pts: int
    duration_pts: int = 10

    def scaled(self, short_side: int) -> ImageArray:
        return np.full((short_side, short_side, 3), self.index % 256, np.uint8)


def push(sampler: FrameSampler, first: int, last: int, tick: int = 10) -> None:
    for i in range(first, last):
        sampler.push(FakePicture(i, i * tick, tick))  # type: ignore[arg-type]


def test_centres_of_equal_parts() -> None:
    sampler = FrameSampler(n=4, short_side=2, stride=1)
    push(sampler, 0, 80)
    images, times = sampler.close(80)
    # Parts of 200 ticks; their centres 100, 300, 500, 700 are pictures 10, 30, 50, 70.
    assert times == (100, 300, 500, 700)
    assert [int(i[0, 0, 0]) for i in images] == [10, 30, 50, 70]


def test_candidates_are_every_third_picture() -> None:
    sampler = FrameSampler(n=2, short_side=2)
    push(sampler, 0, 24)
    assert len(sampler) == 8
    assert sampler.close(24)[1] == (60, 180)


def test_variable_rate_counts_time_not_pictures() -> None:
    sampler = FrameSampler(n=2, short_side=2, stride=1)
    times = [0, 10, 20, 30, 40, 50, 250, 300, 400]  # most of the time lies in the last pictures
    for i, (pts, until) in enumerate(zip(times, [*times[1:], 500], strict=True)):
        sampler.push(FakePicture(i, pts, until - pts))  # type: ignore[arg-type]
    assert sampler.close(9)[1] == (50, 400)  # centres 125 and 375


def test_every_shot_of_three_pictures_has_one() -> None:
    for offset in range(3):
        sampler = FrameSampler(n=8, short_side=2)
        push(sampler, 0, 100)
        sampler.close(offset)
        for cut in range(offset + 3, 330, 3):
            push(sampler, cut + 97, cut + 100)
            images, times = sampler.close(cut)
            assert len(images) == len(times) == 1


def test_fewer_candidates_than_asked_gives_all() -> None:
    sampler = FrameSampler(n=8, short_side=2)
    push(sampler, 0, 12)
    assert sampler.close(12)[1] == (0, 30, 60, 90)


def test_late_cuts_split_what_is_held() -> None:
    sampler = FrameSampler(n=1, short_side=2, stride=1)
    push(sampler, 0, 120)
    assert sampler.close(100)[1] == (500,)
    assert sampler.close(110)[1] == (1050,)
    push(sampler, 120, 130)
    assert sampler.close(130)[1] == (1200,)
    assert len(sampler) == 0


def test_shorter_than_the_stride_may_have_none() -> None:
    sampler = FrameSampler(n=2, short_side=2)
    push(sampler, 0, 30)
    sampler.close(10)
    assert sampler.close(12) == ((), ())


@pytest.mark.parametrize(("n", "stride"), [(1, 3), (8, 3), (4, 1), (8, 5)])
def test_memory_bound_and_uniformity_of_a_very_long_shot(n: int, stride: int) -> None:
    sampler = FrameSampler(n=n, short_side=2, stride=stride)
    bound = max(16, 4 * n) + ceil(128 / stride) + 2
    length, most = 50_000, 0
    for i in range(length):
        sampler.push(FakePicture(i, i * 10))  # type: ignore[arg-type]
        most = max(most, len(sampler))
    assert most <= bound
    images, times = sampler.close(length)
    assert len(images) == n
    centres = [(2 * k + 1) * length * 10 / (2 * n) for k in range(n)]
    assert np.abs(np.array(times) - centres).max() <= length * 10 / max(16, 4 * n)


def test_short_shots_right_after_a_very_long_one_keep_their_pictures() -> None:
    sampler = FrameSampler(n=2, short_side=2)
    push(sampler, 0, 10_000)
    sampler.close(9_900)  # reported 100 pictures late
    for cut in range(9_906, 10_000, 6):
        images, _ = sampler.close(cut)
        assert len(images) == 2


def test_images_are_kept_small() -> None:
    sampler = FrameSampler(n=1, short_side=5)
    push(sampler, 0, 3)
    assert sampler.close(3)[0][0].shape == (5, 5, 3)


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        FrameSampler(n=0, short_side=5)


def ramp(start: int, n: int) -> Sound:
    return Sound(start, np.arange(start, start + n, dtype=np.float32))


class TestSoundCutter:
    def test_cuts_across_blocks(self) -> None:
        cutter = SoundCutter()
        for start in range(0, 100, 10):
            cutter.push(ramp(start, 10))
        assert cutter.have_until == 100
        first, second = cutter.cut(0, 37), cutter.cut(37, 100)
        assert first is not None
        assert second is not None
        assert np.array_equal(np.concatenate([first, second]), np.arange(100))
        assert first.dtype == np.float32

    def test_no_sound_is_none_and_partly_is_zeros(self) -> None:
        cutter = SoundCutter()
        assert cutter.cut(0, 5) is None
        cutter.push(ramp(20, 10))
        assert cutter.cut(5, 20) is None
        part = cutter.cut(20, 40)
        assert part is not None
        assert np.array_equal(part, [*range(20, 30), *[0] * 10])
        assert cutter.cut(40, 50) is None

    def test_silence_is_not_missing(self) -> None:
        cutter = SoundCutter()
        cutter.push(Sound(0, np.zeros(10, np.float32)))
        silent = cutter.cut(0, 10)
        assert silent is not None
        assert not silent.any()

    def test_what_is_cut_is_let_go(self) -> None:
        cutter = SoundCutter()
        for start in range(0, 1000, 10):
            cutter.push(ramp(start, 10))
            if start >= 50:
                cutter.cut(start - 50, start - 40)
        assert len(cutter._held) <= 6

    def test_going_back_is_an_error(self) -> None:
        cutter = SoundCutter()
        cutter.push(ramp(0, 100))
        cutter.cut(0, 50)
        with pytest.raises(ValueError, match="ended at 50"):
            cutter.cut(40, 60)
