"""From a subtitle as it is drawn on screen to the words that are spoken in it.

Gone: styling and positioning, speaker tags, dialogue dashes, music signs. Kept: descriptions of sound such as
[door slams] or (laughs), which are text about the shot like any other.
"""

import html
import re
from collections.abc import Iterable

from mediafm.media.limits import MAX_CUES, MAX_LENGTH_S, MAX_RAW_CUE
from mediafm.types import Cue

# Every pattern takes time in proportion to the text, whatever the text is: none can go back further than it came.
_TOUCHING_MS = 50  # two cues with the same words this close are one that was redrawn

_DRAWING = re.compile(r"\{[^{}]*\\p[1-9][^{}]*\}.*?(?:\{[^{}]*\\p0[^{}]*\}|\Z)", re.DOTALL)  # ASS vector shapes
_OVERRIDE = re.compile(r"\{[^{}]*\}")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|</?\d[\d:.]*>|</>")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_MUSIC = re.compile("[\u2669-\u266c\u00b6\U0001f3b5\U0001f3b6\U0001f3bc]+|(?:^|(?<=\\s))#+(?=\\s|$)")
_DASH = re.compile(r"^\s*[-\u2010-\u2015]+(?=\s|[^\W\d_]|[\[(\"'])\s*")
_CHEVRONS = re.compile(r"^\s*(?:>{2,}|\u00bb+(?=\s))\s*(?:[^\W\d_][\w .'’-]{0,30}:(?=\s|$))?")
_SPEAKER = re.compile(r"^\s*(?P<name>[^\W\d_][^:\[\]()\n]{0,40}?)\s*(?P<how>[\[(][^\[\]()]*[\])])?\s*:(?=\s|$)")


def clean_text(raw: str) -> str:
    r"""The words of one subtitle event, on one line; "" if there are none.

    `raw` may hold ASS overrides (`{\an8}`), ASS line breaks (`\N`), HTML or WebVTT tags and entities. No more than
    MAX_RAW_CUE characters of it are looked at.
    """
    text = _DRAWING.sub("", raw[:MAX_RAW_CUE])
    text = _OVERRIDE.sub("", text)
    text = text.replace(r"\N", "\n").replace(r"\n", "\n").replace(r"\h", " ")
    text = html.unescape(_TAG.sub("", text))
    text = _INVISIBLE.sub("", text)
    joined = " ".join(" ".join(_clean_line(line) for line in text.splitlines()).split())
    return joined if any(c.isalnum() for c in joined) else ""


def _clean_line(line: str) -> str:
    line = " ".join(line.split())
    if len(line) > 1 and line[0] == line[-1] == "#":
        line = line.strip("#")
    line = _MUSIC.sub(" ", line).strip()
    line = _CHEVRONS.sub("", line)
    line = _DASH.sub("", line)
    speaker = _SPEAKER.match(line)
    if speaker is None or not _is_name(speaker["name"]):
        return line
    how = speaker["how"] or ""  # JOHN (on phone): says how it sounds, which stays; JOHN (V.O.): is a word of the trade
    return ("" if how.startswith("(") and how.isupper() else how) + line[speaker.end() :]


def _is_name(words: str) -> bool:
    """Speakers are written in capitals: JOHN, DR. WHO, WOMAN 2; `Remember:` begins a sentence."""
    return words.isupper() and len(words.split()) <= 4


def tidy(cues: Iterable[Cue]) -> list[Cue]:
    """Cues in time order, without empty ones; cues with the same words that touch or overlap become one.

    What lies later than any title lasts is left out. Raises ValueError for more than MAX_CUES.
    """
    result: list[Cue] = []
    latest: dict[str, int] = {}  # words -> where in `result` they stood last
    last_ms = 1000 * MAX_LENGTH_S
    kept = [Cue(c.start_ms, min(c.end_ms, last_ms), c.text) for c in cues if c.text and c.start_ms < last_ms]
    if len(kept) > MAX_CUES:
        raise ValueError(f"{len(kept)} cues, more than {MAX_CUES}")
    for cue in sorted(kept, key=lambda c: (c.start_ms, c.end_ms)):
        at = latest.get(cue.text)
        if at is not None and cue.start_ms <= result[at].end_ms + _TOUCHING_MS:
            same = result[at]
            result[at] = Cue(same.start_ms, max(same.end_ms, cue.end_ms), same.text)
            continue
        latest[cue.text] = len(result)
        result.append(cue)
    return result
