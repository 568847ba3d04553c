"""Search: words or an example in; ranked shots, clips or titles out.

Words are matched against timed text in two ways, by meaning (the catalog's text vectors) and by the words themselves
(TF-IDF), and the two rankings are merged by reciprocal rank (Cormack et al. 2009). An example is a title, a span of one
or a shot; everything is compared with it by cosine, exactly, in one pass over the catalog. A catalog's own features are
standardised over the catalog first, so that no encoder's common direction makes all shots look alike.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import CatalogError, MismatchError, UsageError
from mediafm.fusion import FusionSpec, FusionStats, fuse
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

Unit = Literal["shot", "clip", "title"]
TextEncoder = Callable[[list[str]], FloatArray]  # n queries -> float32 [n, dim]

MOST_HITS = 10_000
SHOTS_A_CLIP = 5  # clips are joined from this many times k shots
RANK_OFFSET = 60  # of reciprocal rank fusion, as its authors chose it
OVERHANG_S = 0.05  # a span may end this much after its title: people round
CONCAT = "concat"


@dataclass(frozen=True, slots=True)
class Hit:
    """A found shot, clip or title: shots [first_shot, end_shot), their span in seconds, their timed text.

    text: of the shots; of a title, only that of its best shot. score: cosine, or the merged reciprocal ranks of words;
    of a clip or title that of its best shot.
    """

    title: str
    start_s: float
    end_s: float
    score: float
    text: str
    first_shot: int
    end_shot: int


@dataclass(frozen=True, slots=True)
class Example:
    """What `--like` names: a whole title, some seconds of it, or one shot."""

    title: str
    start_s: float | None = None
    end_s: float | None = None
    shot: int | None = None


def search(
    catalog: "Catalog",
    query: str | None = None,
    like: str | None = None,
    unit: Unit = "shot",
    k: int = 10,
    features: str | None = None,
    text_encoder: TextEncoder | None = None,
    text_fingerprint: str | None = None,
) -> list[Hit]:
    """The k best matches, best first; fewer where fewer match.

    query: words, matched by meaning only if `text_encoder` is given; its fingerprint, which must go with it, has to be
        that of the catalog's text encoder (MismatchError).
    like: "TITLE", "TITLE@12.5-20" (seconds or hh:mm:ss.mmm) or "TITLE#3" (shot); never found itself.
    unit: shots; clips, neighbours among the best shots joined; or titles, each as good as its best shot (with a whole
        title as example: as its own vector).
    features: what `like` compares: an embedding set, a modality or "concat" (the fused embedding). Default: the
        catalog's embedding set with context if it has just one, concat if it has none.
    Raises UsageError for a call that makes no sense, CatalogError for an empty catalog or one without timed text.
    """
    if (query is None) == (like is None):
        raise UsageError("A search takes either words or an example.", "Give one of the two.")
    if unit not in get_args(Unit):
        raise UsageError(f"Cannot search for {unit!r}.", f"Units are {', '.join(get_args(Unit))}.")
    if not 1 <= k <= MOST_HITS:
        raise UsageError(f"Cannot give {k} hits.", f"Ask for 1 to {MOST_HITS}; `mediafm export` gives everything.")
    if not catalog.title_ids():
        raise CatalogError("The catalog holds no titles.", "Fill it with `mediafm ingest` or `mediafm import`.")
    if like is not None:
        return _search_like(catalog, parse_example(like, catalog.title_ids()), unit, k, features)
    if features not in (None, "text"):
        raise UsageError(
            f"Words are matched with timed text, not with {features!r}.",
            "Leave the features out, or search by example.",
        )
    return _search_words(catalog, query or "", unit, k, text_encoder, text_fingerprint)


# examples -----------------------------------------------------------------------------------------------------


def parse_example(text: str, titles: list[str]) -> Example:
    """TITLE, TITLE@a-b or TITLE#n, for one of the titles. UsageError names near titles, or what is wrong with a-b."""
    if text in titles:
        return Example(text)
    title, mark, rest = text.rpartition("@")
    if not mark:
        title, mark, rest = text.rpartition("#")
    if not mark:
        title = text
    if title not in titles:
        near = get_close_matches(title, titles, n=3)
        hint = f"Did you mean {', '.join(near)}?" if near else "`mediafm info` lists the titles."
        raise UsageError(f"The catalog holds no title {title!r}.", hint)
    if mark == "#":
        if not re.fullmatch(r"\d+", rest):
            raise UsageError(f"{rest!r} in {text!r} is no shot number.", "Shots count from 0, as in TITLE#3.")
        return Example(title, shot=int(rest))
    parts = rest.split("-")
    if len(parts) != 2:
        raise UsageError(f"{rest!r} in {text!r} is no span of time.", "Write start and end, as in TITLE@12.5-20.")
    start_s, end_s = (parse_time(part) for part in parts)
    if end_s <= start_s:
        raise UsageError(f"The span {rest!r} in {text!r} ends before it starts.", "Write start, then end.")
    return Example(title, start_s, end_s)


