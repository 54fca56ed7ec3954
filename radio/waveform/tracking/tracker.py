"""Following one user's phase and timing through its burst.

Every OFDM symbol of which something is known (sounding, header once decoded, pilots in the payload) gives a phasor

    c_m = sum conj(g x) y,   about |g x|^2 exp(j (phase_m - 2 pi f tau_m)),

two of them for the lower and the upper half of the band. Their difference gives the drift of the sampling clock
(tau_m = -clock * (t_m - reference)), their sum the common phase: its mean slope by the peak of a periodogram, which
needs no unwrapping at low SNR, and what is left by smoothing over time (see `wiener_phase`).
"""

import math
from dataclasses import dataclass

import numpy as np

from radio import acceleration
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.tracking.clock import clock_compiled, clock_of
from radio.waveform.tracking.wiener_phase import wiener_smoothed, wiener_smoothed_compiled
from radio.waveform.transforms.periodogram import (
    peak,
    peak_compiled,
    searched_cells,
    searched_cells_compiled,
    spectrum_compiled,
    spectrum_near_zero,
)

LARGEST_RESIDUAL_HZ = 600.0
SEARCHED_DEVIATIONS = 8.0  # of the carrier; beyond, the prior outweighs any likelihood


@dataclass
class Phasors:
    """Per OFDM symbol after the start of the user's sounding, zero where nothing is known.

    lower, upper: complex [symbols], of the two halves of the band; energy: float [symbols], sum of |g x|^2 over both.
    separation_hz: distance of the halves' centres. reference: symbol (with fraction) at which the channel that the
    expectations are made from was measured, where timing is right by definition.
    """

    lower: np.ndarray
    upper: np.ndarray
    energy: np.ndarray
    separation_hz: float
    reference: float

    @classmethod
    def empty(cls, grid: ResourceGrid, symbols: int, reference: float) -> "Phasors":
        lower, upper = np.zeros((2, symbols), complex)
        return cls(lower, upper, np.zeros(symbols), grid.half_band_distance_hz, reference)

    def put(self, first: int, lower: np.ndarray, upper: np.ndarray, energy: np.ndarray, weight: float = 1.0) -> None:
        """Phasors of symbols from `first` on, each [m]; see above. weight: by which all three are multiplied."""
        part = slice(first, first + len(energy))
        self.lower[part], self.upper[part], self.energy[part] = weight * lower, weight * upper, weight * energy


@dataclass(frozen=True)
class Track:
    """phase_rad, delay_samples: float [symbols], to be undone; frequency_hz: mean slope of the phase; clock_ppm."""

    phase_rad: np.ndarray
    delay_samples: np.ndarray
    frequency_hz: float
    clock_ppm: float


def track(phasors: Phasors, grid: ResourceGrid, noise_power: float, cfo_std_hz: float) -> Track:
    """Phase and timing of every symbol, those without known elements included.

    noise_power: per element; cfo_std_hz: expected error of the carrier offset that was undone before.
    """
    period_s = grid.symbol_samples / grid.config.sample_rate_hz
    follow = _tracked_compiled if acceleration.NUMBA else _tracked
    phase_rad, delay_s, frequency_hz, clock = follow(
        phasors.lower,
        phasors.upper,
        phasors.energy,
        phasors.separation_hz,
        phasors.reference,
        period_s,
        noise_power,
        cfo_std_hz,
    )
    return Track(phase_rad, delay_s * grid.config.sample_rate_hz, frequency_hz, clock * 1e6)


