from fractions import Fraction

import numpy as np
import pytest

from mediafm.errors import UsageError
from mediafm.shots import make_detector

NOTHING = np.empty((0, 0, 3), np.uint8)


def cuts(times: list[Fraction], **options: float) -> list[int]:
    detector = make_detector("fixed", **options)
    return [cut for i, time in enumerate(times) for cut in detector.push(i, time, NOTHING)] + detector.finish()


def test_cuts_by_exact_time() -> None:
    ntsc = [Fraction(1001 * i, 30_000) for i in range(1000)]
    # 10 s are 299.7 frames.
    assert cuts(ntsc) == [300, 600, 900]
    assert cuts([Fraction(i, 25) for i in range(100)], seconds=1) == [25, 50, 75]
    assert cuts([Fraction(i, 10) for i in range(10)], seconds=0.3) == [3, 6, 9]


def test_variable_rate_and_late_start() -> None:
    assert cuts([Fraction(t) for t in (12, 13, 19, 20, 55, 56, 60)]) == [3, 4, 6]


def test_no_picture_is_wanted() -> None:
    assert make_detector("fixed").frame_size(1920, 1080) == (0, 0)


@pytest.mark.parametrize("seconds", [0, -5, float("nan"), "ten", True])
def test_wrong_seconds_are_named(seconds: object) -> None:
    with pytest.raises(UsageError, match="seconds"):
        make_detector("fixed", seconds=seconds)
