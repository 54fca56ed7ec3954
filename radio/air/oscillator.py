"""A node's oscillator: one crystal drives both its carrier and its sampling clock.

An oscillator that is d ppm fast has the carrier fc (1 + d 1e-6) and takes its samples 1 / (fs (1 + d 1e-6))
apart (Pollet, Van Bladel, Moeneclaey, "BER sensitivity of OFDM systems to carrier frequency offset and Wiener
phase noise", IEEE Trans. Commun. 1995, treats both effects). Between a transmitter and a receiver only the
ratio counts:

    cfo_hz = fc (d_tx - d_rx) 1e-6,        skew = (1 + d_tx 1e-6) / (1 + d_rx 1e-6) - 1.
"""

import numpy as np

from radio import acceleration
from radio.acceleration import compiled
from radio.air.config import AirConfig
from radio.air.phase_noise import CoarsePhase
from radio.air.randomness import Purpose, stream

RECEIVER_NODE = 1 << 32  # no user has this index
_BLOCK = 256
_SMALL_PHASE_RAD = 0.5
_NO_PHASE = np.empty(0, np.float32)


def transmitter_ppm(config: AirConfig, user: int) -> float:
    """Offset of a transmitter's oscillator in parts per million."""
    if config.tx_ppm is not None and user < len(config.tx_ppm):
        return config.tx_ppm[user]
    return _drawn_ppm(config, user)


def receiver_ppm(config: AirConfig) -> float:
    """Offset of the receiver's oscillator in parts per million."""
    return _drawn_ppm(config, RECEIVER_NODE) if config.rx_ppm is None else config.rx_ppm


def _drawn_ppm(config: AirConfig, node: int) -> float:
    return config.clock_ppm * float(stream(config.seed, Purpose.CLOCK, node).uniform(-1.0, 1.0))


def carrier_offset_hz(config: AirConfig, user: int) -> float:
    """Transmitter's carrier minus the receiver's, in Hz."""
    return config.center_frequency_hz * (transmitter_ppm(config, user) - receiver_ppm(config)) * 1e-6


def clock_skew(config: AirConfig, user: int) -> float:
    """Transmitter's sample rate over the receiver's, minus one."""
    return (1 + transmitter_ppm(config, user) * 1e-6) / (1 + receiver_ppm(config) * 1e-6) - 1


def rotate(samples: np.ndarray, cycles_per_sample: float, phase: CoarsePhase | None, gain: complex = 1.0) -> None:
    """samples[n] *= gain exp(j (2 pi cycles_per_sample n + phase[n])), in place. samples: complex64 [n]."""
    if cycles_per_sample == 0.0 and phase is None:
        if gain != 1.0:
            samples *= np.complex64(gain)
        return
    within = np.exp(2j * np.pi * cycles_per_sample * np.arange(_BLOCK)).astype(np.complex64)
    turns = np.arange(-(-samples.size // _BLOCK)) * (_BLOCK * cycles_per_sample)
    starts = (gain * np.exp(2j * np.pi * (turns - np.floor(turns)))).astype(np.complex64)
    if acceleration.NUMBA and (phase is None or np.abs(phase.values).max() < _SMALL_PHASE_RAD):
        values, decimation, offset = (
            (_NO_PHASE, 1, 0) if phase is None else (phase.values, phase.decimation, phase.offset)
        )
        _rotate_compiled(samples.view(np.float32), starts, within, values, decimation, offset)
        return
    samples *= np.multiply.outer(starts, within).reshape(-1)[: samples.size]
    if phase is not None:
        angle = phase.fine(samples.size)
        rotor = np.empty(samples.size, np.complex64)
        rotor.real, rotor.imag = np.cos(angle), np.sin(angle)
        samples *= rotor


@compiled
def _rotate_compiled(
    parts: np.ndarray,
    starts: np.ndarray,
    within: np.ndarray,
    values: np.ndarray,
    decimation: int,
    offset: int,
) -> None:
    """parts: float32 [2 n], I and Q in turn. Short Taylor series stand for cos and sin of small phases."""
    one, half = np.float32(1.0), np.float32(0.5)
    c4, c6 = np.float32(1 / 24), np.float32(-1 / 720)
    s3, s5, s7 = np.float32(-1 / 6), np.float32(1 / 120), np.float32(-1 / 5040)
    scale = np.float32(1.0 / decimation)
    angle = np.zeros(_BLOCK + 2 * decimation, np.float32)
    re_table, im_table = within.real.copy(), within.imag.copy()
    n = parts.size // 2
    for block in range(starts.size):
        first = block * _BLOCK
        count = min(_BLOCK, n - first)
        skip = 0
        if values.size:
            coarse = (first + offset) // decimation
            skip = (first + offset) - coarse * decimation
            for m in range((skip + count + decimation - 1) // decimation):
                value = values[coarse + m]
                slope = (values[coarse + m + 1] - value) * scale
                for j in range(decimation):
                    angle[m * decimation + j] = value + np.float32(j) * slope
        start_re, start_im = starts[block].real, starts[block].imag
        for i in range(count):
            p = angle[skip + i]
            q = p * p
            cos = one - q * (half - q * (c4 + q * c6))
            sin = p * (one + q * (s3 + q * (s5 + q * s7)))
            a = start_re * re_table[i] - start_im * im_table[i]
            b = start_re * im_table[i] + start_im * re_table[i]
            re, im = a * cos - b * sin, a * sin + b * cos
            x, y = parts[2 * (first + i)], parts[2 * (first + i) + 1]
            parts[2 * (first + i)] = x * re - y * im
            parts[2 * (first + i) + 1] = x * im + y * re
