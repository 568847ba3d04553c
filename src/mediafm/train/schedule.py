"""The course of the learning rate: warm-up, stable, decay; or warm-up and half a cosine."""

import math

from mediafm.config import ScheduleRecipe


def rate_factor(step: int, steps: int, recipe: ScheduleRecipe) -> float:
    """Share of the full rate at `step` (0-based) of `steps`.

    Rises linearly over the first `warmup` share, stays at 1, and falls over the last `decay` share, either linearly or
    as 1 - sqrt (steep at first; Hagele et al. 2024), towards zero just after the last step.
    """
    warmup, decay = round(recipe.warmup * steps), round(recipe.decay * steps)
    if step < warmup:
        return (step + 1) / warmup
    if step < steps - decay:
        return 1.0
    done = (step - (steps - decay)) / decay
    return 1.0 - done if recipe.decay_shape == "linear" else 1.0 - math.sqrt(done)


def cosine_factor(step: int, steps: int, warmup: float) -> float:
    """Share of the full rate at `step` (0-based) of `steps`.

    Rises linearly over the first `warmup` share of them, then falls along half a cosine (Loshchilov and Hutter 2017)
    towards zero just after the last step.
    """
    rising = round(warmup * steps)
    if step < rising:
        return (step + 1) / rising
    return 0.5 + 0.5 * math.cos(math.pi * (step - rising) / (steps - rising))
