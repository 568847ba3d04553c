"""Which shots train and which validate."""

from dataclasses import dataclass

from mediafm.config import DataRecipe
from mediafm.errors import TrainingError
from mediafm.sequences import FeatureCache, Span, select_titles, split_titles

MIN_TITLES, MIN_SHOTS = 2, 50


@dataclass(frozen=True, slots=True)
class Split:
    """Spans of shots, at most one a title on each side; no shot stands on both."""

    training: tuple[Span, ...]
    validation: tuple[Span, ...]


def choose_split(cache: FeatureCache, recipe: DataRecipe) -> Split:
    """Hold out whole titles, or the tail of every title. Titles none of whose shots has features take no part.

    TrainingError where too little is left to learn or to measure.
    """
    titles = [t for t in cache.title_ids if any(p.any() for p in cache.features(t).present.values())]
    if cache.title_ids and not titles:
        raise TrainingError(
            f"None of the {len(cache.title_ids)} titles has a shot with any feature.",
            "Look at the catalog with `mediafm info` and `mediafm verify`, and ingest or import its titles again.",
        )
    excluded = set(select_titles(titles, recipe.exclude_titles, "data.exclude_titles"))
    titles = [t for t in titles if t not in excluded]
    shots = sum(cache.lengths[t] for t in titles)
    least = MIN_TITLES if recipe.hold_out == "titles" else 1
    if len(titles) < least or shots < MIN_SHOTS:
        alone = " One title alone can be trained on with data.hold_out=tails." if shots >= MIN_SHOTS else ""
        raise TrainingError(
            f"{len(titles)} titles with {shots} shots are too few to pretrain on.",
            f"Ingest more: at least {least} titles with {MIN_SHOTS} shots, better some hundred titles.{alone}",
        )
    if recipe.hold_out == "tails":
        return _tails({t: cache.lengths[t] for t in titles}, recipe.validation_share)
    training, validation = _by_title(titles, recipe)
    return Split(tuple(cache.wholes(training)), tuple(cache.wholes(validation)))


def _by_title(titles: list[str], recipe: DataRecipe) -> tuple[list[str], list[str]]:
    if not recipe.validation_titles:
        return split_titles(titles, recipe.validation_share, recipe.split_seed)
    validation = select_titles(titles, recipe.validation_titles, "data.validation_titles")
    training = sorted(set(titles) - set(validation))
    if not training:
        raise TrainingError("data.validation_titles leaves no title to train on.", "Name fewer titles.")
    return training, validation


def _tails(lengths: dict[str, int], share: float) -> Split:
    """The first shots of every title train, the last `share` of them validate (of a title of one shot: none)."""
    borders = {title: n - int(n * share + 0.5) if n > 1 else n for title, n in lengths.items()}
    training = tuple(Span(title, 0, border) for title, border in borders.items() if border)
    validation = tuple(
        Span(title, border, lengths[title]) for title, border in borders.items() if border < lengths[title]
    )
    if not training or not validation:
        side, change = ("to train on", "Lower") if validation else ("to validate on", "Raise")
        raise TrainingError(
            f"data.validation_share = {share:g} of titles of at most {max(lengths.values())} shots leaves none {side}.",
            f"{change} data.validation_share.",
        )
    return Split(training, validation)
