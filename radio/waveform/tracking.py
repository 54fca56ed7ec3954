"""Following one user's phase and timing through its burst.

Every OFDM symbol of which something is known (sounding, header once decoded, pilots in the payload) gives a phasor

    c_m = sum conj(g x) y,   about |g x|^2 exp(j (phase_m - 2 pi f tau_m)),

two of them for the lower and the upper half of the band. Their difference gives the drift of the sampling clock
(tau_m = -clock * (t_m - reference)), their sum the common phase: its mean slope by the peak of a periodogram, which
needs no unwrapping at low SNR, and what is left by smoothing over time.
"""

import math
from dataclasses import dataclass

import numpy as np

from radio import acceleration
from radio.waveform.grid import ResourceGrid
from radio.waveform.periodogram import peak, peak_compiled, spectrum_compiled, spectrum_near_zero

SMOOTHING_SYMBOLS = 4.0  # standard deviation of the kernel: about a millisecond at the default numerology
CLOCK_PRIOR_PPM = 20.0  # standard deviation expected of a crystal; keeps short bursts from inventing a drift
LARGEST_CLOCK_PPM = 60.0
LARGEST_RESIDUAL_HZ = 600.0
SEARCHED_DEVIATIONS = 8.0  # of the carrier; beyond, the prior outweighs any likelihood
_REACH = int(4 * SMOOTHING_SYMBOLS)
_KERNEL = np.exp(-0.5 * (np.arange(-_REACH, _REACH + 1) / SMOOTHING_SYMBOLS) ** 2)


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
    clock = clock_offset(phasors, period_s, noise_power)
    noise_energy = noise_power * max(float(phasors.energy.sum()), 1e-300)
    delay_s = -clock * (np.arange(phasors.lower.size) - phasors.reference) * period_s
    follow = _followed_compiled if acceleration.NUMBA else _followed
    phase_rad, frequency_hz = follow(
        phasors.lower, phasors.upper, np.pi * phasors.separation_hz * delay_s, period_s, noise_energy, cfo_std_hz
    )
    return Track(phase_rad, delay_s * grid.config.sample_rate_hz, frequency_hz, clock * 1e6)


def _followed(
    lower: np.ndarray, upper: np.ndarray, tilts: np.ndarray, period_s: float, noise_energy: float, std_hz: float
) -> tuple[np.ndarray, float]:
    """Phase float64 [symbols] and its mean slope in Hz, of phasors whose halves are turned by -tilts and tilts."""
    tilt = np.exp(-1j * tilts)
    common = lower * tilt + upper / tilt
    frequency_hz = _frequency(common, period_s, noise_energy, std_hz)
    turns = 2 * np.pi * frequency_hz * period_s * np.arange(common.size)
    smooth = np.convolve(common * np.exp(-1j * turns), _KERNEL)[_REACH : _REACH + common.size]
    return np.angle(smooth) + turns, frequency_hz


@acceleration.compiled
def _followed_compiled(
    lower: np.ndarray, upper: np.ndarray, tilts: np.ndarray, period_s: float, noise_energy: float, std_hz: float
) -> tuple[np.ndarray, float]:
    symbols = lower.size
    common = np.empty(symbols, np.complex128)
    for m in range(symbols):
        tilt = complex(math.cos(tilts[m]), -math.sin(tilts[m]))
        common[m] = lower[m] * tilt + upper[m] * tilt.conjugate()
    frequency_hz = _frequency_compiled(common, period_s, noise_energy, std_hz)
    step = 2 * math.pi * frequency_hz * period_s
    real, imag = np.zeros(symbols + 2 * _REACH), np.zeros(symbols + 2 * _REACH)  # as if nothing were known outside
    for m in range(symbols):
        c, s = math.cos(step * m), -math.sin(step * m)
        real[_REACH + m] = common[m].real * c - common[m].imag * s
        imag[_REACH + m] = common[m].real * s + common[m].imag * c
    smooth = np.zeros((2, symbols))
    for i in range(2 * _REACH + 1):
        for m in range(symbols):
            smooth[0, m] += _KERNEL[i] * real[i + m]
            smooth[1, m] += _KERNEL[i] * imag[i + m]
    phase_rad = np.empty(symbols)
    for m in range(symbols):
        phase_rad[m] = math.atan2(smooth[1, m], smooth[0, m]) + step * m
    return phase_rad, frequency_hz


