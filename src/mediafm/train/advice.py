"""Whether a recipe and a catalogue suit each other: what cannot work is refused, what can but should not is advised.

Advice is a list of sentences. Each names the setting or the number it is about and says what to do.
"""

import math
from collections.abc import Mapping

from mediafm.config import Recipe
from mediafm.errors import TrainingError, UsageError
from mediafm.model.card import TRIVIAL_NAMES
from mediafm.types import Modality

# Shots from which a packaged recipe is the sensible one, and the parameters up to which another of its class is too.
# Measured runs behind it stand in docs/training.md, "How large a model".
SMALL_FROM, BASE_FROM = 20_000, 200_000
PARAMETERS = {"tiny": 1_000_000, "small": 10_000_000}
FEW_SHOTS = 2_000  # Friends, `tiny`: 1,146 shots .886, 3,114 shots .814, 10,046 shots .740; both neighbours .80
FEW_STEPS = 150  # Friends, 57,980 shots: 168 steps .760, 672 steps .708
FEW_TITLES = 4  # to train on: below, whole titles held out leave too few of either kind


def recipe_for(shots: int, cuda: bool) -> tuple[str, str]:
    """The packaged recipe for a catalogue of so many shots, and a sentence that says why.

    cuda: whether there is a GPU; without one `base` would take days, so `small` stands in for it.
    """
    if shots >= BASE_FROM and cuda:
        return "base", f"{shots:,} shots are enough for it ({BASE_FROM:,} and more)"
    if shots >= BASE_FROM:
        return "small", f"{shots:,} shots are enough for base, but there is no GPU here to train it on"
    if shots >= SMALL_FROM:
        return "small", f"it suits {SMALL_FROM:,} to {BASE_FROM:,} shots, and the catalog has {shots:,}"
    return "tiny", f"it suits catalogues below {SMALL_FROM:,} shots, and this one has {shots:,}"


def check_recipe(
    recipe: Recipe,
    titles: int,
    shots: int,
    dims: Mapping[Modality, int],
    parameters: int,
    *,
    longest: int | None = None,
    present: Mapping[Modality, int] | None = None,
    processes: int = 1,
) -> list[str]:
    """Advice on training by this recipe on this catalogue, before it begins.

    titles, shots: to train on. dims: sizes of the modalities. parameters: of the model. longest: shots of the longest
    title (None: not known). present: how many training shots have each modality. processes: that share a step.
    Raises UsageError for a recipe that cannot work here, TrainingError for a catalogue that no recipe can work on.
    """
    _refuse(recipe, titles, shots, longest, present)
    return [
        *_on_size(titles, shots, parameters),
        *_on_sequences(recipe, titles, shots, longest),
        *_on_steps(recipe, shots),
        *_on_processes(recipe, processes),
        *_on_modalities(dims, present),
    ]


def judge_run(
    msm: float, trivial: Mapping[str, float], recipe: Recipe, shots: int, steps: int, best_step: int
) -> list[str]:
    """Advice after a run: what to try where the model is not below all trivial predictors; else nothing.

    msm: the best cosine distance on validation titles, reached after `best_step` of `steps` steps. shots: trained on.
    """
    below = margin(msm, trivial)
    if below is None or below > 0:
        return []
    best = min(trivial, key=lambda name: trivial[name])
    return [
        f"The model has not learned what it is for: its cosine distance of {msm:.3f} is not below that of "
        f"the {TRIVIAL_NAMES.get(best, best)}, {trivial[best]:.3f}. {_what_to_try(recipe, shots, steps, best_step)}"
    ]


def margin(msm: float, trivial: Mapping[str, float]) -> float | None:
    """How far the model lies below the best trivial predictor; None where either is unknown."""
    return min(trivial.values()) - msm if trivial and math.isfinite(msm) else None


def _refuse(
    recipe: Recipe,
    titles: int,
    shots: int,
    longest: int | None,
    present: Mapping[Modality, int] | None,
) -> None:
    if titles < 1 or shots < 2:
        raise TrainingError(
            f"There are {shots} shots in {titles} titles to train on, and a shot is learned from its neighbours.",
            "Ingest or import more titles.",
        )
    if recipe.data.window < 2:
        raise UsageError(
            "data.window = 1 leaves every shot alone, with no context to learn from.",
            f"Set data.window to some hundred shots, at most model.max_shots = {recipe.model.max_shots}.",
        )
    if longest is not None and longest < 2:
        raise TrainingError(
            f"Every one of the {titles} titles has one shot only, so none has a neighbour to learn from.",
            "Check how titles were cut into shots (`mediafm shots TITLE`), or what title_id was imported.",
        )
    if present is not None and not any(present.values()):
        raise TrainingError(
            f"None of the {shots:,} shots to train on has any feature.",
            "Look at the catalog with `mediafm info` and `mediafm verify`, and ingest or import its titles again.",
        )


