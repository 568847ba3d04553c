"""Queries that are vectors of the catalog's own spaces: examples, pictures and sounds.

All of one name become one query vector, the weighted sum of their unit vectors (Rocchio 1971): a negative weight points
away. Then it is one product of all shots with that vector.

Shapes: N shots of the catalog, D numbers of a vector, Q queries.
"""

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import UsageError
from mediafm.index import VectorIndex, open_index
from mediafm.index.vectors import SMALL
from mediafm.search.encoding import QueryEncoders
from mediafm.search.example import Example, example_weights, parse_example
from mediafm.search.lines import Lines
from mediafm.search.merging import Ranking
from mediafm.search.queries import Image, Like, SoundFile
from mediafm.types import BoolArray, FloatArray

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

CONCAT = "concat"
Vectors = Sequence[Like | Image | SoundFile]


class Among(NamedTuple):
    """How many shots are to be ranked at least, and which may be, bool [N] (None: all)."""

    least: int
    allowed: BoolArray | None


def features_to_compare(catalog: "Catalog", asked: Sequence[str]) -> list[str]:
    """The names that examples are compared by: those asked for, or the one embedding set with context, or concat."""
    sets = catalog.embedding_sets()
    known = [*(spec.name for spec in sets), *catalog.spec.encoders, CONCAT]
    for name in asked:
        if name not in known:
            raise UsageError(f"The catalog has no features {name!r}.", f"It has {', '.join(known)}.")
    if asked:
        return list(dict.fromkeys(asked))
    in_context = [spec.name for spec in sets if spec.context != "none" and not spec.mapped]
    if len(in_context) > 1:
        raise UsageError(
            f"The catalog has {len(in_context)} embedding sets with context.",
            f"Say which to compare by: {', '.join(in_context)}.",
        )
    return in_context or [CONCAT]


def like_rankings(
    catalog: "Catalog",
    lines: Lines,
    queries: Vectors,
    names: Sequence[str],
    encoders: QueryEncoders,
    by_title: bool,
    notes: list[str],
    among: Among | None = None,
) -> list[Ranking]:
    """One ranking for each name that a query is compared by; pictures go to `video`, sounds to `audio`.

    by_title: titles are looked for, so whole titles are compared with whole titles. notes: gets a line where titles are
    left out, since an embedding set does not cover them yet: ingest and embed are two steps, and searches come between.
    among: how many shots are ranked at least, and among which; the others of a large catalog may be left out. None: all
    are ranked.
    """
    known = catalog.title_ids()
    examples = {q: parse_example(q.place, known) for q in queries if isinstance(q, Like)}
    held: dict[str, list[tuple[Like | Image | SoundFile, FloatArray]]] = {}
    indexes: dict[str, VectorIndex] = {}
    whole = by_title and len(examples) == len(queries) and all(_is_whole(e) for e in examples.values())
    for query in queries:
        for name in names if isinstance(query, Like) else ["video" if isinstance(query, Image) else "audio"]:
            if isinstance(query, Like):
                weights_S = example_weights(catalog, examples[query])
                vector = _of_example(catalog, _opened(catalog, indexes, name), examples[query], weights_S, whole)
            else:
                raw = encoders.picture(query.path) if isinstance(query, Image) else encoders.sound(query.path)
                vector = _opened(catalog, indexes, name).encode(raw[None])[0]
            held.setdefault(name, []).append((query, vector))
    for name, index in indexes.items():
        if left := len(set(lines.titles) - set(index.titles)):
            notes.append(f"{left} of {len(lines.titles)} titles have no vectors of {name!r} yet and are left out.")
    return [_ranking(catalog, lines, indexes[name], pairs, whole, among) for name, pairs in held.items()]


def shots_of_examples(catalog: "Catalog", lines: Lines, queries: Vectors, by_title: bool) -> BoolArray:
    """Which shots are examples themselves, bool [N], and never found. by_title: all shots of their titles."""
    own = np.zeros(len(lines), dtype=np.bool_)
    known = catalog.title_ids()
    for query in queries:
        if isinstance(query, Like):
            example = parse_example(query.place, known)
            first, end = lines.span_of(example.title)
            inside = example_weights(catalog, example)[: end - first] > 0
            own[first : first + len(inside)] |= inside | by_title
    return own


def alike_by_modality(catalog: "Catalog", place: str, shots: Sequence[tuple[str, int]]) -> list[dict[str, float]]:
    """Of each (title, shot) its cosine with an example in every modality that both have: what makes them alike."""
    example = parse_example(place, catalog.title_ids())
    weights_S = example_weights(catalog, example)
    found: list[dict[str, float]] = [{} for _ in shots]
    for modality in catalog.spec.encoders:
        with contextlib.suppress(UsageError):  # the example has nothing of it
            index = open_index(catalog, modality)
            wanted_D = _of_example(catalog, index, example, weights_S, whole=False)
            place_of = {title: int(index.starts[i]) for i, title in enumerate(index.titles)}
            for alike, (title, shot) in zip(found, shots, strict=True):
                row = place_of.get(title, -1) + shot
                vector = index.rows(row, row + 1)[0] if title in place_of else np.zeros(1)
                if vector.any():
                    alike[modality] = round(float(vector @ wanted_D), 4)
    return found


