"""Searching one set's index with another set's vectors: through a map, or where one made both, or not at all."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mediafm.errors import UsageError
from mediafm.fusion import unit_rows
from mediafm.search.example import example_weights, parse_example
from mediafm.uses.mapping import VectorMap
from mediafm.uses.naming import NamedVectors, require_comparable, require_space

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

MOST_HITS = 10_000


@dataclass(frozen=True, slots=True)
class AcrossHit:
    """A shot of the searched catalog; score: cosine."""

    title: str
    shot: int
    start_s: float
    end_s: float
    score: float


def search_across(
    catalog: "Catalog",
    features: str,
    like: str,
    by: str,
    from_catalog: "Catalog | None" = None,
    through: VectorMap | None = None,
    k: int = 10,
) -> list[AcrossHit]:
    """The k shots of `catalog` whose vectors called `features` are most like an example's vectors called `by`.

    like: TITLE, TITLE@12.5-20 or TITLE#3 of `from_catalog` (default: the same), never found itself in its own catalog.
    through: the map from `by` to `features`. Without one MismatchError unless both were made by the same, or `by` was
    mapped into the other's space; with one MismatchError unless it was learned for these two.
    """
    if not 1 <= k <= MOST_HITS:
        raise UsageError(f"Cannot give {k} hits.", f"Ask for 1 to {MOST_HITS}.")
    source = from_catalog or catalog
    query, searched = NamedVectors(source, by), NamedVectors(catalog, features)
    if through is None:
        require_comparable(query, searched)
    else:
        require_space(query, through.old, "from")
        require_space(searched, through.new, "into")
    example = parse_example(like, source.title_ids())
    weights = example_weights(source, example)
    ((_, shots),) = query.shots([example.title])
    if through is not None:
        shots = through(shots)
    wanted = weights @ shots
    if not np.linalg.norm(wanted) > 0:
        raise UsageError(f"The example {like!r} has no {by} to compare by.", "Choose another span or --by.")
    index = searched.index
    allowed = np.ones(len(index), dtype=bool)
    if source is catalog:
        first = int(index.starts[index.titles.index(example.title)])
        allowed[first : first + len(weights)] = weights <= 0
    scores, rows = index.nearest(unit_rows(wanted[None]).astype(np.float32), min(k, len(index)), allowed)
    return [
        _hit(catalog, index.titles, index.starts, int(row), float(score))
        for row, score in zip(rows[0], scores[0], strict=True)
        if row >= 0
    ]


def _hit(catalog: "Catalog", titles: list[str], starts: np.ndarray, row: int, score: float) -> AcrossHit:
    number = int(np.searchsorted(starts, row, side="right")) - 1
    shot = row - int(starts[number])
    begin, end = catalog.spans(titles[number])
    return AcrossHit(titles[number], shot, float(begin[shot]), float(end[shot]), score)
