"""The ways in: `find` with everything, `search` for hits alone, `search_catalogue` with the address of a catalog."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from mediafm.errors import CatalogError, UsageError
from mediafm.index.lists import MOST
from mediafm.search.duplicates import THRESHOLD, Folding
from mediafm.search.encoding import GivenText, QueryEncoders, TextEncoder
from mediafm.search.example import parse_example
from mediafm.search.explaining import explained
from mediafm.search.filters import allowed_shots
from mediafm.search.likeness import Among, alike_by_modality, features_to_compare, like_rankings, shots_of_examples
from mediafm.search.lines import Lines
from mediafm.search.merging import Ranking, merged
from mediafm.search.queries import Like, Query, Words
from mediafm.search.ranking import SHOTS_A_CLIP, Hit, Unit, best_runs, make_hits
from mediafm.search.through import Through
from mediafm.search.words import WAYS, ways_of, word_rankings

if TYPE_CHECKING:
    from mediafm.catalog import Catalog

MOST_HITS = 10_000
_MOST_FOLDED = 2_000  # finds looked at for duplicates
_MORE = 20  # than were asked for are looked at at first


@dataclass(frozen=True, slots=True)
class Options:
    """What may be found and how it is shown.

    where, titles, after, before: as in `filters.allowed_shots`. keep_duplicates: near-duplicates are hits of their own.
    through: a run that words go through; context: the place it is to think of. explain: hits say why.
    ways: those of WAYS in which words are compared; default all that are open.
    """

    where: Sequence[str] = ()
    titles: Sequence[str] = ()
    after: float | None = None
    before: float | None = None
    keep_duplicates: bool = False
    threshold: float = THRESHOLD
    through: str = ""
    context: str = ""
    explain: bool = False
    ways: Sequence[str] = WAYS


@dataclass(frozen=True, slots=True)
class Answer:
    """hits: the best of all rankings together. lists: those of each feature set alone, where several were compared.

    notes: what was left out and why, for people.
    """

    hits: list[Hit]
    lists: dict[str, list[Hit]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As `search --json` prints it."""
        document: dict[str, Any] = {"hits": [hit.as_json() for hit in self.hits]}
        if self.lists:
            document["lists"] = {name: [hit.as_json() for hit in hits] for name, hits in self.lists.items()}
        return document | ({"notes": self.notes} if self.notes else {})


def find(
    catalog: "Catalog",
    queries: Sequence[Query],
    unit: Unit = "shot",
    k: int = 10,
    features: Sequence[str] = (),
    encoders: QueryEncoders | None = None,
    options: Options | None = None,
) -> Answer:
    """The k best matches of a weighted mix of queries, best first; fewer where fewer match.

    unit: shots; clips, neighbours among the best shots joined; or titles, each as good as its best shot (with whole
        titles as examples: as their own vectors).
    features: what examples are compared by: embedding sets, modalities or "concat", the fused embedding. Default: the
        catalog's embedding set with context if it has just one, concat if it has none. For words alone: some of text,
        video, audio; default all that share a space with words.
    encoders: of words and files; default those of the catalog's own preset.
    Raises UsageError for a call that makes no sense, CatalogError for a catalog without what is asked for,
    MismatchError where encoders or checkpoints would be mixed.
    """
    options = options or Options()
    _check(catalog, queries, unit, k)
    encoders = encoders or QueryEncoders(catalog)
    notes: list[str] = []
    through = _through(catalog, queries, options)
    lines = Lines.open(catalog)
    allowed = allowed_shots(catalog, lines, options.where, options.titles, options.after, options.before)
    if allowed is not None and not allowed.any():
        notes.append("No shot of the catalog fits the filters.")
    others = [query for query in queries if not isinstance(query, Words)]
    own = shots_of_examples(catalog, lines, others, unit == "title")
    allowed = ~own if allowed is None else allowed & ~own
    show = _Showing(catalog, lines, unit, k, options, [q.place for q in queries if isinstance(q, Like)])
    for count in _depths(queries, features, unit, k):
        among = None if count is None else Among(count, allowed)
        rankings = _rank(catalog, lines, queries, unit, features, encoders, through, notes, options.ways, among)
        rankings = [ranking.within(allowed) for ranking in rankings]
        hits = show.hits(rankings)
        if len(hits) >= k:
            break
    names = list(dict.fromkeys(ranking.features for ranking in rankings))
    lists = {}
    if len(features) > 1 and len(names) > 1:
        lists = {name: show.hits([r for r in rankings if r.features == name]) for name in names}
    return Answer(hits, lists, list(dict.fromkeys(notes)))


