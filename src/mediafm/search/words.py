"""Search by words: by meaning and by the words themselves, merged by reciprocal rank (Cormack et al. 2009)."""

from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import CatalogError, MismatchError, UsageError
from mediafm.search.likeness import cosines
from mediafm.search.ranking import Hit, Ranking, Unit
from mediafm.types import FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

TextEncoder = Callable[[list[str]], FloatArray]  # n queries -> float32 [n, dim]
RANK_OFFSET = 60  # of reciprocal rank fusion, as its authors chose it


def search_words(
    catalog: "Catalog",
    query: str,
    unit: Unit,
    k: int,
    text_encoder: TextEncoder | None,
    text_fingerprint: str | None,
) -> list[Hit]:
    """The k units whose timed text fits the words best; by meaning too where an encoder is given."""
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
        near = [cosines(features.vectors["text"], wanted) for _, features in catalog.iter_features(titles)]
        merged = merged + _reciprocal_ranks(np.concatenate(near))
    merged[merged == 0] = -np.inf
    ranking, at = Ranking(), 0
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
