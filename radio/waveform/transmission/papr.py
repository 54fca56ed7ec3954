"""Peak-to-average power ratio: measuring it, and clipping-and-filtering (Armstrong 2002) to bound it."""

import numpy as np
import scipy.fft


def papr_db(burst: np.ndarray) -> float:
    """Peak over mean power of the non-zero samples of complex64 [n], dB; 0 for silence."""
    power = np.abs(burst[burst != 0]) ** 2
    return float(10 * np.log10(power.max() / power.mean())) if power.size else 0.0


def clip_and_filter(burst: np.ndarray, limit_db: float, occupied: float, rounds: int = 4) -> np.ndarray:
    """Clip the magnitude to limit_db over the mean power, remove what falls out of band, several times.

    burst: complex64 [n]; occupied: part of the sample rate that carries subcarriers. Filtering lets peaks grow
    back a little, which is why it is repeated. Silent samples stay silent.
    """
    loud = burst != 0
    if not loud.any():
        return burst
    limit = np.sqrt(np.mean(np.abs(burst[loud]) ** 2) * 10 ** (limit_db / 10))
    keep = np.abs(scipy.fft.fftfreq(burst.size)) <= occupied / 2
    for _ in range(rounds):
        magnitude = np.abs(burst)
        clipped = np.where(magnitude > limit, burst * (limit / np.maximum(magnitude, 1e-30)), burst)
        error = scipy.fft.ifft(scipy.fft.fft(clipped - burst) * keep)
        burst = np.where(loud, burst + error, 0).astype(np.complex64)
    return burst
