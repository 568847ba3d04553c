"""Which map leads from one embedding set to another: every kind learned from some titles, the best on others taken."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mediafm.errors import UsageError
from mediafm.types import FloatArray
from mediafm.uses.bending import FEWEST_ROWS, learn_bend
from mediafm.uses.kept import DEPTHS, kept_at, nearest_rows
from mediafm.uses.linear_maps import LinearMap, Moments, linear_maps
from mediafm.uses.mapping import VectorMap
from mediafm.uses.pairs import Pairs

CHOOSING_SHARE, MOST_CHOOSING = 0.2, 400
MOST_NETWORK_ROWS = 50_000


def moments(pairs: Pairs, titles: Sequence[str]) -> Moments:
    """Sums over the paired rows of some titles, one at least."""
    total: Moments | None = None
    for _, old_nD, new_nE in pairs.rows(titles):
        part = Moments.of(old_nD, new_nE)
        total = part if total is None else total + part
    assert total is not None
    return total


@dataclass(frozen=True, slots=True)
class Choice:
    """What won: its family (or "network") and setting, and the recall at 10 of every kind that was tried."""

    best: str
    setting: str
    tried: dict[str, float]


def choose(pairs: Pairs, teaching: list[str], choosing: list[str], sums: Moments, seed: int) -> Choice:
    """The map that keeps most neighbours among the rows of the choosing titles; the simpler one of equals."""
    old_ND, new_NE, _ = pairs.stacked(choosing)
    rng = np.random.default_rng([seed, 1])
    pick = np.sort(rng.permutation(len(old_ND))[: 10 * MOST_CHOOSING])
    old_ND, new_NE = old_ND[pick], new_NE[pick]
    if len(old_ND) < 3:
        raise UsageError("The titles drawn to choose a map hold too few shots.", "Use a larger sample.")
    queries = np.sort(rng.permutation(len(old_ND))[:MOST_CHOOSING])
    k = min(10, len(old_ND) - 1)
    wanted = nearest_rows(new_NE[queries], new_NE, k, queries)
    best: tuple[float, LinearMap] | None = None
    tried: dict[str, float] = {}

    def judged(mapped_QE: FloatArray) -> float:
        return float(kept_at(mapped_QE, new_NE, queries, wanted)[k if k in DEPTHS else 1].mean())

    for linear in linear_maps(sums):
        reached = judged(VectorMap("", "", linear)(old_ND[queries]))
        tried[linear.family] = max(tried.get(linear.family, 0.0), reached)
        if best is None or reached > best[0]:
            best = (reached, linear)
    assert best is not None
    kind, setting = best[1].family, best[1].setting
    if sums.count >= FEWEST_ROWS:
        taught = _network_rows(pairs, teaching, seed)
        bend = learn_bend(best[1], taught, (old_ND, new_NE), seed)
        tried["network"] = judged(VectorMap("", "", best[1], bend)(old_ND[queries]))
        kind = "network" if tried["network"] > best[0] else kind
    return Choice(kind, f"{best[1].family} {setting}".strip(), {name: round(v, 4) for name, v in tried.items()})


def learn_chosen(pairs: Pairs, titles: list[str], choice: Choice, sums: Moments, seed: int) -> VectorMap:
    """The chosen map, learned from all of the sample; a network keeps its choosing titles, which stop it."""
    teaching, choosing = titles[: len(titles) - choosing_count(titles)], titles[len(titles) - choosing_count(titles) :]
    whole = sums + moments(pairs, choosing)
    linear = same_map(whole if choice.best != "network" else sums, choice.setting)
    bend = None
    if choice.best == "network":
        old_ND, new_NE, _ = pairs.stacked(choosing)
        bend = learn_bend(linear, _network_rows(pairs, teaching, seed), (old_ND, new_NE), seed)
    facts = {"titles": len(titles), "rows": whole.count, "tried": choice.tried}
    return VectorMap(pairs.old.space, pairs.new.space, linear, bend, facts)


def choosing_count(titles: Sequence[str]) -> int:
    """How many of the sample's titles choose among maps."""
    return max(1, round(CHOOSING_SHARE * len(titles)))


def same_map(sums: Moments, setting: str) -> LinearMap:
    """The linear map of a family and setting, of other sums."""
    family = setting.partition(" ")[0]
    return next(m for m in linear_maps(sums, (family,)) if f"{m.family} {m.setting}".strip() == setting)


def _network_rows(pairs: Pairs, titles: Sequence[str], seed: int) -> tuple[FloatArray, FloatArray]:
    old_ND, new_NE, _ = pairs.stacked(titles)
    pick = np.sort(np.random.default_rng([seed, 2]).permutation(len(old_ND))[:MOST_NETWORK_ROWS])
    return old_ND[pick], new_NE[pick]
