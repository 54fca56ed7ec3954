"""The receiver's own errors in a recording: IQ imbalance and DC offset over all samples, noise between the bursts."""

from collections.abc import Sequence

import numpy as np

from calibration.errors import CalibrationError
from calibration.measure.measurement import Measurement
from calibration.measure.noise import noise_floor
from calibration.measure.receive_imbalance import ReceiveImbalance, receive_imbalance
from hil.twin.estimate import Estimate, kept
from hil.twin.recorded import Recording
from radio.samples import Samples

MOST_SAMPLES = 1 << 22
SIGNIFICANT = 3.0  # standard deviations


def front_end(recording: Recording) -> list[ReceiveImbalance]:
    """Imbalance and offset of every antenna, from the beginning of the recording. CalibrationError as `calibrate`'s."""
    windows, left = [], MOST_SAMPLES
    for slot in recording.with_samples():
        assert slot.samples is not None
        windows.append(slot.samples.data[:, :left])
        left -= windows[-1].shape[1]
        if left <= 0:
            break
    every = Samples(np.concatenate(windows, axis=1), 0, recording.config.sample_rate_hz)
    return [receive_imbalance(every, antenna) for antenna in range(every.data.shape[0])]


def corrected(samples: Samples, errors: Sequence[ReceiveImbalance]) -> Samples:
    """The samples with every antenna's offset and imbalance taken out."""
    data = np.stack([one.correct(row) for one, row in zip(errors, samples.data, strict=True)])
    return Samples(data, samples.start_tick, samples.sample_rate_hz)


def imbalance_estimates(errors: Sequence[ReceiveImbalance], scale: float) -> list[Estimate]:
    """What the air's one receiver gets: the mean over the antennas. scale: twin's amplitudes over the recording's."""
    gain, phase = (_mean([getattr(one, name) for one in errors]) for name in ("gain", "phase"))
    dc_i, dc_q = (_mean([getattr(one, name) for one in errors]) for name in ("dc_i", "dc_q"))
    out = []
    if max(abs(m.value) / m.standard_uncertainty for m in (gain, phase)) > SIGNIFICANT:
        out.append(Estimate("air.rx_iq_imbalance.gain_db", gain.value, gain.standard_uncertainty, "dB"))
        out.append(Estimate("air.rx_iq_imbalance.phase_deg", phase.value, phase.standard_uncertainty, "deg"))
    else:
        out.append(kept("air.rx_iq_imbalance", f"none is seen: {gain} and {phase}"))
    if max(abs(m.value) / m.standard_uncertainty for m in (dc_i, dc_q)) > SIGNIFICANT:
        offset = [dc_i.value * scale, dc_q.value * scale]
        worse = max(dc_i.standard_uncertainty, dc_q.standard_uncertainty) * scale
        out.append(Estimate("air.rx_dc_offset", offset, worse, "full scale"))
    else:
        out.append(kept("air.rx_dc_offset", f"none is seen: {dc_i} and {dc_q} of full scale"))
    return out


def noise_power(silences: Sequence[np.ndarray], sample_rate_hz: float) -> Measurement:
    """Variance per complex sample, mean over antennas, in dBFS; silences complex64 [antennas, n]."""
    every = Samples(np.concatenate(silences, axis=1), 0, sample_rate_hz)
    floors = [noise_floor(every, antenna) for antenna in range(every.data.shape[0])]
    power = np.mean([10 ** (one.value / 10) for one in floors])
    uncertainty = np.linalg.norm([one.standard_uncertainty for one in floors]) / len(floors)
    return Measurement(float(10 * np.log10(power)), float(uncertainty), "dBFS")


def _mean(values: Sequence[Measurement]) -> Measurement:
    if not values:
        raise CalibrationError("There is no antenna to measure.")
    uncertainty = float(np.linalg.norm([one.standard_uncertainty for one in values])) / len(values)
    return Measurement(float(np.mean([one.value for one in values])), uncertainty, values[0].unit)
