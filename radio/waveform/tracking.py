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
from radio.waveform.periodogram import spectrum_compiled, spectrum_near_zero

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

    def put(self, first: int, lower: np.ndarray, upper: np.ndarray, energy: np.ndarray) -> None:
        """Phasors of symbols from `first` on, each [m]; see above."""
        part = slice(first, first + len(energy))
        self.lower[part], self.upper[part], self.energy[part] = lower, upper, energy


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
    symbols = np.arange(phasors.lower.size)
    clock = clock_offset(phasors, period_s, noise_power)
    delay_s = -clock * (symbols - phasors.reference) * period_s
    tilt = np.exp(-1j * np.pi * phasors.separation_hz * delay_s)
    common = phasors.lower * tilt + phasors.upper / tilt
    noise_energy = noise_power * max(float(phasors.energy.sum()), 1e-300)
    frequency_hz = _frequency(common, period_s, noise_energy, cfo_std_hz)
    straight = np.exp(2j * np.pi * frequency_hz * period_s * symbols)
    rest = common / straight
    smooth = np.convolve(rest, _KERNEL)[_REACH : _REACH + rest.size]
    phase_rad = np.angle(smooth) + 2 * np.pi * frequency_hz * period_s * symbols
    return Track(phase_rad, delay_s * grid.config.sample_rate_hz, frequency_hz, clock * 1e6)


def clock_offset(phasors: Phasors, period_s: float, noise_power: float) -> float:
    """Relative clock offset: most likely turning of the upper against the lower half, with the crystal's prior.

    With energy E in both halves the phase between them has Fisher information E / (2 noise_power) per symbol.
    """
    if np.count_nonzero(phasors.energy > 0) < 3:
        return 0.0
    size = max(16 * phasors.energy.size, 4096)
    step = 1 / (size * period_s * phasors.separation_hz)
    cells = _cells(LARGEST_CLOCK_PPM * 1e-6 / step, size)
    likelihoods = _clock_likelihoods_compiled if acceleration.NUMBA else _clock_likelihoods
    found = likelihoods(phasors.upper, phasors.lower, phasors.energy, phasors.reference, size, int(cells[-1]))
    penalty = 0.5 * (cells * (step * 1e6 / CLOCK_PRIOR_PPM)) ** 2
    return step * _peak(found / max(noise_power, 1e-300) - penalty, cells)


def _clock_likelihoods(
    upper: np.ndarray, lower: np.ndarray, energy: np.ndarray, reference: float, size: int, count: int
) -> np.ndarray:
    """float64 [2 count + 1]: at clocks of -count .. count steps, times the noise power."""
    weighted = upper * np.conj(lower) * (2 / np.where(energy > 0, energy, 1.0))
    turned = np.exp(2j * np.pi * reference / size * np.arange(-count, count + 1))
    return np.asarray((spectrum_near_zero(weighted, size, count) * turned).real)


@acceleration.compiled
def _clock_likelihoods_compiled(
    upper: np.ndarray, lower: np.ndarray, energy: np.ndarray, reference: float, size: int, count: int
) -> np.ndarray:
    weighted = np.zeros(energy.size, np.complex128)
    for m in range(energy.size):
        if energy[m] > 0:
            weighted[m] = upper[m] * lower[m].conjugate() * (2 / energy[m])
    spectrum = spectrum_compiled(weighted, size, count)
    values = np.empty(spectrum.size)
    for i in range(values.size):
        angle = 2 * math.pi * reference / size * (i - count)
        values[i] = spectrum[i].real * math.cos(angle) - spectrum[i].imag * math.sin(angle)
    return values


def _frequency(common: np.ndarray, period_s: float, noise_energy: float, std_hz: float) -> float:
    """Most likely mean frequency in Hz of phasors period_s apart: penalised periodogram, parabola on top.

    noise_energy: variance of the sum of the phasors; |sum|^2 over it is the log-likelihood.
    """
    size = 16 * common.size
    step_hz = 1 / (size * period_s)
    cells = _cells(min(LARGEST_RESIDUAL_HZ, SEARCHED_DEVIATIONS * std_hz) / step_hz + 1, size)
    likelihood = np.abs(spectrum_near_zero(common, size, cells[-1])) ** 2 / noise_energy
    return step_hz * _peak(likelihood - 0.5 * (cells * step_hz / std_hz) ** 2, cells)


def _cells(largest: float, size: int) -> np.ndarray:
    """FFT bins from minus to plus `largest`, negative ones as negative numbers."""
    count = min(int(largest), (size - 1) // 2)
    return np.arange(-count, count + 1)


def _peak(likelihood: np.ndarray, cells: np.ndarray) -> float:
    """Where the likelihood is largest, by a parabola through the neighbours."""
    i = int(np.argmax(likelihood))
    if not 0 < i < cells.size - 1:
        return float(cells[i])
    before, peak, after = likelihood[i - 1 : i + 2]
    curve = before - 2 * peak + after
    return float(cells[i] + (0.5 * (before - after) / curve if curve < 0 else 0.0))
