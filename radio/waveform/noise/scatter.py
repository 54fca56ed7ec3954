"""What known symbols leave when the channel is taken out: looks at the noise of every subcarrier and pair of antennas.

A symbol's common phase and size are its own (oscillators, a gain that moves); to fit them costs one value of all its
subcarriers together. Where a channel moves, second differences of three neighbours stand for the residual: they know
nothing of what changes evenly.
"""

import numpy as np

from radio import acceleration
from radio.waveform.noise.colour import NoiseColour

OVERLAP = 1 + 2 * ((4 / 6) ** 2 + (1 / 6) ** 2)  # so many second differences side by side are worth one look


def noise_scatter(
    observations: np.ndarray, near: np.ndarray, unsteady: bool, colour: NoiseColour | None = None
) -> tuple[np.ndarray, float]:
    """Sum of r r^H over the looks r, complex128 [active, antennas, antennas], and how many looks it is worth.

    observations: complex64 [antennas, m, active], a channel seen in m known symbols, timing undone; near: bool [m - 1],
    whether a symbol and the next are neighbours in time; unsteady: the channel moved meanwhile; colour:
    as far as it is known, so that an interferer pulls at no symbol's size.
    """
    if unsteady:
        middle = np.flatnonzero(near[:-1] & near[1:]) + 1
        looks = observations[:, middle - 1] - 2 * observations[:, middle] + observations[:, middle + 1]
        scatter = np.einsum("amk,bmk->kab", looks, looks.conj()).astype(complex)
        return scatter / (6 * OVERLAP), middle.size / OVERLAP
    if colour is not None:
        return _residual(observations, colour.whitened(observations)), observations.shape[1] - 1.0
    scatter = _residual_compiled(observations) if acceleration.NUMBA else _residual(observations, observations)
    return scatter, observations.shape[1] - 1.0


def _residual(observations: np.ndarray, white: np.ndarray) -> np.ndarray:
    """white: the observations where noise is white, in which the symbols' sizes are fitted."""
    mean, seen = observations.mean(axis=1), white.mean(axis=1)
    shares = np.einsum("ak,amk->m", seen.conj(), white) / max(float(np.vdot(seen, seen).real), 1e-30)
    looks = observations - shares[:, None] * mean[:, None]
    return np.asarray(np.einsum("amk,bmk->kab", looks, looks.conj()), complex)


@acceleration.compiled
def _residual_compiled(observations: np.ndarray) -> np.ndarray:
    antennas, symbols, active = observations.shape
    mean, power = np.zeros((antennas, active), np.complex64), 0.0
    for a in range(antennas):
        for m in range(symbols):
            mean[a] += observations[a, m]
        mean[a] /= np.float32(symbols)
        for k in range(active):
            power += mean[a, k].real ** 2 + mean[a, k].imag ** 2
    scatter = np.zeros((antennas, antennas, active), np.complex64)
    look = np.empty((antennas, active), np.complex64)
    for m in range(symbols):
        along = 0j
        for a in range(antennas):
            real = imag = np.float32(0.0)
            for k in range(active):
                g, x = mean[a, k], observations[a, m, k]
                real += g.real * x.real + g.imag * x.imag
                imag += g.real * x.imag - g.imag * x.real
            along += complex(real, imag)
        share = np.complex64(along / max(power, 1e-30))
        for a in range(antennas):
            for k in range(active):
                g = mean[a, k]
                taken = complex(g.real * share.real - g.imag * share.imag, g.real * share.imag + g.imag * share.real)
                look[a, k] = observations[a, m, k] - np.complex64(taken)
            for b in range(a + 1):
                for k in range(active):
                    x, y = look[a, k], look[b, k]
                    real, imag = x.real * y.real + x.imag * y.imag, x.imag * y.real - x.real * y.imag
                    scatter[a, b, k] += complex(real, imag)
    out = np.empty((active, antennas, antennas), np.complex128)
    for a in range(antennas):
        for b in range(a + 1):
            for k in range(active):
                out[k, a, b], out[k, b, a] = scatter[a, b, k], scatter[a, b, k].conjugate()
    return out
