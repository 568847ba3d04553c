"""Names for parts of a title: the words that tell each from the others."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

WORD = re.compile(r"[^\W\d_][^\W_]*(?:['\u2019][^\W_]+)?")
SHORTEST = 4  # letters; the words that hold a language together are short
WORDS = 3


def telling_words(parts: Sequence[str], count: int = WORDS) -> list[list[str]]:
    """The `count` words of each part that are said more often there than elsewhere, the most telling first.

    Class-based TF-IDF (Grootendorst 2022): a word's share of the part times log(1 + mean words of a part / how often it
    is said in all of them). Words of less than four letters, and those said in more than half of the parts, do not
    count; case does not either. Nothing is assumed of the language but letters. A part without words has none.
    """
    counts = [Counter(w.lower() for w in WORD.findall(part) if len(w) >= SHORTEST) for part in parts]
    everywhere: Counter[str] = sum(counts, Counter())
    within = Counter(word for held in counts for word in held)
    mean = sum(everywhere.values()) / max(len(parts), 1)
    found = []
    for held in counts:
        weight = {
            word: times * np.log1p(mean / everywhere[word]) for word, times in held.items()
            if within[word] <= max(1, len(parts) // 2)
        }  # fmt: skip
        found.append(sorted(weight, key=lambda word: (-weight[word], word))[:count])
    return found
