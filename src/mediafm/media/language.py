"""Language tags as people write them in file names and containers, reduced to one form."""

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