def parse_time(text: str) -> float:
    """Seconds ("12.5"), "mm:ss" or "hh:mm:ss", the last part with a fraction if wanted, as seconds."""
    match = re.fullmatch(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d+)?)", text.strip())
    if match is None or (match[2] and float(match[3]) >= 60) or (match[1] and int(match[2]) >= 60):
        raise UsageError(f"{text!r} is no time.", "Write seconds, as in 12.5, or hh:mm:ss.mmm.")
    return int(match[1] or 0) * 3600 + int(match[2] or 0) * 60 + float(match[3])


def _example_weights(catalog: "Catalog", example: Example) -> NDArray[np.float64]:
    """How much of the example lies in each shot of its title, [n]."""
    starts, ends = catalog.spans(example.title)
    if example.shot is not None:
        if example.shot >= len(starts):
            raise UsageError(f"Title {example.title!r} has no shot {example.shot}.", f"Its last is {len(starts) - 1}.")
        return (np.arange(len(starts)) == example.shot).astype(np.float64)
    if example.start_s is None or example.end_s is None:
        return np.ones(len(starts))
    if example.start_s >= ends[-1] or example.end_s > ends[-1] + OVERHANG_S:
        raise UsageError(
            f"The span {example.start_s:g}-{example.end_s:g} s lies outside title {example.title!r}.",
            f"It ends at {ends[-1]:.3f} s.",
        )
    return np.maximum(np.minimum(ends, example.end_s) - np.maximum(starts, example.start_s), 0.0)


def _search_like(catalog: "Catalog", example: Example, unit: Unit, k: int, features: str | None) -> list[Hit]:
    weights = _example_weights(catalog, example)
    name = _features_to_compare(catalog, features)
    vectors = _Vectors(catalog, name)
    ((_, shots, whole),) = vectors.of([example.title])
    by_title = unit == "title" and (weights > 0).all()
    wanted = whole if by_title else weights @ shots
    if not np.linalg.norm(wanted) > 0:
        raise UsageError(
            f"The example in title {example.title!r} has no {name} to compare by.", "Choose another span or --features."
        )
    wanted = (wanted / np.linalg.norm(wanted)).astype(np.float32)
    ranking = _Ranking()
    for title, shots, whole in vectors.of(None):
        scores = np.full(len(shots), _cosines(whole[None], wanted)[0]) if by_title else _cosines(shots, wanted)
        if title == example.title:
            scores = np.where((weights > 0) | (unit == "title"), -np.inf, scores)
        ranking.add(title, scores)
    return ranking.hits(catalog, unit, k)


def _features_to_compare(catalog: "Catalog", features: str | None) -> str:
    sets = catalog.embedding_sets()
    names = [spec.name for spec in sets]
    known = [*names, *catalog.spec.encoders, CONCAT]
    if features is not None and features not in known:
        raise UsageError(f"The catalog has no features {features!r}.", f"It has {', '.join(known)}.")
    if features is not None:
        return features
    in_context = [spec.name for spec in sets if spec.context != "none"]
    if len(in_context) > 1:
        raise UsageError(
            f"The catalog has {len(in_context)} embedding sets with context.",
            f"Say which to compare by: {', '.join(in_context)}.",
        )
    return in_context[0] if in_context else CONCAT


