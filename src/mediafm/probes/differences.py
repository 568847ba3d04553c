"""A measured difference as it stands in results."""

import numpy as np
from numpy.typing import NDArray

from mediafm.probes.intervals import detectable, interval, p_value, standard_error
from mediafm.probes.result import Difference


def difference_of(
    value: float, drawn_B: NDArray[np.float64], freedom: int, examples: int, adjusted: float | None
) -> Difference:
    """A difference with its interval and p from its draws; `adjusted`: p adjusted for all of the table."""
    around, error = interval(value, drawn_B, freedom), standard_error(drawn_B, freedom)
    return Difference(
        difference=value,
        low=around.low,
        high=around.high,
        p=p_value(value, error, freedom),
        p_table=None if adjusted is None or np.isnan(adjusted) else adjusted,
        detectable=detectable(error, freedom),
        examples=examples,
    )
