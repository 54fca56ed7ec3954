"""Transmit IQ imbalance and carrier leakage from a known burst, through any short channel.

The transmitter sends s = alpha x + beta conj(x) + d, the channel c and the carrier offset do their part, and the
receiver fits in the least-squares sense, with its carrier offset undone,

    y = h * x + g * conj(x) + k,   h = alpha c,  g = beta c,  k = d sum(c)

so that beta / alpha = <h, g> / <h, h> and d / alpha = k / sum(h): widely linear estimation (Picinbono and Chevalier,
"Widely linear estimation with complex data", IEEE Trans. Signal Processing 43(8), 1995). The receiver's own DC offset
and imbalance must be taken out before.
"""

from dataclasses import dataclass

import numpy as np

from calibration.errors import CalibrationError
from calibration.measure.measurement import Measurement

TAPS = 24  # band-limited interpolation of a fractional delay, and the channel's spread
BEFORE = 8  # of them before the delay that was measured
SEGMENT = 128  # samples over which the oscillators' phase counts as constant


@dataclass(frozen=True)
class TransmitImbalance:
    """image: beta / alpha, leakage: d / alpha (full scale 1), both complex; levels with uncertainties in dB.

    image_level: dB of the signal. leakage_level: dB of full scale.
    """

    image: complex
    leakage: complex
    image_level: Measurement
    leakage_level: Measurement

    def predistort(self, burst: np.ndarray) -> np.ndarray:
        """complex64 [n] -> complex64 [n] that leaves the transmitter as alpha times the burst.

        Solves x' + r conj(x') + l = x: x' = (u - r conj(u)) / (1 - |r|^2) with u = x - l.
        """
        shifted = burst - np.complex64(self.leakage)
        ratio = np.complex64(self.image)
        return np.asarray((shifted - ratio * np.conj(shifted)) / np.float32(1 - abs(self.image) ** 2), np.complex64)


def transmit_imbalance(
    received: np.ndarray, burst: np.ndarray, delay_samples: float, cfo_hz: float, sample_rate_hz: float
) -> TransmitImbalance:
    """received: complex64 [n], the receiver's own errors taken out; burst: complex64 [m], as handed to the radio.

    delay_samples: of the burst in `received`, to a few samples; cfo_hz: transmitter minus receiver. Raises
    CalibrationError when fewer than 16 samples per unknown overlap or the burst is not to be found in them.
    """
    delay = round(delay_samples)
    first, last = max(delay, 0), min(received.size, delay + burst.size)
    unknowns = 2 * TAPS + 1
    if last - first < 16 * unknowns:
        raise CalibrationError(f"{max(last - first, 0)} samples of the burst are here; {16 * unknowns} are needed.")
    n = np.arange(first, last)
    y = received[first:last] * np.exp(-2j * np.pi * cfo_hz / sample_rate_hz * n)
    padded = np.concatenate([np.zeros(TAPS, complex), burst, np.zeros(TAPS, complex)])
    lags = np.arange(-BEFORE, TAPS - BEFORE)
    x = padded[(n - delay)[:, None] - lags + TAPS]
    matrix = np.concatenate([x, np.conj(x), np.ones((n.size, 1))], axis=1)
    matrix /= (scale := np.maximum(np.sqrt(np.mean(np.abs(matrix) ** 2, axis=0)), 1e-12))
    turned = y
    for _ in range(4):  # fit, then follow the oscillators' phase by what was fitted
        fit, normal = _solve(matrix, turned)
        model = matrix[:, :TAPS] @ fit[:TAPS]
        turned = y * np.exp(-1j * _phase(y, model))
    fit, normal = _solve(matrix, turned)
    noise = float(np.mean(np.abs(turned - matrix @ fit) ** 2)) * n.size / (n.size - unknowns)
    if noise > 0.5 * float(np.mean(np.abs(turned) ** 2)):
        raise CalibrationError("The known burst explains less than half of the received power; is it there?")
    deviation = np.sqrt(noise * np.diag(np.linalg.inv(normal)).real) / scale
    h, g, k = fit[:TAPS] / scale[:TAPS], fit[TAPS:-1] / scale[TAPS:-1], fit[-1] / scale[-1]
    # The band's edges are empty, so single taps are poorly known; what the burst excites is not.
    straight, mirrored = x @ h, np.conj(x) @ g
    energy = float(np.sum(np.abs(np.conj(x) @ h) ** 2))
    image = complex(np.vdot(np.conj(x) @ h, mirrored) / energy)
    leakage = complex(k / np.sum(h))
    image_deviation = np.sqrt(noise / max(float(np.sum(np.abs(straight) ** 2)), 1e-30))
    return TransmitImbalance(
        image,
        leakage,
        _level(image, float(image_deviation), "dBc"),
        _level(leakage, float(deviation[-1] / abs(np.sum(h))), "dBFS"),
    )


def _solve(matrix: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least squares, lightly damped for the directions that an oversampled burst leaves empty."""
    normal = matrix.conj().T @ matrix
    normal += 1e-7 * len(matrix) * np.eye(len(normal))
    return np.linalg.solve(normal, matrix.conj().T @ y), normal


def _phase(y: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Phase of y against its model, one value per SEGMENT samples joined by lines: float [n], rad."""
    count = max(1, y.size // SEGMENT)
    products = [np.sum(part) for part in np.array_split(y * np.conj(model), count)]
    centres = [float(part.mean()) for part in np.array_split(np.arange(y.size), count)]
    return np.asarray(np.interp(np.arange(y.size), centres, np.unwrap(np.angle(products))))


def _level(value: complex, deviation: float, unit: str) -> Measurement:
    size = max(abs(value), 1e-15)
    return Measurement(float(20 * np.log10(size)), float(20 / np.log(10) * deviation / np.sqrt(2) / size), unit)
