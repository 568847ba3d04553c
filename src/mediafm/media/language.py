"""Language tags as people write them in file names and containers, reduced to one form; and which ones are wanted."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mediafm.errors import UsageError

# ISO 639-2 codes (both forms) and English names -> ISO 639-1. What is not here is compared as it stands.
_SHORT = {
    "ar": "ara arabic",
    "bg": "bul bulgarian",
    "ca": "cat catalan",
    "cs": "ces cze czech",
    "da": "dan danish",
    "de": "deu ger german deutsch",
    "el": "ell gre greek",
    "en": "eng english",
    "es": "spa spanish espanol",
    "et": "est estonian",
    "fa": "fas per persian farsi",
    "fi": "fin finnish",
    "fr": "fra fre french francais",
    "he": "heb hebrew iw",
    "hi": "hin hindi",
    "hr": "hrv croatian",
    "hu": "hun hungarian",
    "id": "ind indonesian",
    "is": "isl ice icelandic",
    "it": "ita italian italiano",
    "ja": "jpn japanese",
    "ko": "kor korean",
    "lt": "lit lithuanian",
    "lv": "lav latvian",
    "ms": "msa may malay",
    "nl": "nld dut dutch",
    "no": "nor nob norwegian nb",
    "pl": "pol polish",
    "pt": "por portuguese",
    "ro": "ron rum romanian",
    "ru": "rus russian",
    "sk": "slk slo slovak",
    "sl": "slv slovenian",
    "sr": "srp serbian",
    "sv": "swe swedish",
    "ta": "tam tamil",
    "te": "tel telugu",
    "th": "tha thai",
    "tr": "tur turkish",
    "uk": "ukr ukrainian",
    "vi": "vie vietnamese",
    "zh": "zho chi chinese chs cht",
}
_BASE = {form: short for short, forms in _SHORT.items() for form in (short, *forms.split())}
_UNKNOWN = {"", "und", "unk", "mis", "mul", "zxx", "qaa"}


def base_language(tag: str) -> str:
    """`en` for `en`, `eng`, `English`, `en-US`, `en_gb`; "" where the tag says that the language is not known."""
    base = tag.strip().lower().replace("_", "-").split("-")[0]
    return "" if base in _UNKNOWN else _BASE.get(base, base)


def is_language(tag: str) -> bool:
    """Whether `tag` is a language known here by code or name, a region allowed (`pt-BR`)."""
    return base_language(tag) in _SHORT


_TAG = re.compile(r"[A-Za-z]{2,12}([-_][A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True)
class Languages:
    """The languages that are wanted of a title's sound and of its subtitles, dearest first; tags as they were given."""

    audio: tuple[str, ...] = ()
    text: tuple[str, ...] = ()

    @classmethod
    def chosen(cls, both: str = "", audio: str = "", text: str = "") -> "Languages":
        """From lists such as `de,en`: BCP 47 tags, ISO 639 codes or English names. UsageError for what is no tag.

        both: for whichever of the others is not given.
        """
        return cls(_tags(audio or both), _tags(text or both))

    @classmethod
    def parse(cls, spec: str) -> "Languages":
        """The inverse of `spec`; a bare list is for both."""
        if "/" not in spec:
            return cls.chosen(both=spec)
        audio, _, text = spec.partition("/")
        return cls(_tags(audio), _tags(text))

    @property
    def spec(self) -> str:
        """In one string: `de,en` for both, `de,en/fr` where sound and subtitles differ."""
        audio, text = ",".join(self.audio), ",".join(self.text)
        return audio if audio == text else f"{audio}/{text}"


def place_of(language: str, wanted: Sequence[str]) -> int:
    """Where a language (as `base_language` has it) stands in a list of wishes; behind its end if it is in none."""
    bases = [base_language(tag) for tag in wanted]
    return bases.index(language) if language and language in bases else len(bases)


def _tags(listed: str) -> tuple[str, ...]:
    tags = tuple(tag.strip() for tag in listed.split(",") if tag.strip())
    for tag in tags:
        if not _TAG.fullmatch(tag) or not base_language(tag):
            raise UsageError(
                f"{tag!r} names no language.", "Write tags such as de, eng or pt-BR, a comma between them."
            )
    return tags