def _tracked(
    lower: np.ndarray,
    upper: np.ndarray,
    energy: np.ndarray,
    separation_hz: float,
    reference: float,
    period_s: float,
    noise_power: float,
    cfo_std_hz: float,
) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Phase in rad and delay in s, float64 [symbols] both, mean slope of the phase in Hz, relative clock offset.

    lower to reference: see `Phasors`; period_s: of a symbol.
    """
    clock = clock_of(lower, upper, energy, separation_hz, reference, period_s, noise_power)
    noise_energy = noise_power * max(float(energy.sum()), 1e-300)
    delay_s = -clock * (np.arange(lower.size) - reference) * period_s
    tilts = np.pi * separation_hz * delay_s
    phase_rad, frequency_hz = _followed(lower, upper, energy, tilts, period_s, noise_energy, cfo_std_hz)
    return phase_rad, delay_s, frequency_hz, clock


@acceleration.compiled
def _tracked_compiled(
    lower: np.ndarray,
    upper: np.ndarray,
    energy: np.ndarray,
    separation_hz: float,
    reference: float,
    period_s: float,
    noise_power: float,
    cfo_std_hz: float,
) -> tuple[np.ndarray, np.ndarray, float, float]:
    clock = clock_compiled(lower, upper, energy, separation_hz, reference, period_s, noise_power)
    noise_energy = noise_power * max(energy.sum(), 1e-300)
    delay_s = -clock * (np.arange(lower.size) - reference) * period_s
    tilts = np.pi * separation_hz * delay_s
    phase_rad, frequency_hz = _followed_compiled(lower, upper, energy, tilts, period_s, noise_energy, cfo_std_hz)
    return phase_rad, delay_s, frequency_hz, clock


def clock_offset(phasors: Phasors, period_s: float, noise_power: float) -> float:
    """Relative clock offset that the phasors show (see `clock`)."""
    find = clock_compiled if acceleration.NUMBA else clock_of
    separation_hz, reference = phasors.separation_hz, phasors.reference
    return float(find(phasors.lower, phasors.upper, phasors.energy, separation_hz, reference, period_s, noise_power))


def _followed(
    lower: np.ndarray,
    upper: np.ndarray,
    energy: np.ndarray,
    tilts: np.ndarray,
    period_s: float,
    noise_energy: float,
    std_hz: float,
) -> tuple[np.ndarray, float]:
    """Phase float64 [symbols] and its mean slope in Hz, of phasors whose halves are turned by -tilts and tilts."""
    tilt = np.exp(-1j * tilts)
    common = lower * tilt + upper / tilt
    frequency_hz = _frequency(common, period_s, noise_energy, std_hz)
    turns = 2 * np.pi * frequency_hz * period_s * np.arange(common.size)
    return wiener_smoothed(common * np.exp(-1j * turns), energy) + turns, frequency_hz


@acceleration.compiled
def _followed_compiled(
    lower: np.ndarray,
    upper: np.ndarray,
    energy: np.ndarray,
    tilts: np.ndarray,
    period_s: float,
    noise_energy: float,
    std_hz: float,
) -> tuple[np.ndarray, float]:
    symbols = lower.size
    common = np.empty(symbols, np.complex128)
    for m in range(symbols):
        tilt = complex(math.cos(tilts[m]), -math.sin(tilts[m]))
        common[m] = lower[m] * tilt + upper[m] * tilt.conjugate()
    frequency_hz = _frequency_compiled(common, period_s, noise_energy, std_hz)
    step = 2 * math.pi * frequency_hz * period_s
    for m in range(symbols):
        common[m] *= complex(math.cos(step * m), -math.sin(step * m))
    phase_rad = wiener_smoothed_compiled(common, energy)
    for m in range(symbols):
        phase_rad[m] += step * m
    return phase_rad, frequency_hz


def _frequency(common: np.ndarray, period_s: float, noise_energy: float, std_hz: float) -> float:
    """Most likely mean frequency in Hz of phasors period_s apart: penalised periodogram, parabola on top.

    noise_energy: variance of the sum of the phasors; |sum|^2 over it is the log-likelihood.
    """
    size = 16 * common.size
    step_hz = 1 / (size * period_s)
    count = searched_cells(min(LARGEST_RESIDUAL_HZ, SEARCHED_DEVIATIONS * std_hz) / step_hz + 1, size)
    likelihood = np.abs(spectrum_near_zero(common, size, count)) ** 2 / noise_energy
    return step_hz * peak(likelihood - 0.5 * (np.arange(-count, count + 1) * step_hz / std_hz) ** 2)


@acceleration.compiled
def _frequency_compiled(common: np.ndarray, period_s: float, noise_energy: float, std_hz: float) -> float:
    size = 16 * common.size
    step_hz = 1 / (size * period_s)
    count = searched_cells_compiled(min(LARGEST_RESIDUAL_HZ, SEARCHED_DEVIATIONS * std_hz) / step_hz + 1, size)
    spectrum = spectrum_compiled(common, size, count)
    likelihood = np.empty(spectrum.size)
    for i in range(likelihood.size):
        x = spectrum[i]
        likelihood[i] = (x.real * x.real + x.imag * x.imag) / noise_energy
        likelihood[i] -= 0.5 * ((i - count) * step_hz / std_hz) ** 2
    return step_hz * peak_compiled(likelihood)
