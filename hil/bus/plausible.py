"""Which numbers from the bus or from a file may be calculated with; what lies beyond is damage, not a measurement.

A gain of 1e200 is finite, its square is not. Within these bounds squares, and sums of many of them, stay far inside a
float64, and powers of ten of levels can be taken.
"""

import math
from typing import TypeGuard

from hil.bus.messages import Link, UserCsi

LARGEST = 1e30  # of a linear value, in any unit
LARGEST_DB = 300.0
LARGEST_RELATIVE = 1e6  # of a gain over the mean of the users, and of a phase in radians; networks square as float32


def plausible(value: float | None) -> TypeGuard[float]:
    """Whether a linear value is known, finite and within +-LARGEST."""
    return value is not None and abs(value) <= LARGEST  # NaN is not


def plausible_db(level_db: float | None) -> TypeGuard[float]:
    """Whether a level or SNR in dB is known, finite and within +-LARGEST_DB."""
    return level_db is not None and abs(level_db) <= LARGEST_DB


def linear(level_db: float) -> float:
    """The power ratio of a level in dB, taken as +-LARGEST_DB where it is beyond; 0 of NaN."""
    if math.isnan(level_db):
        return 0.0
    return float(10 ** (max(-LARGEST_DB, min(float(level_db), LARGEST_DB)) / 10))


def plausible_user(user: UserCsi) -> bool:
    """Whether gain and phase of a user's report can be those of a channel."""
    return 0 <= user.gain < LARGEST_RELATIVE and abs(user.phase_rad) < LARGEST_RELATIVE


def plausible_link(link: Link) -> bool:
    """Whether the truth of a link can be one: as many delays as every antenna has taps, and numbers that are finite."""
    taps = len(link.tap_delays_samples)
    if not link.tap_gains or not taps or any(len(antenna) != taps for antenna in link.tap_gains):
        return False
    gains = [part for antenna in link.tap_gains for gain in antenna for part in gain]
    numbers = (link.cfo_hz, link.clock_ppm, link.delay_samples, link.noise_power, *link.tap_delays_samples, *gains)
    return link.noise_power >= 0 and all(map(plausible, numbers))
