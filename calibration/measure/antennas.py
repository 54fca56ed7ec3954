"""Gain and phase of each receive antenna against the first, from channel estimates of one user at one place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.errors import CalibrationError
from calibration.measure.measurement import Measurement
from radio.waveform.reception.frame import ChannelEstimate


@dataclass(frozen=True)
class AntennaDifference:
    """gain: dB over antenna 0. phase: degrees ahead of antenna 0."""

    antenna: int
    gain: Measurement
    phase: Measurement


def antenna_differences(estimates: Sequence[ChannelEstimate]) -> list[AntennaDifference]:
    """From one user's channels over several frames; the least-squares ratio c of h_a = c h_0 over all of them.

    A frame's carrier phase is common to the antennas and drops out. Raises CalibrationError for none, or estimates of
    different shape or of fewer than two antennas.
    """
    if not estimates or len({e.values.shape for e in estimates}) != 1 or estimates[0].values.shape[0] < 2:
        raise CalibrationError("Antenna differences need channel estimates of two antennas or more, all of one shape.")
    values = np.stack([e.values for e in estimates], axis=1).astype(complex)  # [antennas, frames, active]
    first = values[0]
    energy = float(np.sum(np.abs(first) ** 2))
    if energy <= 0:
        raise CalibrationError("Antenna 0 receives nothing.")
    per_frame = np.sum(np.abs(first) ** 2, axis=1)
    floor = float(np.sqrt(sum(e.error_variance for e in estimates) / len(estimates) * 2 / energy))
    differences = []
    for antenna in range(1, len(values)):
        ratio = np.sum(np.conj(first) * values[antenna]) / energy
        deviation = floor
        if len(estimates) > 1:
            ratios = np.sum(np.conj(first) * values[antenna], axis=1) / np.maximum(per_frame, 1e-30) / ratio
            deviation = max(floor, float(np.std(ratios, ddof=1) / np.sqrt(2 * len(estimates))))
        gain = Measurement(float(20 * np.log10(abs(ratio))), float(20 / np.log(10) * deviation), "dB")
        phase = Measurement(float(np.rad2deg(np.angle(ratio))), float(np.rad2deg(deviation)), "deg")
        differences.append(AntennaDifference(antenna, gain, phase))
    return differences
