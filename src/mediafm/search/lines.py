"""All shots of a catalog without their vectors: titles, times, and which words stand where.

Words are found by an inverted index with BM25 weights (Robertson & Zaragoza 2009). It is built in one pass over the
timed text and kept in the cache folder under the catalog's content version, so that a search reads it whole and reads
no text. Case and accents do not count; a script that sets no spaces is taken character by character.

Shapes: N shots, V words, P postings (a word in a shot).
"""

import contextlib
import hashlib
import os
import re
import unicodedata
import zipfile
from array import array
from collections import Counter
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from mediafm.caches import cache_folder
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog
    from mediafm.index import VectorIndex

K1, B = 1.2, 0.75  # of BM25: saturation of repeated words, share of the text's length; its usual values
_VERSION = 1  # raise it whenever what is kept changes
# Kana, Han, Thai and Hangul stand alone; an apostrophe inside a word belongs to it.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]|[^\W\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]+(?:['’][^\W_]+)*"
)
_ARRAYS = ("titles", "starts", "start_s", "end_s", "length", "spoken", "words", "first", "shots", "counts")


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared: without case, accents and apostrophes."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return [re.sub("['’]", "", word) for word in _WORD.findall(plain)]


@dataclass(frozen=True)
class Lines:
    """titles in id order; starts [titles + 1] of their shots; start_s, end_s [N]; length [N]: words a shot.
    spoken [N]: it has text, perhaps without a word in it.

    vocabulary: word -> its number; first [V + 1]: its postings are first[v]:first[v + 1] of shots [P] and counts [P].
    """

    titles: list[str]
    starts: NDArray[np.int64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    length: NDArray[np.int32]
    spoken: NDArray[np.bool_]
    vocabulary: dict[str, int]
    first: NDArray[np.int64]
    shots: NDArray[np.int32]
    counts: NDArray[np.int32]

    @classmethod
    def open(cls, catalog: "Catalog") -> "Lines":
        """Of what the catalog holds now: as kept, or built and kept. A damaged cache is built anew."""
        version = getattr(catalog, "content_version", None)
        if version is None:  # a catalog in memory
            return cls.build(catalog)
        home = cache_folder("search") / hashlib.sha256(catalog.identity.encode()).hexdigest()[:16]
        path = home / f"{hashlib.sha256(f'{_VERSION} {version()}'.encode()).hexdigest()[:32]}.npz"
        try:
            about = path.stat()
            return _held(path, about.st_size, about.st_mtime_ns)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
            lines = cls.build(catalog)
            lines._keep(path)
            return lines

    @classmethod
    def build(cls, catalog: "Catalog") -> Self:
        """In one pass over the catalog's texts."""
        titles, starts, start_s, end_s = [], [0], array("d"), array("d")
        vocabulary: dict[str, int] = {}
        words, shots, counts, length = array("i"), array("i"), array("i"), array("i")
        spoken = array("b")
        for title, rows in groupby(catalog.iter_texts(catalog.title_ids()), itemgetter(0)):
            titles.append(title)
            for _, _, start, end, text in rows:
                found = words_of(text) if text else []
                for word, count in Counter(found).items():
                    words.append(vocabulary.setdefault(word, len(vocabulary)))
                    shots.append(len(length))
                    counts.append(count)
                length.append(len(found))
                spoken.append(bool(text.strip()))
                start_s.append(start)
                end_s.append(end)
            starts.append(len(length))
        word_P = np.array(words, dtype=np.int32)
        order = np.argsort(word_P, kind="stable")
        first = np.searchsorted(word_P[order], np.arange(len(vocabulary) + 1))
        return cls(
            titles,
            np.array(starts, dtype=np.int64),
            np.array(start_s),
            np.array(end_s),
            np.array(length, dtype=np.int32),
            np.array(spoken, dtype=np.bool_),
            vocabulary,
            first.astype(np.int64),
            np.array(shots, dtype=np.int32)[order],
            np.array(counts, dtype=np.int32)[order],
        )

    def __len__(self) -> int:
        return len(self.length)

    @cached_property
    def _norms(self) -> FloatArray:
        """What repeated words count the less by, the longer a text is."""
        mean = max(float(self.length.mean()) if len(self) else 0.0, 1e-9)
        return np.asarray(K1 * (1 - B + B * self.length / mean), dtype=np.float32)

    @property
    def speaks(self) -> bool:
        """Whether there is any timed text."""
        return bool(self.spoken.any())

    def bm25(self, query: str, least: float = 0.0) -> FloatArray:
        """How well each shot's text fits the words, float32 [N]; -inf where it holds none of them.

        least: the share of the words' weight (rare words have more) that a text must hold to be found.
        """
        held_N, whole = np.zeros(len(self), dtype=np.float32), 0.0
        score_N = np.zeros(len(self), dtype=np.float32)
        norm_N = self._norms
        for word, asked in Counter(words_of(query)).items():
            if (number := self.vocabulary.get(word)) is None:
                whole += asked * np.log1p(2 * len(self) + 1)  # as of a word in no shot
                continue
            held = slice(self.first[number], self.first[number + 1])
            shots, counts = self.shots[held], self.counts[held]
            rarity = np.log1p((len(self) - len(shots) + 0.5) / (len(shots) + 0.5))
            whole += asked * rarity
            held_N[shots] += asked * rarity
            score_N[shots] += asked * rarity * counts * (K1 + 1) / (counts + norm_N[shots])
        return np.where((score_N > 0) & (held_N >= least * whole), score_N, -np.inf).astype(np.float32)

    def title_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number of the title of each row."""
        return np.searchsorted(self.starts, rows, side="right") - 1

    def span_of(self, title: str) -> tuple[int, int]:
        """Rows of a title."""
        number = self.titles.index(title)
        return int(self.starts[number]), int(self.starts[number + 1])

    def spread(self, index: "VectorIndex", scores: FloatArray) -> FloatArray:
        """Scores of an index's rows in the order of these shots; -inf where it has none, as of titles that grow."""
        if index.titles == self.titles and np.array_equal(index.starts, self.starts):
            return scores
        out = np.full(len(self), -np.inf, dtype=np.float32)
        place = {title: i for i, title in enumerate(self.titles)}
        for i, title in enumerate(index.titles):
            if title in place:
                first, end = self.starts[place[title]], self.starts[place[title] + 1]
                rows = scores[index.starts[i] : index.starts[i + 1]][: end - first]
                out[first : first + len(rows)] = rows
        return out

    def _arrays(self) -> dict[str, NDArray[Any]]:
        packed = {name: _packed(texts) for name, texts in (("titles", self.titles), ("words", list(self.vocabulary)))}
        return packed | {name: getattr(self, name) for name in _ARRAYS if name not in packed}

    def _keep(self, path: Path) -> None:
        """Write beside, rename, delete what is out of date. What cannot be written is not kept."""
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                np.savez(file, allow_pickle=False, **self._arrays())
            part.replace(path)
            for other in path.parent.glob("*.npz"):
                if other != path:
                    other.unlink(missing_ok=True)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()

    @classmethod
    def _load(cls, path: Path) -> Self:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            arrays = {name: held[name] for name in _ARRAYS}
        vocabulary = {word: i for i, word in enumerate(_unpacked(arrays.pop("words")))}
        lines = cls(titles=_unpacked(arrays.pop("titles")), vocabulary=vocabulary, **arrays)
        n = len(lines.length)
        if (
            not len(lines.start_s) == len(lines.end_s) == n == lines.starts[-1]
            or len(lines.first) != len(vocabulary) + 1
        ):
            raise ValueError("arrays of different sizes")
        return lines


@lru_cache(maxsize=2)  # a service asks for the same ones again and again
def _held(path: Path, size: int, changed_ns: int) -> Lines:
    return Lines._load(path)


def _packed(texts: list[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\0".join(texts).encode("utf-8", "surrogatepass"), dtype=np.uint8)


def _unpacked(data: NDArray[np.uint8]) -> list[str]:
    return data.tobytes().decode("utf-8", "surrogatepass").split("\0") if len(data) else []
