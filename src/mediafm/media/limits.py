"""What no film, sound or subtitle file needs more of. A file that claims more is damaged or made to do harm.

The limits are far beyond anything real: none of them is a matter of taste. They keep memory and time bounded by what a
file holds, not by what it says of itself.
"""

from fractions import Fraction
from pathlib import Path

MAX_SIDE = 16_384  # pixels; the widest pictures that H.264 and HEVC can code are 16,384 and 8,192 wide
MAX_PIXELS = 16_384 * 8_192  # of one picture; the largest cinema cameras make 80 million
MAX_PIXEL_ASPECT = 10  # width of a pixel over its height, or the reverse; the oddest in use is 3
MAX_STREAMS = 256  # tracks of one file
MAX_TICK_S = 1  # a clock coarser than this cannot place pictures
MAX_PICTURE_RATE, MIN_PICTURE_RATE = 1_000, Fraction(1, 60)  # a second; beyond them a stated rate is not believed
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 1_000, 1_000_000  # hertz
MAX_LENGTH_S = 7 * 24 * 3600
MIN_BYTES_PER_S = 10  # a longer title than this allows (and an hour more) is not in the file; silence in FLAC takes 27

MAX_SUBTITLE_BYTES = 8 << 20  # a feature film's dialogue takes 0.1 MB
MAX_CUES = 50_000  # of a title; a day of talk has 30,000
MAX_RAW_CUE = 4_000  # characters of a cue with its markup; the rest of a longer one is left out
MAX_SHOT_CUES, MAX_SHOT_TEXT = 200, 20_000  # cues of one shot, and characters of their words
MAX_METADATA_BYTES = 256 << 20


def longest(path: Path) -> Fraction:
    """Seconds that a file of this size can last."""
    return min(Fraction(MAX_LENGTH_S), 3600 + Fraction(path.stat().st_size, MIN_BYTES_PER_S))
