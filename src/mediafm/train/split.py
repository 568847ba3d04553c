"""Which titles train and which validate."""

from mediafm.config import DataRecipe
from mediafm.errors import TrainingError
from mediafm.sequences import FeatureCache, select_titles, split_titles

MIN_TITLES, MIN_SHOTS = 2, 50


def choose_titles(cache: FeatureCache, recipe: DataRecipe) -> tuple[list[str], list[str]]:
    """(training, validation) titles. Titles none of whose shots has features take no part.

    TrainingError where too little is left to learn or to measure.
    """
    titles = [t for t in cache.title_ids if any(p.any() for p in cache.features(t).present.values())]
    excluded = set(select_titles(titles, recipe.exclude_titles, "data.exclude_titles"))
    titles = [t for t in titles if t not in excluded]
    shots = sum(cache.lengths[t] for t in titles)
    if len(titles) < MIN_TITLES or shots < MIN_SHOTS:
        raise TrainingError(
            f"{len(titles)} titles with {shots} shots are too few to pretrain on.",
            f"Ingest more: at least {MIN_TITLES} titles with {MIN_SHOTS} shots, better some hundred titles.",
        )
    if not recipe.validation_titles:
        return split_titles(titles, recipe.validation_share, recipe.split_seed)
    validation = select_titles(titles, recipe.validation_titles, "data.validation_titles")
    training = sorted(set(titles) - set(validation))
    if not training:
        raise TrainingError("data.validation_titles leaves no title to train on.", "Name fewer titles.")
    return training, validation
