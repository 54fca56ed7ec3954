"""Clipping, seen in the samples themselves: values pile up at the largest level instead of thinning out towards it."""

import numpy as np

RAIL = 0.01  # of the largest value: what counts as being at it
LEAST_VALUES = 16
PILED = 4.0  # times as many as at the next lower level; a tone's sine piles up 2.4 times


def clipped_values(data: np.ndarray) -> int:
    """How many I and Q values of complex64 [antennas, n] lie at a rail of their antenna; 0 unless it is one."""
    return sum(_at_rail(antenna.view(np.float32), sign) for antenna in np.ascontiguousarray(data) for sign in (1, -1))


def _at_rail(values: np.ndarray, sign: int) -> int:
    """Of the values of one sign; converters of few bits have other rails above than below."""
    largest = float(values.max(initial=0) if sign > 0 else -values.min(initial=0))
    if not np.isfinite(largest) or largest <= 0:
        return 0
    # Most values are small: two passes over all of them, and the rest on the few that are large.
    high = sign * values[values > 0.5 * largest] if sign > 0 else -values[values < -0.5 * largest]
    at_rail = high >= (1 - RAIL) * largest
    count = int(np.count_nonzero(at_rail))
    below = high[~at_rail]
    if count < LEAST_VALUES or below.size == 0:
        return 0
    next_lower = int(np.count_nonzero(below >= below.max() - RAIL * largest))
    return count if count > PILED * next_lower + LEAST_VALUES else 0
