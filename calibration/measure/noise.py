"""Noise floor of a receiver from samples without a signal, and its noise figure."""

import numpy as np

from calibration.errors import CalibrationError
from calibration.measure.measurement import Measurement, batch_deviation
from radio.samples import Samples

THERMAL_DBM_PER_HZ = -173.98  # k T at 290 K (IEEE Std 145 / ITU-R P.372)
_DB = 10 / np.log(10)


def noise_floor(silence: Samples, antenna: int = 0) -> Measurement:
    """Mean power of the samples about their mean, in dB of full scale.

    Raises CalibrationError for too few samples or samples that are all equal or not finite.
    """
    row = _row(silence, antenna)
    power = float(np.var(row))
    if power <= 0:
        raise CalibrationError("The samples do not vary: the receiver is not connected or its gain is far too low.")
    deviation = batch_deviation(lambda batch: np.array([np.mean(np.abs(batch - np.mean(row)) ** 2)]), row)[0]
    return Measurement(10 * float(np.log10(power)), float(_DB * deviation / power), "dBFS")


def noise_figure(floor: Measurement, full_scale_dbm: Measurement, bandwidth_hz: float) -> Measurement:
    """Noise over k T B (T = 290 K) in dB, from the power at the antenna port that gives 0 dBFS.

    bandwidth_hz: noise bandwidth of the samples (the sample rate where the filter is wider). Uncertainties add in
    quadrature. Raises CalibrationError for a bandwidth that is not positive.
    """
    if not bandwidth_hz > 0:
        raise CalibrationError(f"The noise bandwidth is {bandwidth_hz:g} Hz and must be positive.")
    value = floor.value + full_scale_dbm.value - THERMAL_DBM_PER_HZ - 10 * np.log10(bandwidth_hz)
    return Measurement(
        float(value), float(np.hypot(floor.standard_uncertainty, full_scale_dbm.standard_uncertainty)), "dB"
    )


def _row(samples: Samples, antenna: int) -> np.ndarray:
    if not 0 <= antenna < samples.data.shape[0]:
        raise CalibrationError(f"Antenna {antenna} does not exist; the samples have {samples.data.shape[0]}.")
    row = np.asarray(samples.data[antenna], np.complex128)
    if not np.all(np.isfinite(row)):
        raise CalibrationError("The samples hold values that are not finite.")
    return row
