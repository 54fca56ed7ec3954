"""Whether pilots of neighbouring symbols differ from what a standing channel expects in the same way: then it moves."""

import math

import numpy as np

from radio import acceleration


def agreement(
    bins: np.ndarray, channel: np.ndarray, positions: np.ndarray, values: np.ndarray, steps: np.ndarray
) -> float:
    """How much more than by chance, in standard deviations.

    bins: complex64 [antennas, symbols, active]; channel: complex64 [antennas, active]; positions: int [symbols, p];
    values: complex64 [symbols, p]; steps: float64 [symbols], radians per subcarrier to be undone. With c = conj(g x) y
    and the common phase of its symbol undone, which is the oscillators' as well, e = (c - a |g x|^2) / |g x|, a: mean
    amplitude over the burst; the figure is the sum of Re e(m, p) conj(e(m + 1, p)) over what noise makes of it. What
    others' payloads leave on pilots, where carriers are parted, is new in every symbol.
    """
    antennas, symbols, pilots = bins.shape[0], positions.shape[0], positions.shape[1]
    half = bins.shape[2] // 2
    products = np.empty((symbols, antennas * pilots), np.complex128)
    amplitudes = np.empty((symbols, antennas * pilots))
    along, energy = 0.0, 0.0
    for m in range(symbols):
        common, i = 0j, 0
        for p in range(pilots):
            k = positions[m, p]
            angle = steps[m] * (k - half + (1 if k >= half else 0))
            turn = complex(math.cos(angle), math.sin(angle)) * values[m, p].conjugate()
            for antenna in range(antennas):
                g, power = channel[antenna, k], abs(values[m, p])
                size = max(abs(g) * power, 1e-15)
                products[m, i] = bins[antenna, m, k] * g.conjugate() * turn / size
                amplitudes[m, i] = size
                common += products[m, i] * size
                energy += size * size
                i += 1
        along += abs(common)
        back = common.conjugate() / max(abs(common), 1e-30)
        for i in range(products.shape[1]):
            products[m, i] *= back
    share = along / max(energy, 1e-30)
    together, spread = 0.0, 0.0
    for m in range(symbols):
        for i in range(products.shape[1]):
            products[m, i] -= share * amplitudes[m, i]
            if m > 0:
                a, b = products[m, i], products[m - 1, i]
                together += a.real * b.real + a.imag * b.imag
                spread += (a.real * a.real + a.imag * a.imag) * (b.real * b.real + b.imag * b.imag)
    return together / max(math.sqrt(0.5 * spread), 1e-30)


agreement_compiled = acceleration.compiled(agreement)
