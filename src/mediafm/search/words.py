"""Words, in every way they can be compared with what is in a catalog."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mediafm.errors import CatalogError, UsageError
from mediafm.index import open_index
from mediafm.search.encoding import QueryEncoders
from mediafm.search.lines import Lines
from mediafm.search.merging import Ranking
from mediafm.search.queries import Words
from mediafm.search.through import Through
from mediafm.types import FloatArray, Modality

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

# What words are compared with, by the features that hold it.
WAYS = ("full text", "meaning", "picture", "sound", "predicted")
# Where meaning ranks too, a text must hold half of the words' weight to count as a match of words: else one that shares
# nothing but "of the" would stand beside the best by meaning, for ranks know no distance.
LEAST_HELD = 0.5
_FEATURES = {"full text": "text", "meaning": "text", "picture": "video", "sound": "audio", "predicted": "concat"}


def word_rankings(
    catalog: "Catalog",
    lines: Lines,
    query: Words,
    encoders: QueryEncoders,
    ways: Sequence[str],
    through: Through | None,
    notes: list[str],
    among_others: bool = False,
) -> list[Ranking]:
    """A ranking for each way that is open; notes: why one was not. Among other queries they share the query's weight.

    CatalogError where none is: no timed text, and no encoder that shares a space with words.
    """
    found = list(_rankings(catalog, lines, query, encoders, ways, through, notes))
    if not found and "full text" not in ways:
        raise UsageError(
            "Words are matched with timed text alone: no other encoder of the catalog shares a space with words.",
            "Leave the features out, or search by example.",
        )
    if not found:
        raise CatalogError("The catalog holds no timed text to search.", "Search by example with --like.")
    share = query.weight / (len(found) if among_others else 1)
    return [Ranking(r.query, r.way, r.features, r.scores_N, share, query.text) for r in found]


def _rankings(
    catalog: "Catalog",
    lines: Lines,
    query: Words,
    encoders: QueryEncoders,
    ways: Sequence[str],
    through: Through | None,
    notes: list[str],
) -> Iterator[Ranking]:
    meant_D = encoders.words(query.text) if "meaning" in ways or through is not None else None
    if lines.speaks and "full text" in ways:
        yield Ranking(query.text, "full text", "text", lines.bm25(query.text, 0.0 if meant_D is None else LEAST_HELD))
    if lines.speaks and "meaning" in ways:
        if meant_D is None:
            notes.append("Words are matched as words alone: no encoder at hand made the catalog's text vectors.")
        else:
            yield Ranking(query.text, "meaning", "text", _cosines(catalog, lines, "text", meant_D))
    towers: tuple[tuple[str, Modality], ...] = (("picture", "video"), ("sound", "audio"))
    for way, modality in towers:
        if way in ways and modality in catalog.spec.encoders:
            vector = encoders.words_as(modality, query.text)
            if vector is not None:
                yield Ranking(query.text, way, modality, _cosines(catalog, lines, modality, vector))
    if through is not None and "predicted" in ways:
        if meant_D is None:
            raise UsageError(
                "Words cannot go through a model: no encoder at hand made the catalog's text vectors.",
                "Search without --through.",
            )
        yield Ranking(query.text, f"predicted by {through.name}", "concat", _laid(lines, through.scores(meant_D)))


def ways_of(features: Sequence[str]) -> list[str]:
    """The ways that the named features allow; all without any. UsageError for what words are not compared with."""
    if not features:
        return list(WAYS)
    wrong = [name for name in features if name not in ("text", "video", "audio")]
    if wrong:
        raise UsageError(
            f"Words are matched with timed text, pictures and sound, not with {wrong[0]!r}.",
            "Leave the features out, give --through RUN, or search by example.",
        )
    return [way for way, held in _FEATURES.items() if held in features or way == "predicted"]


def _cosines(catalog: "Catalog", lines: Lines, modality: Modality, wanted_D: FloatArray) -> FloatArray:
    """Of each shot's own vector with the query, as their encoder gave them, [N]; -inf where it is absent."""
    index = open_index(catalog, modality, as_encoded=True)
    return lines.spread(index, index.scores(wanted_D))


def _laid(lines: Lines, by_title: Any) -> FloatArray:
    """Scores that come title by title, in the order of all shots, [N]."""
    place = {title: i for i, title in enumerate(lines.titles)}
    out = np.full(len(lines), -np.inf, dtype=np.float32)
    for title, scores in by_title:
        if title in place:
            first, end = lines.starts[place[title]], lines.starts[place[title] + 1]
            out[first : first + min(len(scores), end - first)] = scores[: end - first]
    return out
