"""Bits whose OFDM symbols have each been turned by a phase of their own, as by oscillators with a wide line.

QPSK shows its phase but for quarter turns in its fourth power, s^4 = -1 (Viterbi and Viterbi 1983). As the code word is
repeated in another order in every symbol (see `coded`), symbols show each other's quarter turns: turned right, their
coded bits agree. One quarter turn common to all remains, four ways to read the bits.
"""

import numpy as np

from radio.waveform.burst import coded

QUARTERS = 4
LEAST_AGREEMENT = 0.2  # of what is received with bits that were read: wrong ones explain a tenth of noise


def straight(matched: np.ndarray, n_bits: int) -> list[np.ndarray]:
    """The ways to undo every symbol's phase, complex64 [symbols, uses] each, those first that turn the first one least.

    matched: complex64 [symbols, uses] of `coded.demodulate`, of n_bits. None where they are not finite.
    """
    size = np.abs(matched)
    if not np.isfinite(size.sum(dtype=np.float64)) or not size.any():
        return []
    weighted = matched**4 / np.maximum(size, 1e-30) ** 3
    strength = -np.sum(weighted, axis=1, dtype=np.complex128)
    turned = matched * np.exp(-0.25j * np.angle(strength))[:, None]
    turned = turned.astype(np.complex64)
    soft = coded.soft_bits(turned, n_bits), coded.soft_bits(-1j * turned, n_bits)  # the other quarters: less these
    order = np.argsort(-np.abs(strength))
    quarters = np.zeros(len(matched), int)
    together = soft[0][order[0]].astype(float)
    for m in order[1:]:
        agree = [float(together @ soft[q % 2][m]) * (1 - q // 2 * 2) for q in range(QUARTERS)]
        quarters[m] = int(np.argmax(agree))
        together += soft[quarters[m] % 2][m] * (1 - quarters[m] // 2 * 2)
    turned = turned * (-1j) ** quarters[:, None]
    first = np.angle(np.vdot(turned[0], matched[0])) + np.pi / 2 * np.arange(QUARTERS)
    likeliest = np.argsort(-np.cos(first))
    return [np.asarray(turned * (-1j) ** quarter, np.complex64) for quarter in likeliest]


def agreement(matched: np.ndarray, symbols: np.ndarray) -> float:
    """Share of the energy of complex64 [symbols, uses] that known symbols explain, each symbol's phase free: 0 to 1."""
    explained = np.abs(np.sum(matched * symbols.conj(), axis=1, dtype=np.complex128)) ** 2
    energy = np.sum(np.abs(symbols) ** 2, axis=1, dtype=np.float64)
    seen = float(np.sum(np.abs(matched) ** 2, dtype=np.float64))
    return float(np.sum(explained / np.maximum(energy, 1e-30))) / max(seen, 1e-30)
