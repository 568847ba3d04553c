"""Moving from one embedding set to another: the map between them, learned on a sample of titles, and what it keeps.

Titles that both sets cover are drawn into three parts. The sample teaches; a fifth of it is kept back to choose among
the maps. Held-out titles, which neither taught nor chose, judge: their old vectors are mapped and searched for in the
new index, and what counts is how many of the neighbours they find that the new vectors find themselves.

Shapes: N rows of the pool that is searched, Q queries, D and E sizes of old and new vectors.
"""

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mediafm.errors import UsageError
from mediafm.progress import SILENT, Progress
from mediafm.uses.map_choice import choose, choosing_count, learn_chosen, moments, same_map
from mediafm.uses.map_judge import MOST_POOL, Judge, Kept
from mediafm.uses.mapping import VectorMap
from mediafm.uses.naming import NamedVectors
from mediafm.uses.pairs import Pairs, find_pairs

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

MOST_HELD_OUT, HELD_OUT_SHARE = 50, 0.2
MOST_SAMPLE = 500
ENOUGH = 0.95  # share of the whole sample's recall at which a smaller one counts as enough


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
    sums = moments(pairs, teaching)
    progress.advance(1, titles=len(teaching))
    choice = choose(pairs, teaching, choosing, sums, seed)
    progress.advance(1, kind=choice.best)
    made = learn_chosen(pairs, [*teaching, *choosing], choice, sums, seed)
    judge = Judge(pairs, judging, seed)
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
    choosing = choosing_count(learned)
    return learned[choosing:], learned[:choosing], titles[:judging]


def _curve(
    pairs: Pairs, titles: list[str], made: VectorMap, judge: Judge, recall: dict[int, Kept]
) -> list[tuple[int, Kept]]:
    """What maps of the same kind keep that were learned from fewer titles. Of a network, its linear part's."""
    found: list[tuple[int, Kept]] = []
    sums, taken, at, size = None, 0, min(10, max(recall)), 1
    setting = f"{made.linear.family} {made.linear.setting}".strip()
    while size < len(titles):
        part = moments(pairs, titles[taken:size])
        sums, taken = part if sums is None else sums + part, size
        linear = same_map(sums, setting)
        found.append((size, judge.of_map(VectorMap(made.old, made.new, linear))[0][at]))
        size *= 2
    return [*found, (len(titles), recall[at])]


def _notes(pairs: Pairs, judge: Judge) -> list[str]:
    notes = []
    if judge.left_out:
        notes.append(f"{judge.left_out} titles were left out of what is searched, to hold {MOST_POOL} rows at most.")
    if pairs.old.mapped or pairs.new.mapped:
        notes.append("One of the sets is mapped itself: what is kept is of its vectors, not of those it stands for.")
    return notes


def _plain(value: Any) -> Any:
    """JSON-able: dataclasses as objects, keys as text."""
    if isinstance(value, Kept):
        return asdict(value)
    if isinstance(value, dict):
        return {str(key): _plain(held) for key, held in value.items()}
    return value
