"""Receive IQ imbalance and DC offset, blind: noise and modulated signals are circular, E[x^2] = 0.

A mixer with Q amplitude g and quadrature error phi gives I' = I, Q' = g (Q cos phi + I sin phi) (Razavi, "RF
Microelectronics", 2nd ed., section 4.2.2). With E[I^2] = E[Q^2] and E[I Q] = 0:

    g = sqrt(E[Q'^2] / E[I'^2]),   sin phi = E[I' Q'] / sqrt(E[I'^2] E[Q'^2])

Of n independent samples either is known to 1 / sqrt(n), which leaves an image of about 1 / (2 n) in power.
"""

from dataclasses import dataclass

import numpy as np

from calibration.errors import CalibrationError
from calibration.measure.measurement import Measurement, batch_deviation
from radio.samples import Samples


@dataclass(frozen=True)
class ReceiveImbalance:
    """gain: Q over I, dB. phase: quadrature error, degrees. dc_i, dc_q: offsets, full scale 1."""

    gain: Measurement
    phase: Measurement
    dc_i: Measurement
    dc_q: Measurement

    @property
    def image_dbc(self) -> float:
        """Image over signal: |1 - g e^{-j phi}|^2 / |1 + g e^{j phi}|^2, dB."""
        turned = 10 ** (self.gain.value / 20) * np.exp(1j * np.deg2rad(self.phase.value))
        return float(20 * np.log10(max(abs(1 - np.conj(turned)) / abs(1 + turned), 1e-15)))

    def correct(self, data: np.ndarray) -> np.ndarray:
        """Take offset and imbalance out of complex64 [..., n]; complex64 of the same shape."""
        gain, phase = 10 ** (self.gain.value / 20), np.deg2rad(self.phase.value)
        i = data.real - np.float32(self.dc_i.value)
        q = data.imag - np.float32(self.dc_q.value)
        q = (q * np.float32(1 / gain) - i * np.float32(np.sin(phase))) * np.float32(1 / np.cos(phase))
        return np.asarray(i + 1j * q, np.complex64)


def receive_imbalance(samples: Samples, antenna: int = 0) -> ReceiveImbalance:
    """From complex64 [antennas, n] of noise and signals whose carriers are not locked to the receiver's.

    Raises CalibrationError for too few samples, none that vary, and an error beyond 45 degrees, which is a broken
    cable or a real signal and no imbalance.
    """
    if not 0 <= antenna < samples.data.shape[0]:
        raise CalibrationError(f"Antenna {antenna} does not exist; the samples have {samples.data.shape[0]}.")
    row = np.asarray(samples.data[antenna], np.complex128)
    if not np.all(np.isfinite(row)):
        raise CalibrationError("The samples hold values that are not finite.")
    deviations = batch_deviation(_statistics, row)
    i, q = row.real - row.real.mean(), row.imag - row.imag.mean()
    if min(np.mean(i * i), np.mean(q * q)) <= 0:
        raise CalibrationError("I or Q does not vary: the receiver is not connected or one rail is dead.")
    values = _statistics(row)
    if abs(values[1]) >= 45:
        raise CalibrationError(f"I and Q are {values[1]:.0f} degrees from quadrature; that is no mixer's imbalance.")
    units = ("dB", "deg", "", "")
    return ReceiveImbalance(
        *(Measurement(float(v), float(s), u) for v, s, u in zip(values, deviations, units, strict=True))
    )


def _statistics(row: np.ndarray) -> np.ndarray:
    """float [4]: gain dB, phase deg, offset of I, offset of Q."""
    mean = row.mean()
    i, q = row.real - mean.real, row.imag - mean.imag
    ii, qq, iq = max(np.mean(i * i), 1e-30), max(np.mean(q * q), 1e-30), np.mean(i * q)
    phase = np.rad2deg(np.arcsin(np.clip(iq / np.sqrt(ii * qq), -1, 1)))
    return np.array([10 * np.log10(qq / ii), phase, mean.real, mean.imag])