def clock_offset(phasors: Phasors, period_s: float, noise_power: float) -> float:
    """Relative clock offset: most likely turning of the upper against the lower half, with the crystal's prior.

    With energy E in both halves the phase between them has Fisher information E / (2 noise_power) per symbol.
    """
    size = max(16 * phasors.energy.size, 4096)
    step = 1 / (size * period_s * phasors.separation_hz)
    count = _count(LARGEST_CLOCK_PPM * 1e-6 / step, size)
    penalty = 0.5 * (step * 1e6 / CLOCK_PRIOR_PPM) ** 2 * max(noise_power, 1e-300)
    find = _clock_cell_compiled if acceleration.NUMBA else _clock_cell
    return step * find(phasors.upper, phasors.lower, phasors.energy, phasors.reference, size, count, penalty)


def _clock_cell(
    upper: np.ndarray, lower: np.ndarray, energy: np.ndarray, reference: float, size: int, count: int, penalty: float
) -> float:
    """The likeliest clock in steps, -count .. count; penalty: of one step, that of c steps is c^2 times it."""
    if np.count_nonzero(energy > 0) < 3:
        return 0.0
    weighted = upper * np.conj(lower) * (2 / np.where(energy > 0, energy, 1.0))
    cells = np.arange(-count, count + 1)
    turned = np.exp(2j * np.pi * reference / size * cells)
    return peak((spectrum_near_zero(weighted, size, count) * turned).real - penalty * cells**2)


@acceleration.compiled
def _clock_cell_compiled(
    upper: np.ndarray, lower: np.ndarray, energy: np.ndarray, reference: float, size: int, count: int, penalty: float
) -> float:
    weighted, known = np.zeros(energy.size, np.complex128), 0
    for m in range(energy.size):
        if energy[m] > 0:
            known += 1
            weighted[m] = upper[m] * lower[m].conjugate() * (2 / energy[m])
    if known < 3:
        return 0.0
    spectrum = spectrum_compiled(weighted, size, count)
    values = np.empty(spectrum.size)
    for i in range(values.size):
        angle = 2 * math.pi * reference / size * (i - count)
        values[i] = spectrum[i].real * math.cos(angle) - spectrum[i].imag * math.sin(angle) - penalty * (i - count) ** 2
    return peak_compiled(values)


def _frequency(common: np.ndarray, period_s: float, noise_energy: float, std_hz: float) -> float:
    """Most likely mean frequency in Hz of phasors period_s apart: penalised periodogram, parabola on top.

    noise_energy: variance of the sum of the phasors; |sum|^2 over it is the log-likelihood.
    """
    size = 16 * common.size
    step_hz = 1 / (size * period_s)
    count = _count(min(LARGEST_RESIDUAL_HZ, SEARCHED_DEVIATIONS * std_hz) / step_hz + 1, size)
    likelihood = np.abs(spectrum_near_zero(common, size, count)) ** 2 / noise_energy
    return step_hz * peak(likelihood - 0.5 * (np.arange(-count, count + 1) * step_hz / std_hz) ** 2)


@acceleration.compiled
def _frequency_compiled(common: np.ndarray, period_s: float, noise_energy: float, std_hz: float) -> float:
    size = 16 * common.size
    step_hz = 1 / (size * period_s)
    count = _count_compiled(min(LARGEST_RESIDUAL_HZ, SEARCHED_DEVIATIONS * std_hz) / step_hz + 1, size)
    spectrum = spectrum_compiled(common, size, count)
    likelihood = np.empty(spectrum.size)
    for i in range(likelihood.size):
        x = spectrum[i]
        likelihood[i] = (x.real * x.real + x.imag * x.imag) / noise_energy
        likelihood[i] -= 0.5 * ((i - count) * step_hz / std_hz) ** 2
    return step_hz * peak_compiled(likelihood)


def _count(largest: float, size: int) -> int:
    """How many of an FFT's bins are searched on either side of zero."""
    return min(int(largest), (size - 1) // 2)


_count_compiled = acceleration.compiled(_count)
