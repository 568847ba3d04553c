"""Cold start, measured: titles are held out as if they were new, and every way to place them is compared.

Titles that people liked are dealt into folds; each fold's titles are new once: all that anybody thought of them is
hidden. Then every user's list of the new titles is sorted (`users`: nDCG@k, recall@k; intervals by drawing users), and
for every new title the users (`audience`: nDCG@k, with intervals by drawing titles).

Beside content stand what needs none: chance, how popular a title's genres are, how much a user likes its genres; and
metadata alone. `mixed:NAME` is content under NAME and likes together (`uses.mixed`).

Shapes: U users, T titles, J new titles, B draws.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import CatalogError, UsageError
from mediafm.probes.intervals import interval, p_value
from mediafm.progress import SILENT, Progress
from mediafm.uses.factors import Factors
from mediafm.uses.interactions import Interactions
from mediafm.uses.mixed import content_scores, fit_mixed
from mediafm.uses.ranking_scores import ndcg_and_recall
from mediafm.uses.title_vectors import METADATA, all_title_vectors, title_vectors

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

Array = NDArray[np.float64]
CHANCE, POPULARITY, GENRES, MIXED, ORACLE = "chance", "genre_popularity", "genre_taste", "mixed:", "oracle:"
FEWEST_TITLES, FEWEST_USERS = 4, 2
# Who are asked, and who are sorted for a new title: so many pairs of user and title are held at once. All teach.
MOST_USERS, MOST_PEOPLE = 5000, 10_000
DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Figure:
    """A score with its 95 % interval (None: too few to draw)."""

    score: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Gain:
    """What a way gains over another, by nDCG of users' lists: paired, with its 95 % interval and p."""

    over: str
    difference: float
    low: float | None
    high: float | None
    p: float | None


