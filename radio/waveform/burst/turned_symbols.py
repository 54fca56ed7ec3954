"""Bits whose OFDM symbols have each been turned by a phase of their own, as by oscillators with a wide line.

QPSK shows its phase but for quarter turns in its fourth power, s^4 = -1 (Viterbi and Viterbi 1983). The code word is
repeated in another order in every symbol (see `coded`): of two symbols that are turned right, or upside down, the coded
bits agree, and of no others. One sign common to all remains, two ways to read the bits.
"""

import numpy as np

from radio.waveform.burst import coded

QUARTERS = 4
LEAST_AGREEMENT = 0.2  # of what is received with bits that were read: wrong ones explain a tenth of noise


def straight(matched: np.ndarray, n_bits: int) -> list[np.ndarray]:
    """The two ways to undo every symbol's phase, complex64 [symbols, uses] each, first the one that turns the first
    symbol less.

    matched: complex64 [symbols, uses] of `coded.demodulate`, of n_bits. None where they are not finite.
    """
    size = np.abs(matched)
    if not np.isfinite(size.sum(dtype=np.float64)) or not size.any():
        return []
    strength = np.asarray(-np.sum(matched**4 / np.maximum(size, 1e-30) ** 3, axis=1, dtype=np.complex128))
    turned = np.asarray(matched * np.exp(-0.25j * np.angle(strength))[:, None], np.complex64)
    soft = np.stack([coded.soft_bits(turned, n_bits), coded.soft_bits(-1j * turned, n_bits)])
    soft = np.concatenate([soft, -soft])  # by quarter turns
    order = np.argsort(-np.abs(strength))
    _, quarters = max((_quarters(soft, order, first) for first in range(2)), key=lambda one: one[0])
    back = np.exp(-0.5j * np.pi * quarters).astype(np.complex64)
    turned *= back[:, None]
    upside_down = np.vdot(turned[0], matched[0]).real < 0
    return [np.asarray(sign * turned, np.complex64) for sign in ((-1, 1) if upside_down else (1, -1))]


def _quarters(soft: np.ndarray, order: np.ndarray, first: int) -> tuple[float, np.ndarray]:
    """How well the symbols' coded bits agree, and by how many quarter turns each is turned for it, int [symbols].

    soft: float32 [QUARTERS, symbols, bits]; order: of the symbols, by strength; first: the first one's turns.
    """
    quarters, total = np.zeros(soft.shape[1], int), 0.0
    quarters[order[0]], together = first, soft[first, order[0]].astype(float)
    for m in order[1:]:
        agree = soft[:, m] @ together
        quarters[m] = int(np.argmax(agree))
        together, total = together + soft[quarters[m], m], total + float(agree.max())
    return total, quarters


def agreement(matched: np.ndarray, symbols: np.ndarray) -> float:
    """Share of the energy of complex64 [symbols, uses] that known symbols explain, each symbol's phase free: 0 to 1."""
    explained = np.abs(np.sum(matched * symbols.conj(), axis=1, dtype=np.complex128)) ** 2
    energy = np.sum(np.abs(symbols) ** 2, axis=1, dtype=np.float64)
    seen = float(np.sum(np.abs(matched) ** 2, dtype=np.float64))
    return float(np.sum(explained / np.maximum(energy, 1e-30))) / max(seen, 1e-30)
