"""A node's oscillator: one crystal drives both its carrier and its sampling clock.

An oscillator that is d ppm fast has the carrier fc (1 + d 1e-6) and takes its samples 1 / (fs (1 + d 1e-6))
apart (Pollet, Van Bladel, Moeneclaey, "BER sensitivity of OFDM systems to carrier frequency offset and Wiener
phase noise", IEEE Trans. Commun. 1995, treats both effects). Between a transmitter and a receiver only the
ratio counts:

    cfo_hz = fc (d_tx - d_rx) 1e-6,        skew = (1 + d_tx 1e-6) / (1 + d_rx 1e-6) - 1.
"""

from functools import lru_cache

import numpy as np

from radio import acceleration
from radio.acceleration import compiled
from radio.air.config import AirConfig
from radio.air.phase_noise import CoarsePhase
from radio.air.randomness import Purpose, stream

RECEIVER_NODE = 1 << 32  # no user has this index
_BLOCK = 256
_SMALL_PHASE_RAD = 0.5


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
    starts, within = _rotors(cycles_per_sample, -(-samples.size // _BLOCK))
    starts = (gain * starts).astype(np.complex64)
    if acceleration.NUMBA and (phase is None or np.abs(phase.values).max() < _SMALL_PHASE_RAD):
        if phase is None:
            _turn_compiled(samples, starts, within)
        else:
            _rotate_compiled(samples, starts, within, phase.values, phase.decimation, phase.offset)
        return
    samples *= np.multiply.outer(starts, within).reshape(-1)[: samples.size]
    if phase is not None:
        angle = phase.fine(samples.size)
        rotor = np.empty(samples.size, np.complex64)
        rotor.real, rotor.imag = np.cos(angle), np.sin(angle)
        samples *= rotor


@lru_cache(maxsize=64)
def _rotors(cycles_per_sample: float, blocks: int) -> tuple[np.ndarray, np.ndarray]:
    """complex128 [blocks] at the first sample of each block, complex64 [_BLOCK] within it; their products turn."""
    within = np.exp(2j * np.pi * cycles_per_sample * np.arange(_BLOCK)).astype(np.complex64)
    turns = np.arange(blocks) * (_BLOCK * cycles_per_sample)
    return np.exp(2j * np.pi * (turns - np.floor(turns))), within


@compiled
def _turn_compiled(samples: np.ndarray, starts: np.ndarray, within: np.ndarray) -> None:
    for block in range(starts.size):
        start, piece = starts[block], samples[block * _BLOCK : (block + 1) * _BLOCK]
        for i in range(piece.size):
            piece[i] *= start * within[i]


@compiled
def _rotate_compiled(
    samples: np.ndarray,
    starts: np.ndarray,
    within: np.ndarray,
    values: np.ndarray,
    decimation: int,
    offset: int,
) -> None:
    """Short Taylor series stand for cos and sin of small phases."""
    one, half = np.float32(1.0), np.float32(0.5)
    c4, c6 = np.float32(1 / 24), np.float32(-1 / 720)
    s3, s5, s7 = np.float32(-1 / 6), np.float32(1 / 120), np.float32(-1 / 5040)
    scale = np.float32(1.0 / decimation)
    angles = np.zeros(_BLOCK + 2 * decimation, np.float32)
    for block in range(starts.size):
        first = block * _BLOCK
        start, piece = starts[block], samples[first : first + _BLOCK]
        coarse = (first + offset) // decimation
        skip = (first + offset) - coarse * decimation
        for m in range((skip + piece.size + decimation - 1) // decimation):
            value = values[coarse + m]
            slope = (values[coarse + m + 1] - value) * scale
            for j in range(decimation):
                angles[m * decimation + j] = value + np.float32(j) * slope
        angle = angles[skip : skip + piece.size]
        for i in range(piece.size):
            p = angle[i]
            q = p * p
            cos = one - q * (half - q * (c4 + q * c6))
            sin = p * (one + q * (s3 + q * (s5 + q * s7)))
            piece[i] *= start * within[i] * complex(cos, sin)
