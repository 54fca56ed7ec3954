"""A cheap look at a stream for anything that repeats with the preamble's period, before the matched filters look.

With period N and L = (preamble_repeats - 1) N products (Schmidl and Cox 1997, over more than two repeats)

    R(d) = sum_{n < L} conj(r(d + n)) r(d + n + N)
    metric(d) = L |R(d)|^2 / max(E(d), E(d + N))^2,   E: energy of L samples

Under noise alone the metric is Exp(1) whatever the noise power; where silence turns to noise it is less. At a
per-sample SNR s it is about L (s / (1 + s))^2: less sensitive than the matched filters, but it opens for every user and
every carrier offset at once. It changes slowly over L samples and is computed at every HOP-th place only.
"""

import numpy as np

from radio import acceleration
from radio.waveform.config import WaveformConfig

HOP = 16  # divides every FFT size


def gate_threshold(probability: float) -> float:
    """Metric that noise exceeds at one place with this probability."""
    return float(-np.log(probability))


def repetition_metric(samples: np.ndarray, config: WaveformConfig) -> np.ndarray:
    """float64 [m]: metric(HOP i) of complex64 [antennas, n], mean over the antennas, wherever all samples are there."""
    return repetition(samples, config)[0]


def repetition(samples: np.ndarray, config: WaveformConfig) -> tuple[np.ndarray, np.ndarray]:
    """`repetition_metric`, and R(HOP i) complex128 [m], summed over the antennas: its phase is the carrier's per N."""
    period, length = config.fft_size // HOP, (config.preamble_repeats - 1) * config.fft_size // HOP
    blocks = samples.shape[1] // HOP
    if blocks < period + length:
        return np.zeros(0), np.zeros(0, complex)
    block_sums = _block_sums_compiled if acceleration.NUMBA else _block_sums
    metric = np.zeros(blocks - period - length + 1)
    total = np.zeros(metric.size, complex)
    add = _add_compiled if acceleration.NUMBA else _add
    for antenna in samples:
        products, energies = block_sums(np.ascontiguousarray(antenna[: blocks * HOP]), config.fft_size)
        add(products, energies, period, length, metric, total)
    return metric / len(samples), total


def _add(
    products: np.ndarray, energies: np.ndarray, period: int, length: int, metric: np.ndarray, total: np.ndarray
) -> None:
    """Add one antenna's metric and R at every place, from `_block_sums`; period and length in blocks."""
    correlation, energy = _sliding_sum(products, length), _sliding_sum(energies, length)
    larger = np.maximum(np.maximum(energy[:-period], energy[period:]), 1e-30)
    metric += length * HOP * (correlation.real**2 + correlation.imag**2) / larger**2
    total += correlation


@acceleration.compiled
def _add_compiled(
    products: np.ndarray, energies: np.ndarray, period: int, length: int, metric: np.ndarray, total: np.ndarray
) -> None:
    correlation, before, after = 0j, 0.0, 0.0
    for i in range(length):
        correlation += products[i]
        before += energies[i]
        after += energies[i + period]
    for i in range(metric.size):
        larger = max(before, after, 1e-30)
        metric[i] += length * HOP * (correlation.real**2 + correlation.imag**2) / larger**2
        total[i] += correlation
        if i + 1 < metric.size:
            correlation += products[i + length] - products[i]
            before += energies[i + length] - energies[i]
            after += energies[i + period + length] - energies[i + period]


def _sliding_sum(values: np.ndarray, length: int) -> np.ndarray:
    sums = np.concatenate([[0], np.cumsum(values)])
    return np.asarray(sums[length:] - sums[:-length])


def _block_sums(r: np.ndarray, period: int) -> tuple[np.ndarray, np.ndarray]:
    """Sums over blocks of HOP of conj(r(n)) r(n + period), complex128, and of |r(n)|^2, float64."""
    products = np.conj(r[:-period]) * r[period:]
    energies = r.real**2 + r.imag**2
    return products.reshape(-1, HOP).sum(axis=1, dtype=np.complex128), energies.reshape(-1, HOP).sum(
        axis=1, dtype=np.float64
    )


@acceleration.compiled
def _block_sums_compiled(r: np.ndarray, period: int) -> tuple[np.ndarray, np.ndarray]:
    products = np.zeros((r.size - period) // HOP, np.complex128)
    energies = np.zeros(r.size // HOP)
    for block in range(energies.size):
        energy = np.float32(0.0)
        for n in range(block * HOP, block * HOP + HOP):
            energy += r[n].real * r[n].real + r[n].imag * r[n].imag
        energies[block] = energy
    for block in range(products.size):
        real = imag = np.float32(0.0)
        for n in range(block * HOP, block * HOP + HOP):
            a, b = r[n], r[n + period]
            real += a.real * b.real + a.imag * b.imag
            imag += a.real * b.imag - a.imag * b.real
        products[block] = complex(real, imag)
    return products, energies