class _Vectors:
    """Vectors of shots and titles under a name, read title by title; features are standardised over the catalog."""

    def __init__(self, catalog: "Catalog", name: str) -> None:
        self.catalog, self.name = catalog, name
        self.stats: FusionStats | None = None
        if name == CONCAT or name in catalog.spec.encoders:
            dims = {m: dim for m, dim in catalog.spec.dims.items() if name in (CONCAT, m)}
            spec = FusionSpec(dims, centring="standard")
            self.stats = FusionStats.fit((features for _, features in catalog.iter_features()), spec)

    def of(self, titles: list[str] | None) -> Iterator[tuple[str, FloatArray, FloatArray]]:
        """(title id, shots [n, d], title [d]); None: of all titles."""
        if self.stats is None:
            yield from self.catalog.iter_embeddings(self.name, titles)
            return
        for title, features in self.catalog.iter_features(titles):
            shots, _ = fuse(features, self.stats)
            yield title, shots, shots.mean(axis=0)


def _cosines(rows: NDArray[Any], wanted: FloatArray) -> FloatArray:
    """Cosine of each row with a unit vector, float32 [n]; -inf for a row of zeros, which has nothing to compare."""
    rows = np.asarray(rows, dtype=np.float32)
    norms = np.linalg.norm(rows, axis=1)
    cosines = (rows @ wanted) / np.where(norms > 0, norms, 1)
    return np.where(norms > 0, cosines, -np.inf).astype(np.float32)


# words --------------------------------------------------------------------------------------------------------


def _search_words(
    catalog: "Catalog",
    query: str,
    unit: Unit,
    k: int,
    text_encoder: TextEncoder | None,
    text_fingerprint: str | None,
) -> list[Hit]:
    if not query.strip():
        raise UsageError("There are no words to search for.", "Give at least one.")
    wanted = None if text_encoder is None else _encoded(catalog, query, text_encoder, text_fingerprint)
    titles = catalog.title_ids()
    rows = groupby(catalog.iter_texts(titles), itemgetter(0))
    by_title = [(title, [text for *_, text in of_title]) for title, of_title in rows]
    texts = [text for _, of_title in by_title for text in of_title]
    if not any(text.strip() for text in texts):
        raise CatalogError("The catalog holds no timed text to search.", "Search by example with --like.")
    merged = _reciprocal_ranks(_word_scores(texts, query))
    if wanted is not None:
        near = [_cosines(features.vectors["text"], wanted) for _, features in catalog.iter_features(titles)]
        merged = merged + _reciprocal_ranks(np.concatenate(near))
    merged[merged == 0] = -np.inf
    ranking, at = _Ranking(), 0
    for title, of_title in by_title:
        ranking.add(title, merged[at : at + len(of_title)])
        at += len(of_title)
    return ranking.hits(catalog, unit, k)


