"""Intervals and tests from draws of whole titles.

A score's standard error is the deviation of its bootstrap values, enlarged for the finite number of titles; intervals
are the score give or take t standard errors, with as many degrees of freedom as titles were free to be drawn. Plain
percentiles of the draws are too narrow for a dozen titles and sit too high for average precision, since a title drawn
twice ties with itself (docs/probes.md has the measured coverage of both).

Many comparisons in one table find something by chance. What counts as real is therefore judged by the largest |t| that
all comparisons together reach in the draws under no difference (Westfall & Young, "Resampling-based multiple testing",
1993): the chance of even one false claim in the table stays below 5 %.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95  # of every interval
POWER = 0.80  # with which a difference as large as `detectable` would have been found


@dataclass(frozen=True, slots=True)
class Interval:
    """low, high: of 95 %; None where there was nothing to draw. error: the standard error."""

    low: float | None
    high: float | None
    error: float | None


def interval(
    value: float,
    drawn_B: NDArray[np.float64],
    freedom: int,
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> Interval:
    """The interval of a value from its draws. freedom: titles less one for each fold. A draw that is NaN (it held no
    positive at all) is left out."""
    error = standard_error(drawn_B, freedom)
    if error is None:
        return Interval(None, None, None)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * error
    return Interval(max(value - reach, bounds[0]), min(value + reach, bounds[1]), error)


def central(drawn_B: NDArray[np.float64]) -> tuple[float, float]:
    """The central 95 % of bootstrap values; a draw that is NaN is left out."""
    low, high = np.nanquantile(drawn_B, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def standard_error(drawn_B: NDArray[np.float64], freedom: int) -> float | None:
    """Deviation of the draws, enlarged since drawing m of m titles varies as if there were one title less."""
    known = drawn_B[~np.isnan(drawn_B)]
    if freedom < 1 or len(known) < 2:
        return None
    return float(known.std(ddof=1) * np.sqrt((freedom + 1) / freedom))


def p_value(difference: float, error: float | None, freedom: int) -> float | None:
    """Two-sided, of no difference."""
    if error is None:
        return None
    if error == 0:
        return 1.0 if difference == 0 else 0.0
    return float(2 * stats.t.sf(abs(difference) / error, freedom))


def detectable(error: float | None, freedom: int) -> float | None:
    """The true difference that a two-sided test at 5 % finds with 80 % power, given the error of this one."""
    if error is None:
        return None
    return float((stats.t.ppf((1 + LEVEL) / 2, freedom) + stats.t.ppf(POWER, freedom)) * error)


def family_p_values(
    differences_K: NDArray[np.float64], drawn_KB: NDArray[np.float64], freedom: int
) -> NDArray[np.float64]:
    """p of each of K comparisons, adjusted for their number: how often the largest |t| of all K is as large in draws
    around no difference. NaN where there was nothing to draw."""
    errors = [standard_error(drawn, freedom) for drawn in drawn_KB]
    if not len(differences_K) or any(error is None for error in errors):
        return np.full(len(differences_K), np.nan)
    error_K = np.array(errors, dtype=np.float64)
    moving = error_K > 0
    adjusted = np.where(differences_K == 0, 1.0, 0.0)
    if not moving.any():
        return adjusted
    centred = drawn_KB[moving] - np.nanmean(drawn_KB[moving], axis=1, keepdims=True)
    spread = np.nanstd(centred, axis=1, ddof=1, keepdims=True)
    largest_B = np.nanmax(np.abs(centred / spread), axis=0)
    # The draws' t is all but normal; what was measured follows t with `freedom`: compare both as normal scores.
    reached = np.abs(differences_K[moving]) / error_K[moving]
    normal = -stats.norm.ppf(stats.t.sf(reached, freedom))
    share = (largest_B[None, :] >= normal[:, None]).sum(axis=1) + 1
    alone = 2 * stats.t.sf(reached, freedom)
    adjusted[moving] = np.maximum(share / (len(largest_B) + 1), alone)
    return adjusted