def _on_size(titles: int, shots: int, parameters: int) -> list[str]:
    name = "base" if shots >= BASE_FROM else "small" if shots >= SMALL_FROM else "tiny"
    if shots < FEW_SHOTS:
        return [
            f"{shots:,} shots in {titles} titles are very few to learn from: expect little more than the trivial "
            f"predictors give, and compare by a probe with `concat` and `neighbours` before use. The recipe {name} is "
            "the sensible one; some 10,000 shots would help more than any setting."
        ]
    if parameters > PARAMETERS.get(name, math.inf):
        return [
            f"{parameters:,} parameters are many for {shots:,} shots, about {parameters / shots:,.0f} for each: the "
            f"model may learn its shots by heart. The sensible recipe here is {name} (--recipe {name}); with a larger "
            "one set schedule.patience and watch the validation loss."
        ]
    return []


def _on_sequences(recipe: Recipe, titles: int, shots: int, longest: int | None) -> list[str]:
    advice = []
    length = min(recipe.data.window, longest or recipe.data.window, max(shots // titles, 1) + 1)
    if recipe.masking.share * length < 1:
        enough = math.ceil(1 / recipe.masking.share)
        window = f"data.window={enough} or more, or " if length == recipe.data.window else ""
        advice.append(
            f"masking.share={recipe.masking.share:g} of sequences of about {length} shots is less than one shot, and "
            f"one of each is hidden nevertheless: set {window}masking.share={math.ceil(100 / length) / 100:g}."
        )
    if titles < FEW_TITLES and recipe.data.hold_out == "titles":
        advice.append(
            f"{titles} titles are few to train on while others are held out whole: data.hold_out=tails holds out the "
            "end of every title instead."
        )
    return advice


def _on_steps(recipe: Recipe, shots: int) -> list[str]:
    data, epochs = recipe.data, recipe.schedule.epochs
    steps = epochs * math.ceil(shots / data.shots_per_step)
    if data.shots_per_step > shots:
        smaller = max(shots // 8, 16)
        window = f" and data.window={smaller}" if data.window > smaller else ""
        return [
            f"data.shots_per_step={data.shots_per_step} is more than the {shots:,} shots of an epoch, which is then a "
            f"single step: set data.shots_per_step={smaller}{window}."
        ]
    if steps < FEW_STEPS:
        wanted = math.ceil(FEW_STEPS * epochs / steps)
        return [
            f"The run has about {steps} steps, and some hundreds are needed: set schedule.epochs={wanted} or more, or "
            f"a smaller data.shots_per_step than {data.shots_per_step}."
        ]
    return []


def _on_processes(recipe: Recipe, processes: int) -> list[str]:
    micros = math.ceil(recipe.data.shots_per_step / recipe.data.micro_shots)
    if micros >= processes:
        return []
    smaller = recipe.data.shots_per_step // processes
    return [
        f"A step is {micros} micro-batch{'es' if micros > 1 else ''} of data.micro_shots={recipe.data.micro_shots}, so "
        f"{processes - micros} of {processes} processes would stand idle: set data.micro_shots={smaller} or a larger "
        "data.shots_per_step."
    ]


def _on_modalities(dims: Mapping[Modality, int], present: Mapping[Modality, int] | None) -> list[str]:
    return [
        f"No shot to train on has {modality}: its {dims[modality]} numbers stay zero, and the model will make "
        f"nothing of {modality} in other titles. Ingest titles that have it, or use a preset without it."
        for modality, count in (present or {}).items()
        if not count and modality in dims
    ]


def _what_to_try(recipe: Recipe, shots: int, steps: int, best_step: int) -> str:
    """The likeliest cause: too few steps or shots, stopped too soon, rates too high, learning by heart."""
    if steps < FEW_STEPS:
        return (
            f"{steps} steps are too few: raise schedule.epochs={recipe.schedule.epochs} or lower data.shots_per_step."
        )
    if shots < FEW_SHOTS:
        return f"{shots:,} shots are too few: add titles, or use `concat` and the trivial contexts as they are."
    if best_step >= 0.9 * steps:
        return (
            f"It was still learning at the end: raise schedule.epochs={recipe.schedule.epochs} to "
            f"{3 * recipe.schedule.epochs}."
        )
    if best_step <= 0.1 * steps:
        return (
            f"It learned nothing after the first steps: lower optimizer.rate={recipe.optimizer.rate:g} and "
            f"optimizer.adamw_rate={recipe.optimizer.adamw_rate:g} to a third, and try the recipe "
            f"{recipe_for(shots, cuda=True)[0]} as it is."
        )
    return (
        f"It was best after {best_step} of {steps} steps and then learned by heart: raise model.dropout="
        f"{recipe.model.dropout:g}, take a smaller recipe, or add titles."
    )
