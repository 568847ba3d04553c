"""Which titles of a feature catalogue are alike, from a few bytes a title."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mediafm.synthetic.features.title import FeatureTitle

QUERIES = 200  # titles from the first on whose likes are named; among all titles, so that rows grow with the catalogue
SCHEMA = pa.schema({"title": pa.string(), "other": pa.string(), "relevance": pa.int8()})


class Alike:
    """Collects titles as they are drawn, then names pairs.

    Titles are alike (relevance 1) if they share all casts, or all but one and the mood; both make relevance 2.
    """

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._casts: list[NDArray[np.int8]] = []
        self._moods: list[int] = []

    def add(self, title: FeatureTitle) -> None:
        """Note what counts of a title."""
        self._ids.append(title.title_id)
        self._casts.append(title.truth.company.astype(np.int8))
        self._moods.append(title.truth.mood)

    def tables(self) -> Iterator[pa.Table]:
        """For each of the first titles the rows title, other, relevance."""
        casts, moods, ids = np.array(self._casts), np.array(self._moods), np.array(self._ids)
        for query in range(min(QUERIES, len(ids))):
            missing = casts.shape[1] - (casts[:, :, None] == casts[query]).any(axis=2).sum(axis=1)
            relevance = (missing == 0).astype(np.int8) + ((missing <= 1) & (moods == moods[query]))
            relevance[query] = 0
            others = np.flatnonzero(relevance)
            columns = [pa.array([ids[query]] * len(others), pa.string()), pa.array(ids[others].tolist(), pa.string())]
            yield pa.Table.from_arrays([*columns, pa.array(relevance[others].astype(np.int8))], schema=SCHEMA)
