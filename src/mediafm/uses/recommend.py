"""Items like a title, by content alone or as people's likes have taught; and new titles for a user."""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mediafm.errors import CatalogError, UsageError
from mediafm.fusion import unit_rows
from mediafm.search.example import require_title
from mediafm.uses.interactions import Interactions
from mediafm.uses.mixed import Mixed, fit_mixed
from mediafm.uses.title_vectors import CONCAT, title_vectors

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

MOST = 10_000


@dataclass(frozen=True, slots=True)
class Liking:
    """of: the title (or user) that was asked for. new: nobody has liked the title yet; None without interactions.

    score: cosine, of content or of places among titles; for a user how much he would like it, on a scale of his own.
    """

    of: str
    title: str
    score: float
    new: bool | None = None


def recommend(
    catalog: "Catalog",
    titles: list[str] | None = None,
    features: str = "",
    k: int = 10,
    interactions: Interactions | None = None,
    seed: int = 0,
) -> list[Liking]:
    """The k titles most like each of `titles` (None: of all), best first.

    features: an embedding set, a modality, `concat` or `metadata`; default: the one embedding set with context, or
    concat. With interactions titles are compared where likes place them: a title that people know by its likes and its
    content, a new one by its content, through the map that was learned from the others.
    """
    known = catalog.title_ids()
    wanted = known if titles is None else titles
    _check(known, wanted, k)
    vectors = title_vectors(catalog, features or default_features(catalog))
    for title in titles or []:
        if not vectors.known[known.index(title)]:
            raise UsageError(f"Title {title!r} has no {vectors.name} to compare by.", "Choose other --features.")
    rows, new = vectors.unit.astype(np.float64), None
    there = vectors.known
    if interactions is not None:
        rows, new = _places(interactions, vectors.axes(), seed)
        there = there | ~new
    return [hit for title in wanted for hit in _nearest(known, title, rows, there, new, k)]


def recommend_to_user(
    catalog: "Catalog",
    user: str,
    interactions: Interactions,
    features: str = "",
    k: int = 10,
    seed: int = 0,
    only_new: bool = True,
) -> list[Liking]:
    """The k titles that a user would like most, of those that nobody has liked yet (or of all he has not)."""
    known = catalog.title_ids()
    _check(known, [], k)
    if user not in interactions.users:
        near = get_close_matches(user, interactions.users, n=3)
        raise UsageError(
            f"The interactions hold no liking of user {user!r}.",
            f"Did you mean {', '.join(near)}?" if near else "Users without likes have nothing to go by.",
        )
    vectors = title_vectors(catalog, features or default_features(catalog))
    content = vectors.axes()
    mixed = _fitted(interactions, content, seed)[0]
    row = interactions.users.index(user)
    new = interactions.counts == 0
    open_to = new if only_new else interactions.liked_UT[[row]].toarray()[0] == 0
    allowed = np.flatnonzero(open_to & vectors.known)
    if not len(allowed):
        raise CatalogError(
            "There is no title that nobody has liked." if only_new else f"User {user!r} has liked every title.",
            "Ask for all titles with --seen-too." if only_new else "Add titles.",
        )
    scores = mixed.scores(content[allowed], np.array([row]))[0]
    best = np.argsort(-scores, kind="stable")[:k]
    return [Liking(user, known[allowed[i]], round(float(scores[i]), 5), bool(new[allowed[i]])) for i in best]


def default_features(catalog: "Catalog") -> str:
    """The catalog's one embedding set with context, or `concat`; UsageError where there are several."""
    sets = [spec.name for spec in catalog.embedding_sets() if spec.context != "none" and not spec.mapped]
    if len(sets) > 1:
        raise UsageError(
            f"The catalog has {len(sets)} embedding sets with context.", f"Say which by --features: {', '.join(sets)}."
        )
    return sets[0] if sets else CONCAT


def _fitted(interactions: Interactions, content: NDArray[np.float64], seed: int) -> tuple[Mixed, NDArray[np.int64]]:
    warm = np.flatnonzero(interactions.counts > 0)
    if len(warm) < 2 or len(interactions.users) < 2:
        raise CatalogError(
            f"{len(interactions.users)} users liked {len(warm)} titles of the catalog: nothing can be learned.",
            "Leave the interactions out, or use more.",
        )
    return fit_mixed(interactions.liked_UT[:, warm], content[warm], seed), warm


def _places(
    interactions: Interactions, content: NDArray[np.float64], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Where likes place titles, unit rows [T, ...], and which are new; content alone has its chosen share."""
    mixed, warm = _fitted(interactions, content, seed)
    placed = mixed.factors.place(content)
    placed[warm] = mixed.factors.items_WK
    placed = unit_rows(placed - placed[warm].mean(axis=0))
    share = mixed.setting.share
    rows = np.concatenate([np.sqrt(1 - share) * placed, np.sqrt(share) * unit_rows(content)], axis=1)
    return unit_rows(rows), interactions.counts == 0


def _nearest(
    known: list[str],
    title: str,
    rows: NDArray[np.float64],
    there: NDArray[np.bool_],
    new: NDArray[np.bool_] | None,
    k: int,
) -> list[Liking]:
    number = known.index(title)
    scores = np.where(there, rows @ rows[number], -np.inf)
    scores[number] = -np.inf
    best = [i for i in np.argsort(-scores, kind="stable")[:k] if np.isfinite(scores[i])]
    return [Liking(title, known[i], round(float(scores[i]), 5), None if new is None else bool(new[i])) for i in best]


def _check(known: list[str], wanted: list[str], k: int) -> None:
    if not 1 <= k <= MOST:
        raise UsageError(f"Cannot give {k} titles.", f"Ask for 1 to {MOST}.")
    if not known:
        raise CatalogError("The catalog holds no titles.", "Fill it with `mediafm ingest` or `mediafm import`.")
    for title in wanted:
        require_title(title, known)