@dataclass(frozen=True, slots=True)
class ColdRow:
    """One way to place new titles. ndcg, recall: of users' lists; audience: nDCG of titles' lists of users."""

    name: str
    ndcg: Figure
    recall: Figure
    audience: Figure
    gains: list[Gain]
    settings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ColdStart:
    """What `run_cold_start` found. users, titles: that were asked and held out; likes: all there are."""

    rows: list[ColdRow]
    k: int
    users: int
    titles: int
    likes: int
    folds: int
    new_titles: float
    min_rating: float | None
    seed: int
    seconds: float
    notes: list[str]

    def row(self, name: str) -> ColdRow:
        """One row by its name."""
        return next(row for row in self.rows if row.name == name)

    def as_json(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def run_cold_start(
    catalog: "Catalog",
    interactions: Interactions,
    features: Sequence[str] = (),
    k: int = 10,
    folds: int = 5,
    seed: int = 0,
    oracles: Mapping[str, Array] | None = None,
    progress: Progress = SILENT,
) -> ColdStart:
    """Measure every way to place new titles.

    interactions: their titles are the catalog's, in id order. features: names to place by; default: all there are.
    oracles: scores [U, T] known from elsewhere, told beside. UsageError, CatalogError where there is too little.
    """
    began = time.monotonic()
    liked = np.flatnonzero(interactions.counts > 0)
    _check(interactions, liked, k, folds)
    asked_for = [title_vectors(catalog, name) for name in dict.fromkeys(features)] or all_title_vectors(catalog)
    content = {vectors.name: vectors.axes() for vectors in asked_for}
    names = list(content)
    genres = [set(record.metadata.genres) for record in catalog.titles()]
    ways = _names(genres, names, oracles or {})
    fold_of = np.random.default_rng(seed).permutation(np.arange(len(liked)) % folds)
    people = np.sort(np.random.default_rng([seed, 8]).permutation(len(interactions.users))[:MOST_PEOPLE])
    held = _Held(ways)
    settings: dict[str, list[str]] = {}
    progress.start("cold start", folds, "folds")
    for fold in range(folds):
        new, known = liked[fold_of == fold], liked[fold_of != fold]
        wanted = interactions.liked_UT[people][:, new].toarray() > 0
        teaching = interactions.liked_UT[:, known]
        asked = np.flatnonzero(wanted.any(axis=1) & (np.asarray(teaching[people].sum(axis=1)).ravel() > 0))
        asked = np.sort(np.random.default_rng([seed, fold]).permutation(asked)[:MOST_USERS])
        starts: dict[str, Factors] = {}
        for way in ways:
            if way.startswith(MIXED):
                rows = content[way.removeprefix(MIXED)]
                mixed = fit_mixed(teaching, rows[known], seed, starts)
                scores = mixed.scores(rows[new], people)
                settings.setdefault(way, []).append(mixed.setting.describe())
            elif way in content:
                scores = content_scores(teaching, content[way][known], content[way][new], people)
            elif way.startswith(ORACLE):
                assert oracles is not None
                scores = np.asarray(oracles[way.removeprefix(ORACLE)][np.ix_(people, new)])
            else:
                scores = _without_content(genres, way, teaching, known, new, people)
            held.add(way, wanted, scores, asked, k)
        progress.advance(1)
    measured = _rows(held, ways, names, settings, np.random.default_rng([seed, 7]))
    result = ColdStart(
        rows=measured, k=k, users=held.users, titles=len(liked), likes=int(interactions.counts.sum()), folds=folds,
        new_titles=len(liked) / folds, min_rating=interactions.min_rating, seed=seed,
        seconds=round(time.monotonic() - began, 3), notes=[*interactions.notes, *_notes(interactions, liked)],
    )  # fmt: skip
    progress.end(seconds=result.seconds)
    return result


def _check(interactions: Interactions, liked: NDArray[np.int64], k: int, folds: int) -> None:
    if k < 1:
        raise UsageError(f"Cannot look at {k} titles.", "Ask for one at least.")
    if len(liked) < FEWEST_TITLES:
        raise CatalogError(
            f"People liked {len(liked)} title{'s' * (len(liked) != 1)} of the catalog; at least {FEWEST_TITLES} are "
            "needed, to hide some and to learn from others.",
            "Use interactions about more of the catalog's titles.",
        )
    if not 2 <= folds <= len(liked) // 2:
        raise UsageError(f"{len(liked)} titles cannot be dealt into {folds} folds.", f"Ask for 2 to {len(liked) // 2}.")
    if len(interactions.users) < FEWEST_USERS:
        raise CatalogError(
            f"The interactions are of {len(interactions.users)} user; at least {FEWEST_USERS} are needed.",
            "Check the user column.",
        )


def _names(of_title: list[set[str]], names: list[str], oracles: Mapping[str, Array]) -> list[str]:
    genres = [POPULARITY, GENRES] if any(of_title) else []
    mixed = [f"{MIXED}{name}" for name in names]
    return [CHANCE, *genres, *names, *mixed, *(f"{ORACLE}{name}" for name in oracles)]


def _without_content(
    of_title: list[set[str]],
    way: str,
    teaching: Any,
    known: NDArray[np.int64],
    new: NDArray[np.int64],
    people: NDArray[np.int64],
) -> Array:
    """Scores [people, J] by chance or by genres."""
    if way == CHANCE:
        return np.zeros((len(people), len(new)))
    all_genres = sorted(set().union(*of_title))
    flags = np.array([[genre in genres for genre in all_genres] for genres in of_title], dtype=np.float64)
    shares = flags / np.maximum(flags.sum(axis=1, keepdims=True), 1)
    liked_UG = np.asarray(teaching @ flags[known])
    counted = np.maximum(flags[known].sum(axis=0), 1)
    per_title = liked_UG / counted  # likes a user gives each title of a genre, on average
    if way == POPULARITY:
        per_title = np.repeat(per_title.mean(axis=0)[None], len(per_title), axis=0)
    return np.asarray(per_title[people] @ shares[new].T)


class _Held:
    """Scores of every way by user and by title, over all folds."""

    def __init__(self, ways: Sequence[str]) -> None:
        self._users: dict[str, list[tuple[NDArray[np.int64], Array, Array]]] = {way: [] for way in ways}
        self._titles: dict[str, list[Array]] = {way: [] for way in ways}

    def add(self, way: str, wanted: NDArray[np.bool_], scores: Array, asked: NDArray[np.int64], k: int) -> None:
        """One fold of one way."""
        ndcg, recall = ndcg_and_recall(wanted[asked], scores[asked], k)
        self._users[way].append((asked, ndcg, recall))
        self._titles[way].append(ndcg_and_recall(wanted.T, scores.T, k)[0])

    @property
    def users(self) -> int:
        """How many were asked."""
        return len(self.of_users(next(iter(self._users)))[0])

    def of_users(self, way: str) -> tuple[Array, Array]:
        """Mean nDCG and recall of each user over the folds that asked him, in one order for all ways."""
        parts = self._users[way]
        users = np.concatenate([asked for asked, _, _ in parts])
        _, code = np.unique(users, return_inverse=True)
        count = np.bincount(code)
        ndcg, recall = (np.bincount(code, np.concatenate([part[i] for part in parts])) / count for i in (1, 2))
        return ndcg, recall

    def of_titles(self, way: str) -> Array:
        """nDCG of each new title's list of users."""
        return np.concatenate(self._titles[way])


def _rows(
    held: _Held, ways: list[str], names: list[str], settings: dict[str, list[str]], rng: np.random.Generator
) -> list[ColdRow]:
    users, titles = len(held.of_users(ways[0])[0]), len(held.of_titles(ways[0]))
    if users < FEWEST_USERS:
        raise CatalogError("Hardly any user likes two of the catalog's titles.", "Use interactions that overlap more.")
    draw_users = rng.multinomial(users, np.full(users, 1 / users), size=DRAWS) / users
    draw_titles = rng.multinomial(titles, np.full(titles, 1 / titles), size=DRAWS) / titles
    by_user = {way: held.of_users(way) for way in ways}
    rows = []
    for way in ways:
        against = [METADATA] if METADATA in names and way != METADATA else []
        against += [way.removeprefix(MIXED)] if way.startswith(MIXED) and way != f"{MIXED}{METADATA}" else []
        gains = [_gain(by_user[way][0] - by_user[other][0], other, draw_users) for other in (CHANCE, *against)]
        rows.append(ColdRow(
            way, _figure(by_user[way][0], draw_users), _figure(by_user[way][1], draw_users),
            _figure(held.of_titles(way), draw_titles), gains if way != CHANCE else [], settings.get(way, []),
        ))  # fmt: skip
    return rows


def _figure(each: Array, weights: Array) -> Figure:
    around = interval(float(each.mean()), weights @ each, len(each) - 1, (0.0, 1.0))
    return Figure(round(float(each.mean()), 5), _round(around.low), _round(around.high))


def _gain(each: Array, over: str, weights: Array) -> Gain:
    value, freedom = float(each.mean()), len(each) - 1
    around = interval(value, weights @ each, freedom)
    p = p_value(value, around.error, freedom)
    return Gain(over, round(value, 5), _round(around.low), _round(around.high), _round(p))


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _notes(interactions: Interactions, liked: NDArray[np.int64]) -> list[str]:
    unseen = len(interactions.titles) - len(liked)
    notes = [f"{unseen} titles that nobody liked taught nothing and were not asked for."] if unseen else []
    return [*notes, "Intervals of users' lists draw users, those of audiences draw titles; p is of one comparison."]
