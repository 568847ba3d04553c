"""Times as people write them: seconds, hh:mm:ss.mmm, or SMPTE timecode hh:mm:ss:ff (hh:mm:ss;ff with dropped frames).

SMPTE ST 12-1 counts frames at the rate rounded up to a whole number; at 29.97 and 59.94 a semicolon says that the count
leaves out the first 2 (4) frame numbers of every minute but each tenth, so that it keeps step with the clock.
"""

import math
import re
from fractions import Fraction

CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")
TIMECODE = re.compile(r"(\d+):(\d{2}):(\d{2})([:;])(\d{2,3})")


def is_timecode(text: str) -> bool:
    """Whether it is written with frames, and so needs a frame rate."""
    return TIMECODE.fullmatch(text.strip()) is not None


def parse_time(text: str, rate: Fraction | None = None) -> float:
    """Seconds. `rate`: frames a second, for timecode. ValueError with what is wrong, for people."""
    text = text.strip()
    if match := TIMECODE.fullmatch(text):
        if rate is None:
            raise ValueError(f"{text} counts frames and the frame rate is not known")
        return float(_frames(match, math.ceil(rate)) / rate)
    if match := CLOCK.fullmatch(text):
        hours, minutes, seconds = int(match[1] or 0), int(match[2]), float(match[3].replace(",", "."))
        if seconds >= 60 or (match[1] and minutes >= 60):
            raise ValueError(f"{text} has more than 59 minutes or seconds")
        return hours * 3600 + minutes * 60 + seconds
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time") from None


def _frames(match: re.Match[str], count: int) -> int:
    """Number of the frame that a timecode names, at `count` numbers a second."""
    hours, minutes, seconds, frame = int(match[1]), int(match[2]), int(match[3]), int(match[5])
    if minutes > 59 or seconds > 59 or frame >= count:
        raise ValueError(f"{match[0]} is no timecode at {count} frames a second")
    number = (hours * 3600 + minutes * 60 + seconds) * count + frame
    if match[4] == ":":
        return number
    dropped = count // 15
    if count % 30:
        raise ValueError(f"{match[0]} drops frames, which exists at 29.97 and 59.94 frames a second only")
    if seconds == 0 and frame < dropped and minutes % 10:
        raise ValueError(f"{match[0]} is a frame number that drop-frame timecode leaves out")
    passed = hours * 60 + minutes
    return number - dropped * (passed - passed // 10)
