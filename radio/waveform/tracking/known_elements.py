"""What known elements (training, a header that was read, pilots) say about phase, in one pass over them."""

import numpy as np

from radio import acceleration


def known_phasors(
    bins: np.ndarray, channel: np.ndarray, positions: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Sums over one user's known elements of each symbol: conj(g x) y in the lower and in the upper half of the band,
    both complex128 [symbols], |g x|^2, float64 [symbols]; and the power seen in all of them together, sum |y|^2.

    bins: complex64 [antennas, symbols, active]; channel g: complex64 [antennas, active]; positions: int [symbols, p];
    values x: complex64 [symbols, p].
    """
    if acceleration.NUMBA:
        lower, upper, energy, power = _compiled(bins, channel, positions, values)
        return lower, upper, energy, power
    seen = np.take_along_axis(bins, np.broadcast_to(positions, (len(bins), *positions.shape)), axis=2)
    expected = channel[:, positions] * values
    products = np.sum(seen * np.conj(expected), axis=0, dtype=np.complex128)
    upper = positions >= bins.shape[2] // 2
    return (
        np.sum(np.where(upper, 0, products), axis=1),
        np.sum(np.where(upper, products, 0), axis=1),
        np.asarray(np.sum(np.abs(expected) ** 2, axis=(0, 2), dtype=np.float64)),
        float(np.sum(np.abs(seen) ** 2, dtype=np.float64)),
    )


@acceleration.compiled
def _compiled(
    bins: np.ndarray, channel: np.ndarray, positions: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    antennas, symbols, active = bins.shape
    lower, upper = np.zeros(symbols, np.complex128), np.zeros(symbols, np.complex128)
    energy, power = np.zeros(symbols), 0.0
    for m in range(symbols):
        for i in range(positions.shape[1]):
            k = positions[m, i]
            for antenna in range(antennas):
                y, expected = bins[antenna, m, k], channel[antenna, k] * values[m, i]
                product = y * expected.conjugate()
                if k < active // 2:
                    lower[m] += product
                else:
                    upper[m] += product
                energy[m] += expected.real * expected.real + expected.imag * expected.imag
                power += y.real * y.real + y.imag * y.imag
    return lower, upper, energy, power


def band_phasors(
    bins: np.ndarray, first: int, channel: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """`known_phasors` of symbols that are known throughout: `first` and the next ones of bins, as many as values has.

    values: complex64 [symbols, active].
    """
    if acceleration.NUMBA:
        lower, upper, energy, power = band_phasors_compiled(bins, first, channel, values)
        return lower, upper, energy, power
    positions = np.broadcast_to(np.arange(bins.shape[2]), values.shape)
    return known_phasors(bins[:, first : first + len(values)], channel, positions, values)


@acceleration.compiled
def band_phasors_compiled(
    bins: np.ndarray, first: int, channel: np.ndarray, values: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """`band_phasors`, for compiled callers."""
    symbols, active = values.shape
    sums, energy, power = np.zeros((2, symbols), np.complex128), np.zeros(symbols), 0.0
    for m in range(symbols):
        for antenna in range(bins.shape[0]):
            for part in range(2):
                a, b = part * (active // 2), active // 2 + part * (active - active // 2)
                y, g, x = bins[antenna, first + m, a:b], channel[antenna, a:b], values[m, a:b]
                real = imag = expected = seen = np.float32(0.0)
                for i in range(b - a):
                    u, v = g[i].real * x[i].real - g[i].imag * x[i].imag, g[i].real * x[i].imag + g[i].imag * x[i].real
                    real += y[i].real * u + y[i].imag * v
                    imag += y[i].imag * u - y[i].real * v
                    expected += u * u + v * v
                    seen += y[i].real * y[i].real + y[i].imag * y[i].imag
                sums[part, m] += complex(real, imag)
                energy[m] += expected
                power += float(seen)
    return sums[0], sums[1], energy, power
