"""What a channel holds at delays that no prior within the cyclic prefix explains.

Told by its place: noise that was judged too small leaves a residue at all delays, a channel that is longer than the
prefix one at some. Between the two lies Wiener's gain, delay by delay.
"""

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import WaveformConfig

BINS = 64  # of delay, over an FFT
DEVIATIONS = 6.0
LEAST_EXCESS = 0.1  # of the noise: what a residue must have over it to be looked at


def beyond_prefix(
    residue: np.ndarray, config: WaveformConfig, variance: float, parameters: float
) -> tuple[np.ndarray, float] | None:
    """Part of the channel in residue complex64 [antennas, active], and its expected error power per value.

    residue: what an estimate with that many parameters leaves of a measurement with noise of this variance. None where
    it is no more than noise leaves.
    """
    values = residue.size
    expected = variance * max(1 - parameters / config.active_subcarriers, 0.1)
    power = float(np.vdot(residue, residue).real) / values
    if power < expected * (1 + max(LEAST_EXCESS, DEVIATIONS / np.sqrt(values))):
        return None
    n, bins = config.fft_size, ResourceGrid(config).bins
    spectrum = np.zeros((len(residue), n), complex)
    spectrum[:, bins] = residue
    taps = np.fft.ifft(spectrum, axis=1)
    by_bin = np.mean(np.abs(taps.reshape(len(taps), BINS, -1)) ** 2, axis=(0, 2)) * n**2 / config.active_subcarriers
    floor = max(expected, float(np.median(by_bin)))
    excess = np.maximum(by_bin - floor, 0)
    excess[by_bin < floor * (1 + DEVIATIONS / np.sqrt(len(taps) * n / BINS))] = 0
    if not excess.any():
        return None
    gain = excess / (excess + floor)
    part = np.fft.fft(taps * np.repeat(gain, n // BINS), axis=1)[:, bins]
    return part.astype(np.complex64), float(gain.mean()) * floor
