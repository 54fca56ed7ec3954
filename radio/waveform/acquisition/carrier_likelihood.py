"""Maximum-likelihood carrier offset from repeated known symbols through an unknown multipath channel.

With a_m the channel seen in known symbol m at time t_m, projected onto the delays that a cyclic prefix allows, the
likelihood of an offset f is monotone in (Rife and Boorstyn 1974, summed over the independent channel dimensions)

    J(f) = sum | sum_m a_m exp(-j 2 pi f t_m) |^2

The projection takes most of the noise out of the products that limit half-against-half correlators at low SNR. J
needs no more of the observations than their inner products: J(f) = sum_mn exp(-j 2 pi f (t_m - t_n)) <a_n, a_m>.
"""

import cmath
import math

import numpy as np

from radio import acceleration
from radio.waveform.channel.delay_basis import conjugate_delay_basis
from radio.waveform.config import WaveformConfig
from radio.waveform.transforms.periodogram import peak, peak_compiled


def gram_of_delays(seen: np.ndarray, config: WaveformConfig) -> np.ndarray:
    """complex128 [m, m]: <a_n, a_m> at [m, n], of observations complex64 [antennas, m, active] within the prefix."""
    if acceleration.NUMBA:
        return np.asarray(_gram_compiled(seen, conjugate_delay_basis(config)))
    projected = seen @ conjugate_delay_basis(config)
    return np.asarray((projected @ projected.conj().swapaxes(1, 2)).sum(axis=0), np.complex128)


def carrier_residual_hz(
    seen: np.ndarray, config: WaveformConfig, starts: np.ndarray, width_hz: float, step_hz: float
) -> float:
    """`likelihood_peak` of observations complex64 [antennas, m, active] whose windows start at samples starts [m]."""
    if acceleration.NUMBA:
        basis = conjugate_delay_basis(config)
        return float(_residual_compiled(seen, basis, starts, config.sample_rate_hz, width_hz, step_hz))
    return likelihood_peak(gram_of_delays(seen, config), starts / config.sample_rate_hz, width_hz, step_hz)


@acceleration.compiled
def _residual_compiled(
    seen: np.ndarray, basis: np.ndarray, starts: np.ndarray, rate_hz: float, width_hz: float, step_hz: float
) -> float:
    return likelihood_peak_compiled(_gram_compiled(seen, basis), starts / rate_hz, width_hz, step_hz)


def turn_symbols(seen: np.ndarray, cycles: float, elapsed: np.ndarray) -> None:
    """Undo `cycles` per sample in symbols complex64 [antennas, m, active], `elapsed` [m] samples after phase zero."""
    if acceleration.NUMBA:
        _turn_compiled(seen, cycles, elapsed)
    else:
        seen *= np.exp(-2j * np.pi * cycles * elapsed).astype(np.complex64)[None, :, None]


@acceleration.compiled
def _turn_compiled(seen: np.ndarray, cycles: float, elapsed: np.ndarray) -> None:
    for m in range(elapsed.size):
        angle = -2 * math.pi * cycles * elapsed[m]
        c, s = np.float32(math.cos(angle)), np.float32(math.sin(angle))
        for antenna in range(seen.shape[0]):
            row = seen[antenna, m]
            for i in range(row.size):
                x, y = row[i].real, row[i].imag
                row[i] = complex(x * c - y * s, x * s + y * c)


def likelihood_peak(gram: np.ndarray, times_s: np.ndarray, width_hz: float, step_hz: float) -> float:
    """Offset in Hz that maximises J over plus and minus width_hz, refined by a parabola.

    gram: see `gram_of_delays`, of observations at times_s [m].
    """
    if acceleration.NUMBA:
        return float(likelihood_peak_compiled(gram, times_s, width_hz, step_hz))
    count = max(2, math.ceil(width_hz / step_hz))
    step_hz = width_hz / count
    return step_hz * peak(_likelihoods(gram, times_s - times_s[0], step_hz, count))


@acceleration.compiled
def likelihood_peak_compiled(gram: np.ndarray, times_s: np.ndarray, width_hz: float, step_hz: float) -> float:
    """`likelihood_peak`, for compiled callers."""
    count = max(2, math.ceil(width_hz / step_hz))
    step_hz = width_hz / count
    return step_hz * peak_compiled(_likelihoods_compiled(gram, times_s - times_s[0], step_hz, count))


def _likelihoods(gram: np.ndarray, times_s: np.ndarray, step_hz: float, count: int) -> np.ndarray:
    """J at step_hz times -count .. count: float64 [2 count + 1]."""
    offsets_hz = step_hz * np.arange(-count, count + 1)
    steering = np.exp(-2j * np.pi * np.outer(offsets_hz, times_s))
    return np.asarray(np.sum((steering @ gram) * steering.conj(), axis=1).real)


@acceleration.compiled
def _likelihoods_compiled(gram: np.ndarray, times_s: np.ndarray, step_hz: float, count: int) -> np.ndarray:
    phasors, steps = np.empty(times_s.size, np.complex128), np.empty(times_s.size, np.complex128)
    for m in range(times_s.size):
        phasors[m] = cmath.exp(2j * math.pi * step_hz * count * times_s[m])
        steps[m] = cmath.exp(-2j * math.pi * step_hz * times_s[m])
    values = np.empty(2 * count + 1)
    for i in range(values.size):
        total = 0.0
        for m in range(times_s.size):
            row = 0j
            for n in range(m):
                row += gram[m, n] * phasors[n].conjugate()
            total += gram[m, m].real + 2 * (row * phasors[m]).real
        values[i] = total
        for m in range(times_s.size):
            phasors[m] *= steps[m]
    return values


@acceleration.compiled
def _gram_compiled(seen: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """`gram_of_delays`; basis: complex64 [active, r], conjugated."""
    antennas, symbols, rank = seen.shape[0], seen.shape[1], basis.shape[1]
    gram = np.zeros((symbols, symbols), np.complex128)
    for antenna in range(antennas):
        projected = np.dot(seen[antenna], basis) if rank < basis.shape[0] else seen[antenna]
        for m in range(symbols):
            a = projected[m]
            for n in range(m + 1):
                b = projected[n]
                real = imag = np.float32(0.0)
                for i in range(rank):
                    real += a[i].real * b[i].real + a[i].imag * b[i].imag
                    imag += a[i].imag * b[i].real - a[i].real * b[i].imag
                gram[m, n] += complex(real, imag)
    for m in range(symbols):
        for n in range(m):
            gram[n, m] = gram[m, n].conjugate()
    return gram