def search(
    catalog: "Catalog",
    query: str | None = None,
    like: str | None = None,
    unit: Unit = "shot",
    k: int = 10,
    features: str | Sequence[str] | None = None,
    text_encoder: TextEncoder | None = None,
    text_fingerprint: str | None = None,
    *,
    queries: Sequence[Query] = (),
    options: Options | None = None,
) -> list[Hit]:
    """The hits of `find`, for one query or for a mix of them.

    query: words, matched by meaning only if `text_encoder` is given; its fingerprint, which must go with it, has to be
        that of the catalog's text encoder (MismatchError). like: an example. queries: any number of Words, Like,
        Image and SoundFile, in place of both; they are read by the catalog's own encoders.
    """
    if bool(queries) + (query is not None) + (like is not None) != 1:
        raise UsageError("A search takes either words or an example.", "Give one of the two, or a list of queries.")
    encoders = None if queries else GivenText(catalog, text_encoder, text_fingerprint)
    if not queries:
        queries = [Like(like) if like is not None else Words(query or "")]
    named = [features] if isinstance(features, str) else list(features or ())
    return find(catalog, queries, unit, k, named, encoders, options).hits


def search_catalogue(
    catalog: "Catalog | str",
    query: str = "",
    like: str = "",
    unit: Unit = "shot",
    k: int = 10,
    features: str | Sequence[str] = "",
    preset: str = "",
    *,
    queries: Sequence[Query] = (),
    options: Options | None = None,
) -> list[Hit]:
    """`search` in a catalog or at its address, queries encoded by the encoders of a preset.

    preset: default is the one that made the catalog, `offline` for imported features. MismatchError where its encoder
    is not the catalog's; text vectors that were imported have none, so there words are matched as words alone.
    """
    from mediafm.catalog import Catalog

    opened = Catalog.open(catalog) if isinstance(catalog, str) else catalog
    if bool(queries) + bool(query) + bool(like) != 1:
        raise UsageError("A search takes either words or an example.", "Give one of the two, or a list of queries.")
    if not queries:
        queries = [Like(like) if like else Words(query)]
    named = [features] if isinstance(features, str) and features else list(features or ())
    return find(opened, queries, unit, k, named, QueryEncoders(opened, preset), options).hits


def _check(catalog: "Catalog", queries: Sequence[Query], unit: Unit, k: int) -> None:
    if not queries:
        raise UsageError("There is nothing to search for.", "Give words, --like, --image or --sound.")
    if all(query.weight < 0 for query in queries):
        raise UsageError("Every query is weighted away from.", "Give one a positive weight.")
    if unit not in get_args(Unit):
        raise UsageError(f"Cannot search for {unit!r}.", f"Units are {', '.join(get_args(Unit))}.")
    if not 1 <= k <= MOST_HITS:
        raise UsageError(f"Cannot give {k} hits.", f"Ask for 1 to {MOST_HITS}.")
    if not catalog.title_ids():
        raise CatalogError("The catalog holds no titles.", "Fill it with `mediafm ingest` or `mediafm import`.")


def _through(catalog: "Catalog", queries: Sequence[Query], options: Options) -> Through | None:
    if options.context and not options.through:
        raise UsageError("A context is of a model that words go through.", "Give --through RUN as well.")
    if not options.through:
        return None
    if not any(isinstance(query, Words) for query in queries):
        raise UsageError("Only words go through a model.", "Give words, or leave --through out.")
    context = parse_example(options.context, catalog.title_ids()) if options.context else None
    return Through(catalog, options.through, context)


