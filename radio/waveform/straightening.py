"""Undoing the phase and timing that were tracked, and combining the antennas, in one pass over the elements.

z(m, f) = exp(j (2 pi f delay_m / N - phase_m)) sum_antennas conj(w(f)) y(m, f), f: subcarrier number, 0 at the carrier
"""

import math

import numpy as np

from radio import acceleration
from radio.waveform.grid import ResourceGrid

RAMP_STEP = 16  # subcarriers; a ramp is a coarse one times a fine one, which spares most of the exponentials


def ramps(delay_samples: np.ndarray, phase_rad: np.ndarray, grid: ResourceGrid) -> np.ndarray:
    """exp(j (2 pi f delay / N - phase)) for every symbol and subcarrier: complex64 [symbols, active]."""
    half = grid.config.active_subcarriers // 2
    step = 2 * np.pi * delay_samples[:, None] / grid.config.fft_size
    coarse = np.exp(1j * (step * np.arange(-half, half + 1, RAMP_STEP) - phase_rad[:, None])).astype(np.complex64)
    fine = np.exp(1j * step * np.arange(RAMP_STEP)).astype(np.complex64)
    whole = (coarse[:, :, None] * fine[:, None]).reshape(len(step), -1)
    return np.concatenate([whole[:, :half], whole[:, half + 1 : 2 * half + 1]], axis=1)


def straighten(
    received: np.ndarray, weights: np.ndarray, delay_samples: np.ndarray, phase_rad: np.ndarray, grid: ResourceGrid
) -> np.ndarray:
    """z complex64 [symbols, active] from complex64 received [antennas, symbols, active], weights [antennas, active].

    delay_samples, phase_rad: float [symbols].
    """
    if acceleration.NUMBA:
        step = 2 * np.pi / grid.config.fft_size * delay_samples
        return np.asarray(_straightened(received, weights, step, phase_rad))
    combined = np.sum(np.conj(weights)[:, None] * received, axis=0)
    return np.asarray(combined * ramps(delay_samples, phase_rad, grid), np.complex64)


def straightened_uses(
    received: np.ndarray,
    weights: np.ndarray,
    delay_samples: np.ndarray,
    phase_rad: np.ndarray,
    grid: ResourceGrid,
    lengths: np.ndarray,
    k: int,
) -> np.ndarray:
    """Channel uses complex64 [k] out of z (see above), de-interleaved, where the weights change over the symbols.

    received: complex64 [antennas, symbols, active]; weights: complex64 [parts, antennas, active], each for the next
    lengths [parts] of the symbols; delay_samples, phase_rad: float [symbols].
    """
    if acceleration.NUMBA:
        step = 2 * np.pi / grid.config.fft_size * delay_samples
        return np.asarray(_uses(received, weights, step, phase_rad, lengths, grid.payload_uses(k)))[:k]
    begins = np.cumsum(lengths) - lengths
    parts = [slice(begin, begin + length) for begin, length in zip(begins, lengths, strict=True)]
    straight = [
        straighten(received[:, part], one, delay_samples[part], phase_rad[part], grid)
        for part, one in zip(parts, weights, strict=True)
    ]
    return grid.demap_payload(np.concatenate(straight), k)


@acceleration.compiled
def _straightened(received: np.ndarray, weights: np.ndarray, steps: np.ndarray, phases: np.ndarray) -> np.ndarray:
    antennas, symbols, active = received.shape
    out = np.empty((symbols, active), np.complex64)
    powers, ramp = (
        np.empty((2, -(-active // 2 // RAMP_STEP) * RAMP_STEP), np.float32),
        np.empty((2, active), np.float32),
    )
    for m in range(symbols):
        _ramp(steps[m], phases[m], powers, ramp)
        for antenna in range(antennas):
            _combine(received[antenna, m], weights[antenna], ramp, out[m], antenna == 0)
    return out


@acceleration.compiled
def _uses(
    received: np.ndarray,
    weights: np.ndarray,
    steps: np.ndarray,
    phases: np.ndarray,
    lengths: np.ndarray,
    uses: np.ndarray,
) -> np.ndarray:
    """`_straightened`, each value put where `uses` says: complex64 [largest of uses + 1], the last of no meaning."""
    antennas, _, active = received.shape
    out, row = np.empty(uses[-1] + 1, np.complex64), np.empty(active, np.complex64)
    powers, ramp = (
        np.empty((2, -(-active // 2 // RAMP_STEP) * RAMP_STEP), np.float32),
        np.empty((2, active), np.float32),
    )
    m = 0
    for part in range(lengths.size):
        for _ in range(lengths[part]):
            _ramp(steps[m], phases[m], powers, ramp)
            for antenna in range(antennas):
                _combine(received[antenna, m], weights[part, antenna], ramp, row, antenna == 0)
            first = m * active
            for i in range(active):
                out[uses[first + i]] = row[i]
            m += 1
    return out


@acceleration.compiled
def _ramp(step: float, phase: float, powers: np.ndarray, ramp: np.ndarray) -> None:
    """Real and imaginary parts of exp(j (f step - phase)) into ramp float32 [2, active].

    powers: float32 [2, at least active / 2], for exp(j f step), f > 0: doubled to RAMP_STEP of them, then a block a time.
    """
    half = ramp.shape[1] // 2
    real, imag = powers[0], powers[1]
    turn = complex(math.cos(step), math.sin(step))
    real[0], imag[0] = turn.real, turn.imag
    done = 1
    while done < RAMP_STEP:
        c, s = np.float32(turn.real), np.float32(turn.imag)
        for i in range(done):
            real[done + i], imag[done + i] = c * real[i] - s * imag[i], c * imag[i] + s * real[i]
        turn *= turn
        done *= 2
    block = turn
    for first in range(RAMP_STEP, half, RAMP_STEP):
        c, s = np.float32(block.real), np.float32(block.imag)
        for i in range(RAMP_STEP):
            real[first + i], imag[first + i] = c * real[i] - s * imag[i], c * imag[i] + s * real[i]
        block *= turn
    c, s = np.float32(math.cos(phase)), np.float32(-math.sin(phase))
    for i in range(half):  # subcarriers i + 1 and -(i + 1): the same power and its conjugate
        cr, si, ci, sr = c * real[i], s * imag[i], c * imag[i], s * real[i]
        ramp[0, half + i], ramp[1, half + i] = cr - si, ci + sr
        ramp[0, half - 1 - i], ramp[1, half - 1 - i] = cr + si, sr - ci


@acceleration.compiled
def _combine(y: np.ndarray, w: np.ndarray, ramp: np.ndarray, out: np.ndarray, fresh: bool) -> None:
    """out = or += conj(w) y ramp, one symbol of one antenna."""
    for i in range(y.size):
        u = w[i].real * ramp[0, i] + w[i].imag * ramp[1, i]
        v = w[i].real * ramp[1, i] - w[i].imag * ramp[0, i]
        turned = complex(y[i].real * u - y[i].imag * v, y[i].real * v + y[i].imag * u)
        out[i] = turned if fresh else out[i] + turned
