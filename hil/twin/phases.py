"""Phase-noise level from the phases of the known symbols of every burst.

An FFT window of Tu seconds averages the phase, so that symbols at times t and t' have the covariance

    c(t - t') = integral S(f) sinc^2(f Tu) cos(2 pi f (t - t')) df,   S: both oscillators' two-sided density,

the default mask's shape times an unknown level, plus white measurement noise. Carrier errors and slow movement of the
channel are projected out of measurement and model alike; both unknowns follow from the residuals' covariance by least
squares (a method of moments), burst by burst, so that their scatter tells the uncertainty.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hil.twin.burst import Track
from radio.air.config import DEFAULT_PHASE_NOISE_MASK
from radio.air.phase_noise import mask_density
from radio.waveform.config import WaveformConfig

FEWEST_SYMBOLS = 8
FEWEST_BURSTS = 4
MOST_VARIANCE = 0.02  # of a symbol's phasor: beyond it phases are no longer small errors


@dataclass(frozen=True)
class PhaseNoiseFit:
    """level, uncertainty: linear, 1 is the default mask in every oscillator."""

    level: float
    uncertainty: float
    bursts: int


def fit_phase_noise(tracks: Sequence[Track], config: WaveformConfig, doppler_hz: float) -> PhaseNoiseFit | None:
    """None where too few bursts are clear enough."""
    levels, weights = [], []
    for one in tracks:
        if one.times_s.size < FEWEST_SYMBOLS or one.variance > MOST_VARIANCE:
            continue
        ticks = np.round((one.times_s - one.times_s[0]) * config.sample_rate_hz).astype(int)
        away, noisy, white = _model(tuple(ticks), config, doppler_hz)
        rest = away @ np.angle(one.phasors)
        seen = np.outer(rest, rest)
        terms = np.stack([noisy.ravel(), white.ravel()], axis=1)
        solution, *_ = np.linalg.lstsq(terms, seen.ravel(), rcond=None)
        levels.append(float(solution[0]))
        weights.append((0.5 * one.variance + 1e-4) ** -2)
    if len(levels) < FEWEST_BURSTS:
        return None
    values, trust = np.array(levels), np.array(weights) / np.sum(weights)
    mean = float(trust @ values)
    effective = 1 / float(np.sum(trust**2))
    deviation = float(np.sqrt(trust @ (values - mean) ** 2 / max(effective - 1, 1.0)))
    return PhaseNoiseFit(mean, deviation, len(levels))


def shifted_mask(level: float) -> list[list[float]]:
    """The default mask, its density times `level`."""
    shift_db = 10 * np.log10(level)
    return [[offset, round(float(density + shift_db), 2)] for offset, density in DEFAULT_PHASE_NOISE_MASK]


@lru_cache(maxsize=32)
def _model(ticks: tuple[int, ...], config: WaveformConfig, doppler_hz: float) -> tuple[np.ndarray, ...]:
    """Projection [m, m] away from what is slow; covariances behind it of unit phase noise and of unit white noise."""
    times_s = np.array(ticks) / config.sample_rate_hz
    span_s = float(np.ptp(times_s))
    places = (times_s - times_s[0]) / span_s
    rows = [np.ones(len(ticks)), places - 0.5]
    further = min(int(np.ceil(8 * doppler_hz * span_s)), len(ticks) // 2 - 2)
    rows += [np.cos(np.pi * order * places) for order in range(2, 2 + further)]
    basis = np.linalg.qr(np.stack(rows, axis=1))[0]
    away = np.eye(len(ticks)) - basis @ basis.T
    return away, away @ _covariance(times_s, config) @ away, away


def _covariance(times_s: np.ndarray, config: WaveformConfig) -> np.ndarray:
    """c(t - t') [m, m] in rad^2 of two oscillators with the default mask."""
    rate = config.sample_rate_hz
    edges = np.concatenate([np.linspace(0, 1e3, 200), np.geomspace(1e3, min(rate / 2, 250e3), 1200)[1:]])
    middle, width = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)
    density = mask_density(DEFAULT_PHASE_NOISE_MASK, middle) * np.sinc(middle * config.fft_size / rate) ** 2
    turns = (times_s[:, None] - times_s[None, :])[..., None] * middle
    return np.asarray(np.cos(2 * np.pi * turns) @ (4 * density * width))  # two sidebands, two oscillators
