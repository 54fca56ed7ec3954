"""Circular complex Gaussian numbers, each a function of a key and its own number: none needs those before it.

Number i of a key is made from the 64 bits that the SplitMix64 generator gives at place i (Steele, Lea & Flood, "Fast
splittable pseudorandom number generators", OOPSLA 2014): it mixes a counter, so that any stretch is made at once, in
parallel. 31 bits become the radius and 32 the angle of z = sqrt(-ln u) exp(j 2 pi v) (Box & Muller, "A note on the
generation of random normal deviates", Ann. Math. Stat. 1958), of unit variance: exactly normal up to 6.6 sigma and the
rounding of 32-bit floats. Logarithm, sine and cosine are polynomials fitted at Chebyshev's points (errors below 6e-8).
With and without numba the numbers are the same bit for bit: the same roundings in the same order.
"""

from typing import Any

import numpy as np

from radio import acceleration
from radio.acceleration import compiled_exactly
from radio.air.randomness import Purpose, words

_BLOCK = 512
_NUMPY_BLOCK = 4096
_MASK_64 = (1 << 64) - 1
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31, _S33 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(33)
_SQRT_HALF_BITS, _MANTISSA_BITS, _RADIUS_BITS = np.int32(0x3F3504F3), np.int32(23), np.int32(31)
_ONE, _HALF = np.float32(1.0), np.float32(0.5)
_LN_2, _HALF_TURN = np.float32(np.log(2)), np.float32(np.pi / 2**32)
# ln(1 + x) = x + x^2 (L0 + L1 x + ...) from sqrt(1/2) to sqrt(2)
_L0, _L1, _L2, _L3 = np.float32(-0.49999997), np.float32(0.33333671), np.float32(-0.25001148), np.float32(0.1997205)
_L4, _L5, _L6 = np.float32(-0.16588489), np.float32(0.14834787), np.float32(-0.14159647)
_L7 = np.float32(0.087872655)
# sin(h) = h (1 + S1 h^2 + ...) and cos(h) = 1 + C1 h^2 + ... within a quarter turn
_S1, _S2 = np.float32(-0.16666658), np.float32(0.0083330502)
_S3, _S4 = np.float32(-0.00019809017), np.float32(2.6051076e-06)
_C1, _C2 = np.float32(-0.49999905), np.float32(0.041663573)
_C3, _C4 = np.float32(-0.001385363), np.float32(2.3152417e-05)


def noise_key(seed: int, purpose: Purpose, *keys: int) -> int:
    """The 64-bit key of a stream of numbers; `keys` as in `radio.air.randomness.stream`."""
    return int(np.random.SeedSequence(words(seed, purpose, *keys)).generate_state(1, np.uint64)[0])


def gaussian(key: int, first: int, n_samples: int) -> np.ndarray:
    """complex64 [n_samples] of unit variance: numbers first, first + 1, ... of a key. first may be negative."""
    out = np.zeros(n_samples, np.complex64)
    add_gaussian(out, key, first, 1.0)
    return out


def add_gaussian(samples: np.ndarray, key: int, first: int, amplitude: float) -> None:
    """complex64 samples [n] += amplitude times `gaussian(key, first, n)`, in place."""
    start = np.uint64((key + (first & _MASK_64) * int(_STEP)) & _MASK_64)
    if acceleration.NUMBA:
        _add_compiled(samples.view(np.float32), start, np.float32(amplitude))
        return
    for at in range(0, samples.size, _NUMPY_BLOCK):
        piece = samples[at : at + _NUMPY_BLOCK]
        counters = start + np.arange(at, at + piece.size, dtype=np.uint64) * _STEP
        high, low = _mixed(counters)
        real, imag = _polar(*_split(high), low.astype(np.float32), np.float32(amplitude))
        piece.real += real
        piece.imag += imag


def _mixed(counters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SplitMix64: 31 and 32 bits, int32 each, of every counter."""
    z = (counters ^ (counters >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    z = z ^ (z >> _S31)
    return (z >> _S33).astype(np.int32), z.astype(np.uint32).view(np.int32)


def _split(high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """u = (high + 1/2) / 2^31 as mantissa, sqrt(1/2) to sqrt(2), and exponent."""
    bits = (high.astype(np.float32) + _HALF).view(np.int32)
    exponent = (bits - _SQRT_HALF_BITS) >> _MANTISSA_BITS
    return (bits - (exponent << _MANTISSA_BITS)).view(np.float32), (exponent - _RADIUS_BITS).astype(np.float32)


def _polar(mantissa: Any, exponent: Any, low: Any, amplitude: np.float32) -> tuple[Any, Any]:
    """amplitude sqrt(-ln u) (cos, sin)(2 pi v), v = low / 2^32: float32 arrays, or numbers where it is compiled."""
    x = mantissa - _ONE
    p = _L3 + x * (_L4 + x * (_L5 + x * (_L6 + x * _L7)))
    p = _L0 + x * (_L1 + x * (_L2 + x * p))
    radius = amplitude * np.sqrt(np.abs((x + x * x * p) + exponent * _LN_2))
    half_angle = _HALF_TURN * low
    q = half_angle * half_angle
    sine = half_angle * (_ONE + q * (_S1 + q * (_S2 + q * (_S3 + q * _S4))))
    cosine = _ONE + q * (_C1 + q * (_C2 + q * (_C3 + q * _C4)))
    twice = sine + sine
    return radius * (_ONE - twice * sine), radius * (twice * cosine)


_polar_compiled = compiled_exactly(_polar)


@compiled_exactly
def _add_compiled(parts: np.ndarray, start: np.uint64, amplitude: np.float32) -> None:
    """parts: float32 [2 n], I and Q in turn. In blocks and short loops, which the compiler turns into vectors."""
    low, exponent, mantissa = np.empty(_BLOCK, np.float32), np.empty(_BLOCK, np.float32), np.empty(_BLOCK, np.float32)
    real, imag = np.empty(_BLOCK, np.float32), np.empty(_BLOCK, np.float32)
    bits = mantissa.view(np.int32)
    n = parts.size // 2
    for first in range(0, n, _BLOCK):
        count = min(_BLOCK, n - first)
        for i in range(count):
            z = start + np.uint64(first + i) * _STEP
            z = (z ^ (z >> _S30)) * _MIX_1
            z = (z ^ (z >> _S27)) * _MIX_2
            z = z ^ (z >> _S31)
            mantissa[i] = np.float32(np.int32(z >> _S33)) + _HALF
            low[i] = np.float32(np.int32(z))
        for i in range(count):
            power = np.int32(np.int32(bits[i] - _SQRT_HALF_BITS) >> _MANTISSA_BITS)
            exponent[i] = np.float32(np.int32(power - _RADIUS_BITS))
            bits[i] = np.int32(bits[i] - np.int32(power << _MANTISSA_BITS))
        for i in range(count):
            real[i], imag[i] = _polar_compiled(mantissa[i], exponent[i], low[i], amplitude)
        for i in range(count):
            parts[2 * (first + i)] += real[i]
            parts[2 * (first + i) + 1] += imag[i]
