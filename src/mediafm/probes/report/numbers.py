"""Numbers as people read them: three decimals, a true minus sign, times as h:mm:ss.s."""

import math
import re

MINUS = "\u2212"
NOTHING = "\u2013"  # an en dash: there is no number


def decimal(value: float | None) -> str:
    """0.812, −0.034; an en dash where there is no number."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:.3f}".replace("-0.000", "0.000").replace("-", MINUS)


def signed(value: float | None) -> str:
    """+0.012, −0.034; 0.000 has no sign."""
    text = decimal(value)
    return text if text in (NOTHING, "0.000") or text.startswith(MINUS) else f"+{text}"


def between(low: float | None, high: float | None, signs: bool = False) -> str:
    """0.790 to 0.834; empty without an interval."""
    if low is None or high is None:
        return ""
    write = signed if signs else decimal
    return f"{write(low)} to {write(high)}"


def p_text(p: float | None) -> str:
    """0.032, < 0.001; empty where nothing was drawn."""
    if p is None or not math.isfinite(p):
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss.s."""
    tenths = round(seconds * 10)
    return f"{tenths // 36000}:{tenths // 600 % 60:02d}:{tenths // 10 % 60:02d}.{tenths % 10}"


def short_count(count: int) -> str:
    """A count in at most four characters: 870, 1.2k, 34k, 2.1M."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:.1f}{unit}" if count < 9.95 * size else f"{count / size:.0f}{unit}"
    return str(count)


def counted(count: int, noun: str) -> str:
    """1 title, 12 titles, 1,200 shots."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


WRITTEN = {"roc auc": "ROC AUC", "f1": "F1", "r2": "R²", "miou": "mean IoU", "kendall tau": "Kendall's tau"}
WRITTEN |= {"pearson": "Pearson's r", "spearman": "Spearman's rho"}


def metric_words(name: str) -> str:
    """A metric's name as people write it: average_precision -> average precision, macro_f1 -> macro F1."""
    words = name.replace("_", " ")
    pattern = "|".join(sorted(WRITTEN, key=len, reverse=True))
    return re.sub(rf"\b(?:{pattern})\b", lambda found: WRITTEN[found[0]], words)


def capital(sentence: str) -> str:
    """With a capital letter in front; the rest as it stands."""
    return sentence[:1].upper() + sentence[1:]


def true_minus(text: str) -> str:
    """A sentence with hyphens before digits turned into minus signs; hyphens inside words and names stay."""
    return re.sub(r"(?<![\w./-])-(?=\d)", MINUS, text)