def _opened(catalog: "Catalog", indexes: dict[str, VectorIndex], name: str) -> VectorIndex:
    if name not in indexes:
        indexes[name] = open_index(catalog, name, partial=True)
    return indexes[name]


def _is_whole(example: Example) -> bool:
    return example.start_s is None and example.shot is None


def _of_example(
    catalog: "Catalog", index: VectorIndex, example: Example, weights_S: NDArray[np.float64], whole: bool
) -> FloatArray:
    """A unit vector [D] of the index: of a whole title its own, else the mean of raw vectors by overlap."""
    if whole:
        vector = _title_vectors(catalog, index, [example.title])[0]
    elif example.title not in index.titles:
        vector = np.zeros(index.dim, dtype=np.float32)
    else:
        inside = np.flatnonzero(weights_S)
        if len(inside) == 1:  # its length is of no matter
            row = int(index.starts[index.titles.index(example.title)] + inside[0])
            vector = np.asarray(index.rows(row, row + 1)[0], dtype=np.float32)
        else:
            vector = weights_S @ _shots(catalog, index, example.title)[: len(weights_S)]
    length = float(np.linalg.norm(vector))
    if not length > 0:
        raise UsageError(
            f"The example in title {example.title!r} has no {index.name} to compare by.",
            "Choose another span or --features.",
        )
    return np.asarray(vector / length, dtype=np.float32)


def _shots(catalog: "Catalog", index: VectorIndex, title: str) -> FloatArray:
    """A title's shots at their own lengths, [S, D]: in a mean those of an embedding set count by length."""
    if index.name == CONCAT or index.name in catalog.spec.encoders:
        place = index.titles.index(title)
        return index.rows(int(index.starts[place]), int(index.starts[place + 1]))
    return np.asarray(catalog.embeddings(index.name, title), dtype=np.float32)


def _title_vectors(catalog: "Catalog", index: VectorIndex, titles: Sequence[str]) -> FloatArray:
    """Unit vectors of titles: as stored with an embedding set, else the mean of their shots."""
    if index.name == CONCAT or index.name in catalog.spec.encoders:
        place = {title: i for i, title in enumerate(index.titles)}
        spans = [(int(index.starts[place[t]]), int(index.starts[place[t] + 1])) for t in titles]
        rows = [np.asarray(index.rows(*span), dtype=np.float32).mean(axis=0) for span in spans]
    else:
        rows = [np.asarray(catalog.title_embedding(index.name, title), dtype=np.float32) for title in titles]
    stacked = np.stack(rows)
    return np.asarray(stacked / np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def _ranking(
    catalog: "Catalog",
    lines: Lines,
    index: VectorIndex,
    pairs: Sequence[tuple[Like | Image | SoundFile, FloatArray]],
    whole: bool,
    among: Among | None,
) -> Ranking:
    """All queries under one name as one: looked for if any weight is positive, else avoided."""
    weights_Q = np.array([query.weight for query, _ in pairs])
    sign = 1.0 if (weights_Q > 0).any() else -1.0
    vectors_QD = np.stack([vector for _, vector in pairs])
    wanted_D = (sign * weights_Q) @ vectors_QD
    length = float(np.linalg.norm(wanted_D))
    if length < 1e-6:
        raise UsageError("The examples and their weights cancel each other out.", "Change a weight.")
    unit_D: FloatArray = np.asarray(wanted_D / length, dtype=np.float32)
    if whole:
        by_title = _title_vectors(catalog, index, index.titles) @ unit_D
        scores = np.repeat(by_title, np.diff(index.starts)).astype(np.float32)
    else:
        scores = _scores(lines, index, unit_D, among)
    weight = float(weights_Q[weights_Q > 0].sum()) if sign > 0 else float(weights_Q.sum())
    name = ", ".join(str(query) for query, _ in pairs)
    return Ranking(name, "likeness", index.name, lines.spread(index, scores), weight)


def _scores(lines: Lines, index: VectorIndex, unit_D: FloatArray, among: Among | None) -> FloatArray:
    """Cosines of an index's rows, [N]: of a large one only the nearest, -inf for all others, a tenth of the work."""
    same = index.titles == lines.titles and np.array_equal(index.starts, lines.starts)
    if among is None or not same or len(index) * index.dim <= SMALL:
        return index.scores(unit_D)
    nearest, rows = index.nearest(unit_D, min(among.least, len(index)), among.allowed)
    scores = np.full(len(index), -np.inf, dtype=np.float32)
    found = rows[0] >= 0
    scores[rows[0, found]] = nearest[0, found]
    return scores
