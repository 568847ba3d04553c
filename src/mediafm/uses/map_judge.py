"""What a map keeps on titles that neither taught nor chose it, with intervals over titles.

Shapes: N rows of the pool that is searched, Q queries, T held-out titles, B draws of them, D and E sizes of old and new
vectors.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mediafm.probes.intervals import interval
from mediafm.types import FloatArray
from mediafm.uses.kept import DEPTHS, kept_at, nearest_rows
from mediafm.uses.mapping import VectorMap
from mediafm.uses.pairs import Pairs

MOST_POOL, MOST_QUERIES = 100_000, 1000
DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Kept:
    """A share of the new neighbours that is found, with its 95 % interval over held-out titles (None: too few)."""

    score: float
    low: float | None
    high: float | None


class Judge:
    """Held-out titles: their queries, the pool that is searched, and what the new vectors find there themselves."""

    def __init__(self, pairs: Pairs, judging: list[str], seed: int) -> None:
        others = [title for title in pairs.titles if title not in set(judging)]
        counted = {record.title_id: record.n_shots for record in pairs.new.catalog.titles()}
        room = MOST_POOL - sum(counted[title] for title in judging)
        kept: list[str] = []
        for title in others:  # held-out titles first, then others while there is room
            if counted[title] > room:
                break
            kept.append(title)
            room -= counted[title]
        self.left_out = len(others) - len(kept)
        self.old_ND, self.new_NE, of = pairs.stacked([*judging, *kept])
        rng = np.random.default_rng([seed, 3])
        mine = np.flatnonzero(of < len(judging))
        self._own_Q = np.sort(rng.permutation(mine)[:MOST_QUERIES])
        self._title_Q = of[self._own_Q]
        k = min(max(DEPTHS), len(self.new_NE) - 1)
        self._wanted_Qk = nearest_rows(self.new_NE[self._own_Q], self.new_NE, k, self._own_Q)
        self._weights_BT = rng.multinomial(len(judging), np.full(len(judging), 1 / len(judging)), size=DRAWS)

    @property
    def queries(self) -> int:
        """How many shots are looked for."""
        return len(self._own_Q)

    def of_map(self, made: VectorMap) -> tuple[dict[int, Kept], Kept]:
        """What mapped queries keep at each depth, and the mean cosine between mapped and true vectors."""
        mapped = made(self.old_ND[self._own_Q])
        cosine = np.einsum("qe,qe->q", mapped, self.new_NE[self._own_Q]).astype(np.float64)
        return self._kept(mapped), self._over_titles(cosine, (-1.0, 1.0))

    def unmapped(self) -> dict[int, Kept] | None:
        """Old vectors searched for among new ones as they are: what must not be done."""
        if self.old_ND.shape[1] != self.new_NE.shape[1]:
            return None
        return self._kept(self.old_ND[self._own_Q])

    def old_index(self) -> dict[int, Kept]:
        """Old vectors among old ones: how far both sets agree on neighbours."""
        found = kept_at(self.old_ND[self._own_Q], self.old_ND, self._own_Q, self._wanted_Qk)
        return {k: self._over_titles(each, (0.0, 1.0)) for k, each in found.items()}

    def _kept(self, queries_QE: FloatArray) -> dict[int, Kept]:
        found = kept_at(queries_QE, self.new_NE, self._own_Q, self._wanted_Qk)
        return {k: self._over_titles(each, (0.0, 1.0)) for k, each in found.items()}

    def _over_titles(self, each_Q: NDArray[np.float64], bounds: tuple[float, float]) -> Kept:
        """Mean over queries; its interval from draws of whole titles."""
        size = self._weights_BT.shape[1]
        total_T = np.bincount(self._title_Q, each_Q, size)
        count_T = np.bincount(self._title_Q, minlength=size)
        counted_B = self._weights_BT @ count_T
        drawn_B = np.where(counted_B > 0, self._weights_BT @ total_T / np.maximum(counted_B, 1), np.nan)
        around = interval(float(each_Q.mean()), drawn_B, int((count_T > 0).sum()) - 1, bounds)
        return Kept(round(float(each_Q.mean()), 5), *(_round(value) for value in (around.low, around.high)))


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
