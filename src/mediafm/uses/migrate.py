"""Moving from one embedding set to another: the map between them, learned on a sample of titles, and what it keeps.

Titles that both sets cover are drawn into three parts. The sample teaches; a fifth of it is kept back to choose among
the maps. Held-out titles, which neither taught nor chose, judge: their old vectors are mapped and searched for in the
new index, and what counts is how many of the neighbours they find that the new vectors find themselves.

Shapes: N rows of the pool that is searched, Q queries, D and E sizes of old and new vectors.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mediafm.catalog import MAPPED, EmbeddingSetSpec
from mediafm.errors import UsageError
from mediafm.probes.intervals import interval
from mediafm.progress import SILENT, Progress
from mediafm.types import FloatArray
from mediafm.uses.bending import FEWEST_ROWS, learn_bend
from mediafm.uses.kept import DEPTHS, kept_at, nearest_rows
from mediafm.uses.linear_maps import LinearMap, Moments, linear_maps
from mediafm.uses.mapping import VectorMap
from mediafm.uses.naming import NamedVectors, require_space
from mediafm.uses.pairs import Pairs, find_pairs

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

MOST_HELD_OUT, HELD_OUT_SHARE = 50, 0.2
MOST_SAMPLE, CHOOSING_SHARE = 500, 0.2
MOST_POOL, MOST_QUERIES, MOST_CHOOSING = 100_000, 1000, 400
MOST_NETWORK_ROWS = 50_000
DRAWS = 1000
ENOUGH = 0.95  # share of the whole sample's recall at which a smaller one counts as enough


@dataclass(frozen=True, slots=True)
class Kept:
    """A share of the new neighbours that is found, with its 95 % interval over held-out titles (None: too few)."""

    score: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Migration:
    """What `migrate` found.

    recall: depth -> what mapped queries keep; unmapped: what the old vectors find as they are, where sizes allow it;
    old_index: how many of their neighbours the two sets share to begin with, old queries among old vectors. cosine:
    mean between mapped and true vectors. curve: titles learned from -> recall at 10. enough: the fewest titles of the
    curve with 95 % of the whole sample's recall. tried: the recall at 10 of every kind of map on the titles that
    choose.
    """

    map: VectorMap
    old: str
    new: str
    kind: str
    setting: str
    sample: int
    held_out: int
    queries: int
    pool: int
    recall: dict[int, Kept]
    unmapped: dict[int, Kept] | None
    old_index: dict[int, Kept] | None
    cosine: Kept
    curve: list[tuple[int, Kept]]
    enough: int
    tried: dict[str, float]
    seconds: float
    applied: str = ""
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """JSON-able; the map itself by its fingerprint."""
        held = {name: value for name, value in self.__dict__.items() if name not in ("map", "curve")}
        document: dict[str, Any] = {name: _plain(value) for name, value in held.items()}
        document["curve"] = [{"titles": titles, **asdict(kept)} for titles, kept in self.curve]
        return document | {"map_fingerprint": self.map.fingerprint, "spaces": [self.map.old, self.map.new]}


def migrate(
    catalog: "Catalog",
    old: str,
    new: str,
    from_catalog: "Catalog | None" = None,
    sample: int = 0,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Migration:
    """Learn and measure the map from the vectors called `old` to those called `new`.

    from_catalog: where `old` is, if not in `catalog`; titles are paired by id, shots by their times. sample: how many
    titles to learn from (0: all that are not held out, at most 500). UsageError, CatalogError: sets that are the same,
    or share too few titles, or fewer than `sample` asks for.
    """
    began = time.monotonic()
    pairs = find_pairs(NamedVectors(from_catalog or catalog, old), NamedVectors(catalog, new))
    teaching, choosing, judging = _parts(pairs, sample, seed)
    progress.start("migrate", 4, "steps")
    sums = _moments(pairs, teaching)
    progress.advance(1, titles=len(teaching))
    choice = _choose(pairs, teaching, choosing, sums, seed)
    progress.advance(1, kind=choice.best)
    made = _final(pairs, [*teaching, *choosing], choice, sums, seed)
    judge = _Judge(pairs, judging, seed)
    progress.advance(1)
    recall, cosine = judge.of_map(made)
    curve = _curve(pairs, [*teaching, *choosing], made, judge, recall)
    progress.advance(1)
    at = min(10, max(recall))
    enough = next((n for n, kept in curve if kept.score >= ENOUGH * recall[at].score), curve[-1][0])
    notes = _notes(pairs, judge)
    result = Migration(
        map=made, old=old, new=new, kind=made.kind, setting=made.linear.setting,
        sample=len(teaching) + len(choosing), held_out=len(judging), queries=judge.queries, pool=len(judge.new_NE),
        recall=recall, unmapped=judge.unmapped(), old_index=judge.old_index(), cosine=cosine, curve=curve,
        enough=enough, tried=choice.tried, seconds=round(time.monotonic() - began, 3), notes=notes,
    )  # fmt: skip
    progress.end(seconds=result.seconds)
    return result


def apply_map(made: VectorMap, catalog: "Catalog", old: str, name: str, progress: Progress = SILENT) -> int:
    """Write the mapped vectors of `old` as an embedding set of their own, beside it; how many titles were written.

    The set says that it is mapped, from what and by which map; its vectors may be compared with those of the space that
    the map leads to. Titles that it covers already are left as they are. MismatchError where `old` is not what the map
    was learned from, or where the name stands for something else.
    """
    vectors = NamedVectors(catalog, old)
    require_space(vectors, made.old, "from")
    if name in {*catalog.spec.encoders, "concat"}:
        raise UsageError(f"{name!r} is a name of the catalog's features.", "Choose another name for the mapped set.")
    catalog.add_embedding_set(EmbeddingSetSpec(name, mapped_fingerprint(made), vectors.context, made.dims[1]))
    held = set(vectors.titles)
    todo = [title for title in catalog.missing_embeddings(name) if title in held]
    revisions = {record.title_id: record.revision for record in catalog.titles()}
    progress.start("map", len(todo), "title")
    for title, shots in vectors.shots(todo):
        mapped = made(shots)
        catalog.write_embeddings(name, title, mapped, mapped.mean(axis=0), revisions[title])
        progress.advance(1, title=title)
    progress.end()
    return len(todo)


def mapped_fingerprint(made: VectorMap) -> str:
    """What the registry of embedding sets says of vectors that went through the map."""
    return f"{MAPPED}{made.new}#{made.fingerprint}"


def _parts(pairs: Pairs, sample: int, seed: int) -> tuple[list[str], list[str], list[str]]:
    """Titles that teach, that choose, and that judge."""
    titles = [pairs.titles[i] for i in np.random.default_rng(seed).permutation(len(pairs.titles))]
    judging = max(1, min(MOST_HELD_OUT, round(HELD_OUT_SHARE * len(titles))))
    most = len(titles) - judging
    if sample and not 2 <= sample <= most:
        raise UsageError(
            f"A sample of {sample} titles cannot be drawn: both sets share {len(titles)}, of which {judging} are held "
            f"out to judge.",
            f"Ask for 2 to {most}.",
        )
    learned = titles[judging : judging + (sample or min(most, MOST_SAMPLE))]
    choosing = max(1, round(CHOOSING_SHARE * len(learned)))
    return learned[choosing:], learned[:choosing], titles[:judging]


def _moments(pairs: Pairs, titles: Sequence[str]) -> Moments:
    total: Moments | None = None
    for _, old_nD, new_nE in pairs.rows(titles):
        part = Moments.of(old_nD, new_nE)
        total = part if total is None else total + part
    assert total is not None
    return total


@dataclass(frozen=True, slots=True)
class _Choice:
    best: str  # family, or "network"
    setting: str
    tried: dict[str, float]


def _choose(pairs: Pairs, teaching: list[str], choosing: list[str], sums: Moments, seed: int) -> _Choice:
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
    return _Choice(kind, f"{best[1].family} {setting}".strip(), {name: round(v, 4) for name, v in tried.items()})


def _final(pairs: Pairs, titles: list[str], choice: _Choice, sums: Moments, seed: int) -> VectorMap:
    """The chosen map, learned from all of the sample; a network keeps its choosing titles, which stop it."""
    teaching, choosing = titles[: len(titles) - _choosing(titles)], titles[len(titles) - _choosing(titles) :]
    whole = sums + _moments(pairs, choosing)
    linear = _same(whole if choice.best != "network" else sums, choice.setting)
    bend = None
    if choice.best == "network":
        old_ND, new_NE, _ = pairs.stacked(choosing)
        bend = learn_bend(linear, _network_rows(pairs, teaching, seed), (old_ND, new_NE), seed)
    facts = {"titles": len(titles), "rows": whole.count, "tried": choice.tried}
    return VectorMap(pairs.old.space, pairs.new.space, linear, bend, facts)


def _choosing(titles: Sequence[str]) -> int:
    return max(1, round(CHOOSING_SHARE * len(titles)))


def _same(sums: Moments, setting: str) -> LinearMap:
    """The linear map of a family and setting, of other sums."""
    family = setting.partition(" ")[0]
    return next(m for m in linear_maps(sums, (family,)) if f"{m.family} {m.setting}".strip() == setting)


def _network_rows(pairs: Pairs, titles: Sequence[str], seed: int) -> tuple[FloatArray, FloatArray]:
    old_ND, new_NE, _ = pairs.stacked(titles)
    pick = np.sort(np.random.default_rng([seed, 2]).permutation(len(old_ND))[:MOST_NETWORK_ROWS])
    return old_ND[pick], new_NE[pick]


class _Judge:
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


def _curve(
    pairs: Pairs, titles: list[str], made: VectorMap, judge: _Judge, recall: dict[int, Kept]
) -> list[tuple[int, Kept]]:
    """What maps of the same kind keep that were learned from fewer titles. Of a network, its linear part's."""
    found: list[tuple[int, Kept]] = []
    sums, taken, at, size = None, 0, min(10, max(recall)), 1
    setting = f"{made.linear.family} {made.linear.setting}".strip()
    while size < len(titles):
        part = _moments(pairs, titles[taken:size])
        sums, taken = part if sums is None else sums + part, size
        linear = _same(sums, setting)
        found.append((size, judge.of_map(VectorMap(made.old, made.new, linear))[0][at]))
        size *= 2
    return [*found, (len(titles), recall[at])]


def _notes(pairs: Pairs, judge: _Judge) -> list[str]:
    notes = []
    if judge.left_out:
        notes.append(f"{judge.left_out} titles were left out of what is searched, to hold {MOST_POOL} rows at most.")
    if pairs.old.mapped or pairs.new.mapped:
        notes.append("One of the sets is mapped itself: what is kept is of its vectors, not of those it stands for.")
    return notes


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _plain(value: Any) -> Any:
    """JSON-able: dataclasses as objects, keys as text."""
    if isinstance(value, Kept):
        return asdict(value)
    if isinstance(value, dict):
        return {str(key): _plain(held) for key, held in value.items()}
    return value
