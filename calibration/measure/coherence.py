"""Coherence time of a channel from the powers that a series of frames arrives with.

Free oscillators give every frame a phase of its own, so the powers are compared: for Rayleigh fading the correlation
of |h|^2 is |rho|^2 (Jakes, "Microwave Mobile Communications", 1974, section 1.3), and the coherence time is the lag
at which |rho| falls to 1/2, that is that of the powers to 1/4.
"""

import numpy as np

from calibration.errors import CalibrationError
from calibration.measure.measurement import Measurement

LEVEL = 0.25


def coherence_time(times_s: np.ndarray, channels: np.ndarray) -> Measurement:
    """times_s: float [frames], equally spaced; channels: complex [frames, ...] of one user.

    A channel that does not reach the level within half the series gives that half and an infinite uncertainty: it is
    coherent at least as long. Raises CalibrationError for fewer than 16 frames or uneven spacing.
    """
    spacings = np.diff(times_s)
    if len(times_s) < 16 or len(channels) != len(times_s):
        raise CalibrationError("A coherence time needs the channels of 16 frames or more, and a time for each.")
    spacing = float(np.median(spacings))
    if spacing <= 0 or np.any(np.abs(spacings - spacing) > 0.1 * spacing):
        raise CalibrationError("A coherence time needs frames that are equally spaced.")
    powers = np.abs(np.asarray(channels).reshape(len(times_s), -1)) ** 2
    lags = np.arange(len(times_s) // 2)
    correlation = _correlation(powers, lags)
    below = np.flatnonzero(correlation < LEVEL)
    if below.size == 0 or np.var(powers) < 1e-3 * np.mean(powers) ** 2:
        return Measurement(float(lags[-1] * spacing), float("inf"), "s")
    i = int(below[0])
    slope = correlation[i] - correlation[i - 1]
    lag = i - 1 + (LEVEL - correlation[i - 1]) / slope
    independent = max(1.0, len(times_s) / max(lag, 1.0))  # stretches that faded on their own
    deviation = max(0.5, lag / np.sqrt(independent))
    return Measurement(float(lag * spacing), float(deviation * spacing), "s")


def _correlation(powers: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """float [lags], 1 at lag 0: autocovariance of powers [frames, values], summed over values."""
    centred = powers - powers.mean(axis=0)
    covariance = [float(np.mean(centred[: len(centred) - lag] * centred[lag:])) for lag in lags]
    return np.array(covariance) / max(covariance[0], 1e-30)
