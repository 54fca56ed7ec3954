"""A node's oscillator: one crystal drives both its carrier and its sampling clock.

An oscillator that is d ppm fast has the carrier fc (1 + d 1e-6) and takes its samples 1 / (fs (1 + d 1e-6)) apart
(Pollet, Van Bladel, Moeneclaey, "BER sensitivity of OFDM systems to carrier frequency offset and Wiener phase
noise", IEEE Trans. Commun. 1995, treats both effects). Between a transmitter and a receiver only the ratio counts:

    cfo_hz = fc (d_tx - d_rx) 1e-6,        skew = (1 + d_tx 1e-6) / (1 + d_rx 1e-6) - 1.
"""

import numpy as np

from radio.air import acceleration
from radio.air.acceleration import compiled
from radio.air.config import AirConfig
from radio.air.randomness import Purpose, stream

RECEIVER_NODE = 1 << 32  # no user has this index
_BLOCK = 256


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


def rotate(samples: np.ndarray, cycles_per_sample: float, phase: np.ndarray | None, gain: complex = 1.0) -> None:
    """samples[n] *= gain exp(j (2 pi cycles_per_sample n + phase[n])), in place.

    samples: complex64 [n]. phase: float32 [n] in radians, |phase| below pi/4 on the fast path, or None.
    """
    if cycles_per_sample == 0.0 and phase is None:
        if gain != 1.0:
            samples *= np.complex64(gain)
        return
    within = np.exp(2j * np.pi * cycles_per_sample * np.arange(_BLOCK)).astype(np.complex64)
    blocks = np.arange(-(-samples.size // _BLOCK)) * (_BLOCK * cycles_per_sample)
    starts = (gain * np.exp(2j * np.pi * (blocks - np.floor(blocks)))).astype(np.complex64)
    small = phase is None or (phase.size and float(np.abs(phase).max()) < 0.5)
    if acceleration.NUMBA and small:
        _rotate_compiled(samples, starts, within, np.empty(0, np.float32) if phase is None else phase)
        return
    samples *= np.multiply.outer(starts, within).reshape(-1)[: samples.size]
    if phase is not None:
        samples *= np.exp(1j * phase).astype(np.complex64)


@compiled
def _rotate_compiled(samples: np.ndarray, starts: np.ndarray, within: np.ndarray, phase: np.ndarray) -> None:
    """Short Taylor series stand for cos and sin of phase noise: exact to float32 below half a radian."""
    one, half = np.float32(1.0), np.float32(0.5)
    c4, c6 = np.float32(1 / 24), np.float32(-1 / 720)
    s3, s5, s7 = np.float32(-1 / 6), np.float32(1 / 120), np.float32(-1 / 5040)
    for block in range(starts.size):
        first = block * within.size
        count = min(within.size, samples.size - first)
        start_re, start_im = starts[block].real, starts[block].imag
        for i in range(count):
            re = start_re * within[i].real - start_im * within[i].imag
            im = start_re * within[i].imag + start_im * within[i].real
            if phase.size:
                p = phase[first + i]
                q = p * p
                cos = one - q * (half - q * (c4 + q * c6))
                sin = p * (one + q * (s3 + q * (s5 + q * s7)))
                re, im = re * cos - im * sin, re * sin + im * cos
            x = samples[first + i]
            samples[first + i] = complex(x.real * re - x.imag * im, x.real * im + x.imag * re)
