"""Transmit IQ imbalance and carrier leakage from a known burst, through any short channel.

The transmitter sends s = alpha x + beta conj(x) + d, the channel c and the carrier offset do their part, and the
receiver fits in the least-squares sense, with its carrier offset undone,

    y = h * x + g * conj(x) + k,   h = alpha c,  g = beta c,  k = d sum(c)

so that beta / alpha = <h, g> / <h, h> and d / alpha = k / sum(h): widely linear estimation (Picinbono and Chevalier,
"Widely linear estimation with complex data", IEEE Trans. Signal Processing 43(8), 1995). The receiver's own DC offset
and imbalance must be taken out before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.errors import CalibrationError
from calibration.measure.measurement import Measurement

TAPS = 24  # band-limited interpolation of a fractional delay, and the channel's spread
BEFORE = 8  # of them before the delay that was measured
UNKNOWNS = 2 * TAPS + 1
PIECE = 4096  # samples that are fitted at once: a 20 ppm sample clock moves by 0.08 samples in them
DAMPING = 1e-7  # of a column's power
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
    if last - first < 16 * UNKNOWNS:
        raise CalibrationError(f"{max(last - first, 0)} samples of the burst are here; {16 * UNKNOWNS} are needed.")
    silence = np.zeros(TAPS, np.complex64)
    padded = np.concatenate([silence, burst, silence])
    pieces = []
    for n in np.array_split(np.arange(first, last), max(1, (last - first) // PIECE)):
        x = padded[(n - delay)[:, None] - np.arange(-BEFORE, TAPS - BEFORE) + TAPS].astype(complex)
        if np.mean(np.abs(x) ** 2) < 0.1 * np.mean(np.abs(burst) ** 2):
            continue  # the burst is silent here
        pieces.append(_fit(received[n] * np.exp(-2j * np.pi * cfo_hz / sample_rate_hz * n), x))
    return _weighted(pieces)


def mean_imbalance(found: Sequence[TransmitImbalance]) -> TransmitImbalance:
    """Of several bursts of one transmitter. Raises CalibrationError for none."""
    return _weighted([(f.image, _deviation(f.image_level), f.leakage, _deviation(f.leakage_level)) for f in found])


def _deviation(level: Measurement) -> float:
    """Of the complex value whose level this is: the inverse of `_level`."""
    return float(10 ** (level.value / 20) * level.standard_uncertainty * np.sqrt(2) / (20 / np.log(10)))


def _weighted(pieces: Sequence[tuple[complex, float, complex, float]]) -> TransmitImbalance:
    if not pieces:
        raise CalibrationError("There is no burst in the samples to measure the transmitter with.")
    image, image_sigma, leakage, leakage_sigma = (np.array(column) for column in zip(*pieces, strict=True))

    def mean(values: np.ndarray, sigmas: np.ndarray) -> tuple[complex, float]:
        weights = 1 / np.maximum(sigmas, 1e-12) ** 2
        return complex(np.sum(weights * values) / np.sum(weights)), float(1 / np.sqrt(np.sum(weights)))

    (r, r_sigma), (d, d_sigma) = mean(image, image_sigma), mean(leakage, leakage_sigma)
    return TransmitImbalance(r, d, _level(r, r_sigma, "dBc"), _level(d, d_sigma, "dBFS"))


def _fit(y: np.ndarray, x: np.ndarray) -> tuple[complex, float, complex, float]:
    """y: complex [n] without carrier offset; x: complex [n, TAPS]. beta / alpha, d / alpha, each with deviation."""
    matrix = np.concatenate([x, np.conj(x), np.ones((y.size, 1))], axis=1)
    scale = np.maximum(np.sqrt(np.mean(np.abs(matrix) ** 2, axis=0)), 1e-12)
    matrix /= scale
    adjoint = matrix.conj().T
    # Lightly damped, for the directions that an oversampled burst leaves empty.
    inverse = np.linalg.inv(adjoint @ matrix + DAMPING * y.size * np.eye(UNKNOWNS))
    turned, fit = y, inverse @ (adjoint @ y)
    for _ in range(4):  # follow the oscillators' phase by what was fitted, and fit again
        turned = y * np.exp(-1j * _phase(y, matrix[:, :TAPS] @ fit[:TAPS]))
        fit = inverse @ (adjoint @ turned)
    noise = float(np.mean(np.abs(turned - matrix @ fit) ** 2)) * y.size / (y.size - UNKNOWNS)
    if noise > 0.9 * float(np.mean(np.abs(turned) ** 2)):
        raise CalibrationError("The known burst explains less than a tenth of the received power; is it there?")
    leak_deviation = np.sqrt(noise * inverse[-1, -1].real) / scale[-1]
    h, g, k = fit[:TAPS] / scale[:TAPS], fit[TAPS:-1] / scale[TAPS:-1], fit[-1] / scale[-1]
    # The band's edges are empty, so single taps are poorly known; what the burst excites is not.
    straight = np.conj(x) @ h
    energy = max(float(np.sum(np.abs(straight) ** 2)), 1e-30)
    image = complex(np.vdot(straight, np.conj(x) @ g) / energy)
    total = np.sum(h)
    return image, float(np.sqrt(noise / energy)), complex(k / total), float(leak_deviation / abs(total))


def _phase(y: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Phase of y against its model, one value per SEGMENT samples joined by lines: float [n], rad."""
    count = max(1, y.size // SEGMENT)
    products = [np.sum(part) for part in np.array_split(y * np.conj(model), count)]
    centres = [float(part.mean()) for part in np.array_split(np.arange(y.size), count)]
    return np.asarray(np.interp(np.arange(y.size), centres, np.unwrap(np.angle(products))))


def _level(value: complex, deviation: float, unit: str) -> Measurement:
    size = max(abs(value), 1e-15)
    return Measurement(float(20 * np.log10(size)), float(20 / np.log(10) * deviation / np.sqrt(2) / size), unit)
