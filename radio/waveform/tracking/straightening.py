"""Undoing the phase and timing that were tracked, and combining the antennas, in one pass over the elements.

z(m, f) = exp(j (2 pi f delay_m / N - phase_m)) sum_antennas conj(w(f)) y(m, f), f: subcarrier number, 0 at the carrier
"""

import math

import numpy as np

from radio import acceleration
from radio.waveform.burst.grid import ResourceGrid

RAMP_STEP = 16  # subcarriers; a ramp is a coarse one times a fine one, which spares most of the exponentials
FRESH_SYMBOLS = 32  # after which a ramp that was turned from symbol to symbol is made anew: rounding adds up
EVEN_STEP = 1e-9  # radians per subcarrier: what steps may differ by and count as one


def ramps(delay_samples: np.ndarray, phase_rad: np.ndarray, grid: ResourceGrid) -> np.ndarray:
    """exp(j (2 pi f delay / N - phase)) for every symbol and subcarrier: complex64 [symbols, active]."""
    half = grid.config.active_subcarriers // 2
    step = 2 * np.pi * delay_samples[:, None] / grid.config.fft_size
    coarse = np.exp(1j * (step * np.arange(-half, half + 1, RAMP_STEP) - phase_rad[:, None])).astype(np.complex64)
    fine = np.exp(1j * step * np.arange(RAMP_STEP)).astype(np.complex64)
    whole = (coarse[:, :, None] * fine[:, None]).reshape(len(step), -1)
    return np.concatenate([whole[:, :half], whole[:, half + 1 : 2 * half + 1]], axis=1)


def turn_band(values: np.ndarray, step_rad: float, phase_rad: float) -> np.ndarray:
    """values complex64 [antennas, active] times exp(j (f step + phase))."""
    if acceleration.NUMBA:
        return np.asarray(_turn_band_compiled(values, step_rad, phase_rad))
    half = values.shape[1] // 2
    numbers = np.concatenate([np.arange(-half, 0), np.arange(1, half + 1)])
    return np.asarray(values * np.exp(1j * (numbers * step_rad + phase_rad)), np.complex64)


@acceleration.compiled
def _turn_band_compiled(values: np.ndarray, step_rad: float, phase_rad: float) -> np.ndarray:
    ramp, out = np.empty((2, values.shape[1]), np.float32), np.empty(values.shape, np.complex64)
    _ramp(step_rad, ramp)
    c, s = np.float32(math.cos(phase_rad)), np.float32(math.sin(phase_rad))
    for antenna in range(values.shape[0]):
        for i in range(values.shape[1]):
            a, b, y = ramp[0, i] * c - ramp[1, i] * s, ramp[0, i] * s + ramp[1, i] * c, values[antenna, i]
            out[antenna, i] = complex(y.real * a - y.imag * b, y.real * b + y.imag * a)
    return out


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
        return np.asarray(_uses(received, weights, step, phase_rad, lengths, grid.payload_places(k)))
    begins = np.cumsum(lengths) - lengths
    parts = [slice(begin, begin + length) for begin, length in zip(begins, lengths, strict=True)]
    straight = [
        straighten(received[:, part], one, delay_samples[part], phase_rad[part], grid)
        for part, one in zip(parts, weights, strict=True)
    ]
    return grid.demap_payload(np.concatenate(straight), k)


@acceleration.compiled
def _straightened(received: np.ndarray, weights: np.ndarray, steps: np.ndarray, phases: np.ndarray) -> np.ndarray:
    _, symbols, active = received.shape
    out = np.empty((symbols, active), np.complex64)
    _straighten_rows(received, weights, steps, phases, 0, symbols, out)
    return out


@acceleration.compiled
def _uses(
    received: np.ndarray,
    weights: np.ndarray,
    steps: np.ndarray,
    phases: np.ndarray,
    lengths: np.ndarray,
    places: np.ndarray,
) -> np.ndarray:
    """`_straightened` with weights for each part, at flat places uint32 [k]: complex64 [k]."""
    _, symbols, active = received.shape
    straight = np.empty((symbols, active), np.complex64)
    begin = 0
    for part in range(lengths.size):
        _straighten_rows(received, weights[part], steps, phases, begin, begin + lengths[part], straight)
        begin += lengths[part]
    flat, out = straight.reshape(-1), np.empty(places.size, np.complex64)
    for i in range(places.size):
        out[i] = flat[places[i]]
    return out


@acceleration.compiled
def _straighten_rows(
    received: np.ndarray,
    weights: np.ndarray,
    steps: np.ndarray,
    phases: np.ndarray,
    begin: int,
    end: int,
    out: np.ndarray,
) -> None:
    """z of symbols begin .. end - 1 into out complex64 [symbols, active]; steps: radians per subcarrier [symbols]."""
    antennas, _, active = received.shape
    turned, advance = np.empty((antennas, 2, active), np.float32), np.empty((2, active), np.float32)
    for m in range(begin, end):
        _turn(weights, steps, m, begin, turned, advance)
        for antenna in range(antennas):
            _combine(received[antenna, m], turned[antenna], phases[m], out[m], antenna == 0)


@acceleration.compiled
def _turn(weights: np.ndarray, steps: np.ndarray, m: int, begin: int, turned: np.ndarray, advance: np.ndarray) -> None:
    """turned float32 [antennas, 2, active] becomes conj(w) exp(j f steps[m]), real and imaginary parts.

    A clock's drift is even, so that what symbol m - 1 had left is mostly turned by the same `advance` once more.
    """
    since = (m - begin) % FRESH_SYMBOLS
    even = since > 1 and abs(steps[m] - 2 * steps[m - 1] + steps[m - 2]) < EVEN_STEP
    if not even and since > 0:
        _ramp(steps[m] - steps[m - 1], advance)
    elif since == 0:
        _ramp(steps[m], advance)
    a, b = advance[0], advance[1]
    for antenna in range(turned.shape[0]):
        real, imag, w = turned[antenna, 0], turned[antenna, 1], weights[antenna]
        if since == 0:
            for i in range(w.size):
                real[i], imag[i] = w[i].real, -w[i].imag
        for i in range(w.size):
            x, y = real[i], imag[i]
            real[i], imag[i] = x * a[i] - y * b[i], x * b[i] + y * a[i]


@acceleration.compiled
def _ramp(step: float, ramp: np.ndarray) -> None:
    """exp(j f step) into ramp float32 [2, active], real and imaginary parts."""
    half = ramp.shape[1] // 2
    turn = complex(math.cos(step), math.sin(step))
    phasor = turn
    for i in range(half):  # subcarriers i + 1 and -(i + 1)
        ramp[0, half + i], ramp[1, half + i] = phasor.real, phasor.imag
        ramp[0, half - 1 - i], ramp[1, half - 1 - i] = phasor.real, -phasor.imag
        phasor *= turn


@acceleration.compiled
def _combine(y: np.ndarray, turned: np.ndarray, phase: float, out: np.ndarray, fresh: bool) -> None:
    """out = or += y turned exp(-j phase), one symbol of one antenna."""
    c, s, real, imag = np.float32(math.cos(phase)), np.float32(math.sin(phase)), turned[0], turned[1]
    if fresh:
        for i in range(y.size):
            u, v = real[i] * c + imag[i] * s, imag[i] * c - real[i] * s
            out[i] = complex(y[i].real * u - y[i].imag * v, y[i].real * v + y[i].imag * u)
    else:
        for i in range(y.size):
            u, v = real[i] * c + imag[i] * s, imag[i] * c - real[i] * s
            out[i] += complex(y[i].real * u - y[i].imag * v, y[i].real * v + y[i].imag * u)