def _encoded(catalog: "Catalog", query: str, text_encoder: TextEncoder, fingerprint: str | None) -> FloatArray:
    """The query as a unit vector [d], by the very encoder that made the catalog's text vectors."""
    stored = catalog.spec.encoders.get("text")
    if stored is None:
        raise CatalogError("The catalog holds no text vectors.", "Search it without a text encoder, by words alone.")
    if fingerprint != stored.fingerprint:
        raise MismatchError(
            f"The catalog's text was encoded by {stored.name} ({stored.fingerprint}), the query would be by another "
            f"encoder ({fingerprint or 'of no known fingerprint'}).",
            "Search with the preset that the catalog was made with.",
        )
    vector = np.asarray(text_encoder([query]), dtype=np.float32)[0]
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def _word_scores(texts: list[str], query: str) -> FloatArray:
    """TF-IDF cosine of each text with the query, [n]; -inf where they share no word."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(strip_accents="unicode", sublinear_tf=True, token_pattern=r"(?u)\b\w+\b")
    try:
        rows = vectorizer.fit_transform(texts)
    except ValueError:  # not one word in any text, only marks
        return np.full(len(texts), -np.inf, dtype=np.float32)
    scores = (rows @ vectorizer.transform([query]).T).toarray()[:, 0]
    return np.where(scores > 0, scores, -np.inf).astype(np.float32)


def _reciprocal_ranks(scores: FloatArray) -> NDArray[np.float64]:
    """1 / (60 + rank) of each score, equal scores sharing the better rank; 0 for -inf."""
    ordered = np.sort(-scores)
    rank = np.searchsorted(ordered, -scores, side="left") + 1
    return np.where(np.isfinite(scores), 1 / (RANK_OFFSET + rank), 0.0)


# ranking ------------------------------------------------------------------------------------------------------


class _Ranking:
    """Scores of all shots, title after title; -inf: not to be found."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.scores: list[NDArray[Any]] = []

    def add(self, title: str, scores: NDArray[Any]) -> None:
        """Enter a title's shots."""
        self.titles.append(title)
        self.scores.append(scores)

    def hits(self, catalog: "Catalog", unit: Unit, k: int) -> list[Hit]:
        """The k best of a unit, best first; of equals, the one that comes first in the catalog."""
        if unit == "title":
            best = np.array([scores.max() for scores in self.scores])
            found = [(int(i), int(self.scores[i].argmax())) for i in _best(best, k)]
            runs = [(title, shot, shot + 1) for title, shot in found]
        else:
            runs = self._best_shots(k if unit == "shot" else SHOTS_A_CLIP * k)
            runs = runs if unit == "shot" else _joined(runs)
        score = {run: float(self.scores[run[0]][run[1] : run[2]].max()) for run in runs}
        runs = sorted(runs, key=lambda run: (-score[run], run))[:k]
        shots = self._read_shots(catalog, sorted({run[0] for run in runs}))
        return [self._hit(run, score[run], shots[run[0]], unit) for run in runs]

    def _best_shots(self, count: int) -> list[tuple[int, int, int]]:
        starts = np.cumsum([0, *(len(scores) for scores in self.scores)])
        best = _best(np.concatenate(self.scores), count)
        title = np.searchsorted(starts, best, side="right") - 1
        shot = best - starts[title]
        return [(int(t), int(s), int(s) + 1) for t, s in zip(title, shot, strict=True)]

    def _read_shots(self, catalog: "Catalog", titles: list[int]) -> dict[int, list[tuple[float, float, str]]]:
        """Start, end and text of every shot of some titles."""
        number = {self.titles[i]: i for i in titles}
        shots: dict[int, list[tuple[float, float, str]]] = {i: [] for i in titles}
        for title, _, start_s, end_s, text in catalog.iter_texts(list(number)):
            shots[number[title]].append((start_s, end_s, text))
        return shots

    def _hit(self, run: tuple[int, int, int], score: float, shots: list[tuple[float, float, str]], unit: Unit) -> Hit:
        title, first, end = run
        text = " ".join(text for _, _, text in shots[first:end] if text)
        if unit == "title":
            first, end = 0, len(shots)
        return Hit(self.titles[title], shots[first][0], shots[end - 1][1], score, text, first, end)


def _best(scores: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Places of the `count` best finite scores, best first."""
    if count < len(scores):
        bar = np.partition(scores, len(scores) - count)[len(scores) - count]
        places = np.flatnonzero((scores >= bar) & np.isfinite(scores))
    else:
        places = np.flatnonzero(np.isfinite(scores))
    return places[np.argsort(-scores[places], kind="stable")][:count]


def _joined(runs: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Neighbouring shots of one title as one run."""
    out: list[tuple[int, int, int]] = []
    for title, first, end in sorted(runs):
        if out and out[-1][0] == title and out[-1][2] == first:
            out[-1] = (title, out[-1][1], end)
        else:
            out.append((title, first, end))
    return out
