"""What is searched for: a known symbol at each carrier that an oscillator may have, and when it counts as found."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.special

from radio.waveform.burst.grid import MAX_USERS, ResourceGrid
from radio.waveform.config import WaveformConfig
from radio.waveform.transforms.ofdm import to_time

HYPOTHESES_PER_SUBCARRIER = 2


@dataclass(frozen=True)
class Acquisition:
    """start: sample index of the first preamble symbol on the strongest path; cfo_hz: within plus and minus reach_hz.

    energy: about what the matched filters took from the samples; statistic and threshold: see `acquisition`.
    """

    start: int
    cfo_hz: float
    reach_hz: float
    energy: float
    statistic: float
    threshold: float


@lru_cache(maxsize=64)
def threshold(false_alarm_probability: float, dimensions: int, cells: int) -> float:
    return float(scipy.special.gammainccinv(dimensions, false_alarm_probability / cells))


@lru_cache(maxsize=8)
def offsets_hz(config: WaveformConfig) -> np.ndarray:
    """Carrier hypotheses [q]."""
    step_hz = config.subcarrier_spacing_hz / HYPOTHESES_PER_SUBCARRIER
    count = int(np.ceil(config.largest_cfo_hz / step_hz))
    return np.arange(-count, count + 1) * step_hz


@lru_cache(maxsize=8)
def whole_subcarriers(config: WaveformConfig) -> np.ndarray:
    """int [w]: those of `offsets_hz` that are whole subcarriers."""
    count = int(offsets_hz(config).size // 2 // HYPOTHESES_PER_SUBCARRIER)
    return np.arange(-count, count + 1)


@lru_cache(maxsize=32)
def whole_templates(config: WaveformConfig, sequence: int, size: int) -> np.ndarray:
    """complex64 [w, size]: conjugated spectra of a known symbol at whole subcarriers.

    sequence: a user, for its preamble, or MAX_USERS + user, for its sounding.
    """
    return _templates(config, sequence, size, whole_subcarriers(config))


@lru_cache(maxsize=32)
def turnable_templates(config: WaveformConfig, user: int, size: int) -> np.ndarray:
    """complex64 [HYPOTHESES_PER_SUBCARRIER, 2 size]: conjugated spectra of a user's preamble, each twice in a row.

    size: whole symbols, so that a carrier that is a whole subcarrier higher moves a spectrum by size / fft_size bins.
    """
    parts = np.arange(HYPOTHESES_PER_SUBCARRIER) / HYPOTHESES_PER_SUBCARRIER
    return np.tile(_templates(config, user, size, parts), 2)


def _templates(config: WaveformConfig, sequence: int, size: int, subcarriers: np.ndarray) -> np.ndarray:
    grid = ResourceGrid(config)
    bins = np.zeros((1, config.fft_size), np.complex64)
    bins[0, grid.bins] = grid.preamble(sequence) if sequence < MAX_USERS else grid.sounding(sequence - MAX_USERS)[0]
    symbol = to_time(bins, 0)
    turns = np.outer(subcarriers, np.arange(config.fft_size)) / config.fft_size
    shifted = symbol * np.exp(2j * np.pi * turns)
    return np.asarray(np.conj(scipy.fft.fft(shifted.astype(np.complex64), size, axis=1)))
