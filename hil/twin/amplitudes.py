"""Rayleigh, Rician or not fading at all: from the amplitudes that a flat channel has in different slots.

Rician amplitudes of mean power W and factor K have the density (Rice 1945; Proakis & Salehi, "Digital Communications",
5th ed., 2.3-4), with s = W / (K + 1) the scattered and a^2 = W K / (K + 1) the fixed power,

    p(x) = 2 x / s exp(-(x^2 + a^2) / s) I0(2 a x / s).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ive

K_GRID_DB = np.arange(-10.0, 41.0, 0.5)
STEADY_K_DB = 30.0  # beyond it the fading is under 0.3 dB rms, less than gains of radios drift by
NEEDED = 2.0  # rise of the log likelihood over Rayleigh that a K must bring (one more parameter, odds of 7 to 1)
FEWEST_SLOTS = 4


@dataclass(frozen=True)
class FadingFit:
    """kind: awgn, rayleigh or rician. k_db and its uncertainty for rician. note: how sure that is."""

    kind: str
    k_db: float | None
    k_uncertainty_db: float | None
    note: str


def fit_fading(amplitudes: Sequence[np.ndarray], variances: Sequence[float], independent: float = 1.0) -> FadingFit:
    """amplitudes: per user float [slots * antennas], |h| of a single path; variances: of the complex errors in them.

    independent: share of the slots that faded on their own; the others tell nothing new.
    """
    slots = min(len(one) for one in amplitudes)
    if slots < FEWEST_SLOTS:
        return FadingFit("awgn", None, None, f"{slots} slots are too few to see fading")
    tables = [_likelihoods(x, v) for x, v in zip(amplitudes, variances, strict=True)]
    total = np.sum(tables, axis=0)
    pairs = zip(amplitudes, variances, strict=True)
    rayleigh = sum(float(_likelihood(x, np.array([np.mean(x**2)]), 0.0, v)[0]) for x, v in pairs)
    i = int(np.argmax(total))
    k_db = float(K_GRID_DB[i])
    if k_db >= STEADY_K_DB:
        return FadingFit("awgn", None, None, "powers do not change from slot to slot")
    if independent * (total[i] - rayleigh) < NEEDED:
        return FadingFit("rayleigh", None, None, f"{slots} slots")
    within = np.flatnonzero(total > total[i] - 0.5 / independent)  # one standard deviation of a Gaussian likelihood
    spread = max(0.5, 0.5 * float(K_GRID_DB[within[-1]] - K_GRID_DB[within[0]]))
    return FadingFit("rician", k_db, spread, f"{slots} slots")


def _likelihoods(x: np.ndarray, variance: float) -> np.ndarray:
    """float [K_GRID_DB.size]: largest log likelihood over the mean power, for every K."""
    powers = float(np.mean(x**2)) * 10 ** (np.arange(-6, 6.1, 0.25) / 10)
    return np.array([_likelihood(x, powers, 10 ** (k / 10), variance).max() for k in K_GRID_DB])


def _likelihood(x: np.ndarray, powers: np.ndarray, k: float, variance: float) -> np.ndarray:
    """float [powers]: log likelihoods of amplitudes [n] at every mean power."""
    scattered = (powers / (k + 1) + variance)[:, None]
    fixed = np.sqrt(powers * k / (k + 1))[:, None]
    # ive(0, z) = I0(z) exp(-z): the exponentials are put together before they can overflow.
    bessel = np.log(ive(0, 2 * fixed * x / scattered))
    return np.asarray(np.sum(np.log(2 * x / scattered) - (x - fixed) ** 2 / scattered + bessel, axis=1))
