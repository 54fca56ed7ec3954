"""Transmit linearity: gain against level, and the output at which it has fallen by 1 dB."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.errors import CalibrationError
from calibration.measure.measurement import Measurement

COMPRESSION_DB = 1.0


@dataclass(frozen=True)
class Linearity:
    """levels_dbfs: float [n], rising. gains: relative to the small-signal gain, dB.

    compression_point: input level in dBFS at which the gain is 1 dB low, None when it is not reached.
    """

    levels_dbfs: tuple[float, ...]
    gains: tuple[Measurement, ...]
    compression_point: Measurement | None


def linearity(levels_dbfs: Sequence[float], received: Sequence[Measurement]) -> Linearity:
    """From transmitted levels and received powers in dB, of constant-envelope signals.

    The small-signal gain is the mean of the lower third of the levels, so start 15 dB below full scale or lower.
    Raises CalibrationError for fewer than 4 levels or lists of different length.
    """
    if len(levels_dbfs) != len(received) or len(levels_dbfs) < 4:
        raise CalibrationError("Linearity needs 4 levels or more and a received power for each of them.")
    order = np.argsort(levels_dbfs)
    levels = np.array(levels_dbfs, float)[order]
    gains = np.array([received[i].value for i in order]) - levels
    sigmas = np.array([received[i].standard_uncertainty for i in order])
    small = max(2, len(levels) // 3)
    reference = float(np.mean(gains[:small]))
    reference_sigma = float(np.sqrt(np.sum(sigmas[:small] ** 2)) / small)
    relative = gains - reference
    totals = np.hypot(sigmas, reference_sigma)
    measured = tuple(Measurement(float(g), float(s), "dB") for g, s in zip(relative, totals, strict=True))
    return Linearity(tuple(levels), measured, _compression(levels, relative, totals))


def _compression(levels: np.ndarray, gains: np.ndarray, sigmas: np.ndarray) -> Measurement | None:
    """Where straight lines between the points first cross -1 dB and stay below."""
    below = gains <= -COMPRESSION_DB
    if not below[-1]:
        return None
    i = int(np.flatnonzero(~below)[-1]) if not below.all() else -1
    if i < 0:
        return None
    slope = (gains[i + 1] - gains[i]) / (levels[i + 1] - levels[i])
    crossing = levels[i] + (-COMPRESSION_DB - gains[i]) / slope
    return Measurement(float(crossing), float(max(sigmas[i], sigmas[i + 1]) / abs(slope)), "dBFS")
