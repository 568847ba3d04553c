"""Which characters a subtitle file's bytes stand for. Unicode is certain; older encodings are guessed, with a guard."""

import codecs
import re
from pathlib import Path

from mediafm.errors import MediaError

_MARKS = [  # the longer first: UTF-32's mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]
# What subtitles were written in before Unicode, by the language that the file's name tells.
_BY_LANGUAGE = {
    **dict.fromkeys(("bg", "ru", "sr", "uk"), "cp1251"),
    **dict.fromkeys(("cs", "hr", "hu", "pl", "ro", "sk", "sl"), "cp1250"),
    **dict.fromkeys(("et", "lt", "lv"), "cp1257"),
    "ar": "cp1256",
    "fa": "cp1256",
    "el": "cp1253",
    "he": "cp1255",
    "ja": "cp932",
    "ko": "cp949",
    "th": "cp874",
    "tr": "cp1254",
    "vi": "cp1258",
    "zh": "gb18030",
}
_SAMPLE = 1_000_000  # characters that a guess is judged by
_CONTROL = re.compile("[\x00-\x08\x0e-\x19\x1b-\x1f\x7f-\x9f]")
_PUNCTUATION = set("‘’‚“”„«»‹›–—…¿¡°·•´¨ª º©®™§¶£€¥¢½¼¾×♪\u00a0\u00ad")
_WESTERN_SHARE = 0.35  # more accented letters than this among all letters, and it is no western language


def decode_text(data: bytes, path: Path, language: str = "") -> tuple[str, str]:
    """The text of a subtitle file and the name of the encoding it was read with.

    In order: a byte order mark, UTF-8, UTF-16 without mark, the encoding usual for `language` (from the file's name),
    western (cp1252) and Cyrillic (cp1251) if the result looks like words. Raises MediaError otherwise: wrong letters
    would silently become wrong features.
    """
    for encoding in _candidates(data, language):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text and _plausible(text, encoding):
            return text, encoding
    raise MediaError(
        f"{path}: the encoding of this subtitle file could not be told.",
        "Save it as UTF-8 (iconv -f OLD -t UTF-8), or put its language into its name (film.ru.srt).",
    )


def _candidates(data: bytes, language: str) -> list[str]:
    marked = [name for mark, name in _MARKS if data.startswith(mark)]
    if marked:
        return marked[:1]
    head = data[:4096]
    if head.count(0) > len(head) // 4:  # every other byte of western UTF-16 text is zero
        return ["utf-16-le"] if head[1::2].count(0) > head[::2].count(0) else ["utf-16-be"]
    hinted = [_BY_LANGUAGE[language]] if language in _BY_LANGUAGE else []
    return ["utf-8", *hinted, "cp1252", "cp1251"]


def _plausible(text: str, encoding: str) -> bool:
    """Whether a guessed single-byte decoding gives words and not noise; Unicode needs no such doubt."""
    if encoding == "cp1252":
        return _looks_western(text[:_SAMPLE])
    if encoding == "cp1251":
        return _looks_cyrillic(text[:_SAMPLE])
    return not _CONTROL.search(text)


def _looks_western(text: str) -> bool:
    letters = [c for c in text if c.isalpha()]
    accented = [c for c in letters if not c.isascii()]
    strange = sum(1 for c in text if not c.isascii() and not c.isalpha() and c not in _PUNCTUATION)
    if _CONTROL.search(text) or strange > 0.1 * max(1, len(accented)):
        return False
    return len(accented) <= _WESTERN_SHARE * max(1, len(letters))


def _looks_cyrillic(text: str) -> bool:
    letters = [c for c in text if c.isalpha() and not c.isascii()]
    russian = sum(1 for c in letters if "а" <= c.lower() <= "я" or c.lower() in "ёіїєґђјљњћџўќѓѕ")
    small = sum(1 for c in letters if c.islower())
    return bool(letters) and russian > 0.95 * len(letters) and small > 0.5 * len(letters)
