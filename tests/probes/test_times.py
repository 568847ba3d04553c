from fractions import Fraction

import pytest

from mediafm.probes.tasks import exact_rate
from mediafm.probes.times import is_timecode, parse_time

NTSC = Fraction(30000, 1001)


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("12.5", 12.5),
        (" 7 ", 7),
        ("1:02", 62),
        ("01:02:03.250", 3723.25),
        ("00:00:01,5", 1.5),
        ("0:59:59.999", 3599.999),
    ],
)
def test_seconds_and_clock_times(text, seconds):
    assert not is_timecode(text) and parse_time(text) == pytest.approx(seconds)


def test_timecode_counts_frames_at_the_rate():
    assert parse_time("00:00:10:12", Fraction(25)) == pytest.approx(10.48)
    assert parse_time("01:00:00:00", Fraction(24000, 1001)) == pytest.approx(3603.6)  # runs slow against the clock


def test_dropped_frames_keep_step_with_the_clock():
    """SMPTE ST 12-1: ten minutes hold 17982 frames at 29.97, and after an hour the count is 3.6 ms off."""
    assert parse_time("00:10:00;00", NTSC) == pytest.approx(17982 / NTSC)
    assert parse_time("01:00:00;00", NTSC) == pytest.approx(3600, abs=0.004)
    frame = 1 / NTSC
    assert parse_time("00:01:00;02", NTSC) - parse_time("00:00:59;29", NTSC) == pytest.approx(float(frame))


@pytest.mark.parametrize(
    "text, rate, message",
    [
        ("00:00:10:12", None, "the frame rate is not known"),
        ("00:00:10:25", Fraction(25), "is no timecode at 25"),
        ("00:01:00;00", NTSC, "leaves out"),
        ("00:01:00;00", Fraction(25), "29.97 and 59.94"),
        ("00:61:00.0", None, "more than 59"),
        ("soon", None, "'soon' is no time"),
    ],
)
def test_what_is_no_time_is_said(text, rate, message):
    with pytest.raises(ValueError, match=message):
        parse_time(text, rate)


def test_short_rates_stand_for_the_broadcast_ones():
    for short, exact in (("23.976", 24000), ("29.97", 30000), ("59.94", 60000)):
        assert exact_rate(Fraction(short)) == Fraction(exact, 1001)
    assert exact_rate(Fraction(25)) == 25 and exact_rate(Fraction("12.5")) == Fraction(25, 2)
