"""Copies of films: for each shot of a title, the shot of another title that it most likely is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mediafm.errors import UsageError

if TYPE_CHECKING:
    from mediafm.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Match:
    """A shot of a title, seconds [start_s, end_s), and the shot of another that is most like it, by cosine."""

    shot: int
    start_s: float
    end_s: float
    other: str
    other_shot: int
    other_start_s: float
    other_end_s: float
    score: float


def find_copies(
    catalog: "Catalog", title: str, features: str = "concat", least: float = 0.0, others: Sequence[str] = ()
) -> list[Match]:
    """Where a title's shots stand in other titles, the best place of each; shots without features are left out.

    features: as `--features`; least: cosine below which two shots are no copies; others: titles that
    are not looked at, such as further copies. UsageError for an unknown title, or
    where there is no other.
    """
    from mediafm.index import open_index
    from mediafm.search.example import parse_example
    from mediafm.search.likeness import features_to_compare

    parse_example(title, catalog.title_ids())
    (name,) = features_to_compare(catalog, [features])
    index = open_index(catalog, name)
    if title not in index.titles or len(index.titles) < 2:
        raise UsageError(f"There are no {name} vectors of title {title!r} and another.", "Ingest or embed both.")
    place = index.titles.index(title)
    first, end = int(index.starts[place]), int(index.starts[place + 1])
    allowed = np.ones(len(index), dtype=np.bool_)
    for number, name_of in enumerate(index.titles):
        if name_of == title or name_of in others:
            allowed[index.starts[number] : index.starts[number + 1]] = False
    scores_S1, rows_S1 = index.nearest(np.asarray(index.rows(first, end), dtype=np.float32), 1, allowed)
    present = np.asarray(index.rows(first, end), dtype=np.float32).any(axis=1)
    spans = {title: catalog.spans(title)}
    matches = []
    for shot in np.flatnonzero(present & (rows_S1[:, 0] >= 0) & (scores_S1[:, 0] >= least)).tolist():
        row = int(rows_S1[shot, 0])
        number = int(np.searchsorted(index.starts, row, side="right")) - 1
        other, other_shot = index.titles[number], row - int(index.starts[number])
        spans.setdefault(other, catalog.spans(other))
        start_s, end_s = (float(times[shot]) for times in spans[title])
        other_start_s, other_end_s = (float(times[other_shot]) for times in spans[other])
        score = float(scores_S1[shot, 0])
        matches.append(Match(shot, start_s, end_s, other, other_shot, other_start_s, other_end_s, score))
    return matches
