"""The power that disturbs each symbol of a payload, from its pilots' residual, and which symbols were hit.

A symbol's residual has few dimensions, so that neighbours are pooled wherever nothing speaks against it: a burst
through which nothing changes has one level, a level that drifts is followed by a moving mean, and only symbols that
stand out beyond chance are judged alone. Under white noise a residual of d complex values is Gamma(d).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.special

from radio.waveform.quality.pilots import PilotView

FALSE_HIT = 1e-6  # that noise alone makes a symbol stand out
HIT_RATIO = 4.0  # 6 dB over the burst's own level; less is not worth a flag
POOLED_SYMBOLS = 8  # on either side, for a level that drifts
AS_TOLD_DEVIATIONS = 2.5  # of the pilots' level from the training's noise: within, the training knows it better
EVEN_DB = 1.0  # a level that drifts by less is taken to be even
STEP_DB = 0.5  # in which a drifting level is followed
HEARD = 6.0  # least |amplitude|^2 of the pilots over its variance: Exp(1) where nobody sends
LEAST_POWER = 1e-30  # full scale is 1: a burst without any noise is weighed all the same
ERASED = 1e9  # of the noise power: what a symbol with nothing in it is disturbed by


@dataclass(frozen=True)
class Disturbance:
    """power: float64 [symbols], of a channel use and antenna. hit: bool [symbols], stands out; erased: bool [symbols],
    those of them in which the user cannot be heard at all."""

    power: np.ndarray
    hit: np.ndarray
    erased: np.ndarray


def disturbance(view: PilotView, noise_power: float, gone: np.ndarray) -> Disturbance:
    """noise_power: as the training saw it; gone: bool [symbols], known to hold nothing of the user."""
    local = np.maximum(view.residual / view.dimensions, LEAST_POWER)
    there = ~gone
    quartile = _lower(local[there])
    reference = max(noise_power, quartile / _quartile(view.dimensions))
    hit = (local > reference * max(HIT_RATIO, _largest(view.dimensions))) | ~there
    power = _level(local, ~hit, view.dimensions, noise_power)
    if not hit.any():
        return Disturbance(power, hit, hit)
    heard = np.abs(view.total) ** 2 / np.maximum(view.energy * view.scatter, 1e-30)
    erased = hit & ((heard < HEARD) | ~there)
    power[hit] = local[hit]
    power[erased] = ERASED * max(noise_power, float(local.max(initial=0)))
    return Disturbance(power, hit, erased)


def _lower(values: np.ndarray) -> float:
    """The lower quartile; 0 of nothing."""
    return float(np.partition(values, values.size // 4)[values.size // 4]) if values.size else 0.0


def _level(local: np.ndarray, good: np.ndarray, dimensions: int, noise_power: float) -> np.ndarray:
    """What disturbs symbols that do not stand out, float64 [symbols]."""
    count = int(good.sum())
    if count == 0:
        return np.full(local.size, noise_power)
    mean = float(local[good].mean())
    if local.size > POOLED_SYMBOLS and _may_drift(local, good, mean):
        kernel, around = np.ones(2 * POOLED_SYMBOLS + 1), slice(POOLED_SYMBOLS, POOLED_SYMBOLS + local.size)
        known = np.convolve(good.astype(float), kernel)[around]
        pooled = np.convolve(np.where(good, local, 0.0), kernel)[around] / np.maximum(known, 1)
        pooled = np.where(known > 0, pooled, mean)
        deviation = AS_TOLD_DEVIATIONS / np.sqrt(np.maximum(known, 1) * dimensions)
        drift_db = 10 * np.log10(np.maximum(pooled, 1e-30) / max(mean, 1e-30))
        if (np.abs(drift_db) > np.maximum(EVEN_DB, 10 * np.log10(1 + 1.5 * deviation))).any():
            return mean * 10 ** (STEP_DB * np.round(drift_db / STEP_DB) / 10)
    as_told = abs(mean / noise_power - 1) < AS_TOLD_DEVIATIONS / np.sqrt(count * dimensions)
    return np.full(local.size, noise_power if as_told else mean)


def _may_drift(local: np.ndarray, good: np.ndarray, mean: float) -> bool:
    """A cheap look: the means of blocks of symbols differ."""
    begins = np.arange(0, local.size - POOLED_SYMBOLS // 2, POOLED_SYMBOLS)
    blocks = np.add.reduceat(np.where(good, local, mean), begins) / np.diff(begins, append=local.size)
    return bool(blocks.max() > 1.2 * mean or blocks.min() < 0.8 * mean)


@lru_cache(maxsize=32)
def _quartile(dimensions: int) -> float:
    """Of Gamma(d) / d."""
    return float(scipy.special.gammaincinv(dimensions, 0.25)) / dimensions


@lru_cache(maxsize=32)
def _largest(dimensions: int) -> float:
    """What Gamma(d) / d exceeds with FALSE_HIT."""
    return float(scipy.special.gammainccinv(dimensions, FALSE_HIT)) / dimensions