def _rank(
    catalog: "Catalog",
    lines: Lines,
    queries: Sequence[Query],
    unit: Unit,
    features: Sequence[str],
    encoders: QueryEncoders,
    through: Through | None,
    notes: list[str],
    allowed_ways: Sequence[str] = WAYS,
    among: Among | None = None,
) -> list[Ranking]:
    """All ways in which all queries are answered. Features asked for must be of use to one kind of query at least."""
    words = [query for query in queries if isinstance(query, Words)]
    others = [query for query in queries if not isinstance(query, Words)]
    rankings: list[Ranking] = []
    if words:
        # In a mix the features are those that examples are compared by.
        ways = [way for way in ways_of(() if others else features) if way in allowed_ways]
        for query in words:
            rankings += word_rankings(catalog, lines, query, encoders, ways, through, notes, len(queries) > 1)
    if others:
        examples = any(isinstance(query, Like) for query in others)
        names = features_to_compare(catalog, features) if examples else []
        rankings += like_rankings(catalog, lines, others, names, encoders, unit == "title", notes, among)
    return rankings


def _depths(queries: Sequence[Query], features: Sequence[str], unit: Unit, k: int) -> list[int | None]:
    """How many of the nearest shots are ranked, and how many if those did not do; None: all.

    One example's shots need no more than are shown and folded, which an index with lists finds at once. Where rankings
    are merged, more: beyond the first ten thousand a rank adds next to nothing.
    """
    if unit == "title":
        return [None]
    deep = SHOTS_A_CLIP * max(_MOST_FOLDED, 2 * k)
    alone = len(queries) == 1 and not isinstance(queries[0], Words) and len(features) < 2
    return [MOST, deep] if alone and unit == "shot" and k + _MORE <= MOST else [deep]


class _Showing:
    """Turns rankings into hits, as often as there are lists."""

    def __init__(
        self, catalog: "Catalog", lines: Lines, unit: Unit, k: int, options: Options, places: Sequence[str]
    ) -> None:
        self._catalog, self._lines, self._unit, self._k, self._options = catalog, lines, unit, k, options
        self._places = places
        self._folding: Folding | None = None

    def hits(self, rankings: Sequence[Ranking]) -> list[Hit]:
        scores_N = merged(rankings)
        if self._unit == "title" or self._options.keep_duplicates:
            runs = best_runs(scores_N, self._lines, self._unit, self._k)
            twins: list[Any] = [[] for _ in runs]
        else:
            runs, twins = self._folded(scores_N)
        hits = make_hits(self._catalog, self._lines, runs, twins, self._unit)
        if not self._options.explain:
            return hits
        why = explained(rankings, np.array([run.best for run in runs], dtype=np.int64), [hit.text for hit in hits])
        if len(self._places) == 1:  # of several examples nobody could tell which one is meant
            shots = [(hit.title, hit.best_shot) for hit in hits]
            alike = alike_by_modality(self._catalog, self._places[0], shots)
            why = [{**reason, "alike": cosines} for reason, cosines in zip(why, alike, strict=True)]
        return [replace(hit, why=reason) for hit, reason in zip(hits, why, strict=True)]

    def _folded(self, scores_N: Any) -> tuple[list[Any], list[Any]]:
        """More and more of the best, until k of them are left or there are no more."""
        self._folding = self._folding or Folding(self._catalog, self._options.threshold)
        count = self._k + _MORE
        while True:
            runs = best_runs(scores_N, self._lines, self._unit, count)
            kept, twins = self._folding.fold(runs, self._lines.titles, self._k)
            if len(kept) >= self._k or len(runs) < count or count >= max(_MOST_FOLDED, 2 * self._k):
                return kept, twins
            count *= 2
