"""Everything that a recording says about its room, as the configuration of a simulated air.

Powers have no absolute scale in a recording (gains of antennas, amplifiers and converters are in them). The twin keeps
their ratios: its users' mean gain is 0 dB, its `snr_db` the mean total SNR that was measured, and its other amplitudes
follow by the same factor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration.errors import CalibrationError
from calibration.measure.measurement import Measurement
from hil.config import RunConfig, load_config
from hil.errors import UsageError
from hil.session.burst.receivers import Receivers
from hil.twin.burst import BurstView, silence, view_burst
from hil.twin.channel import channel_estimates
from hil.twin.estimate import Estimate, kept
from hil.twin.front_end import corrected, front_end, imbalance_estimates, noise_power
from hil.twin.motion import MotionFit
from hil.twin.phases import fit_phase_noise, shifted_mask
from hil.twin.recorded import Recording
from hil.twin.users import UserFit, fit_users
from radio.waveform.config import WaveformConfig

_NOT_SEEN = (
    kept("air.tx_iq_imbalance", "one recording does not tell it from the receiver's or from noise; see calibrate"),
    kept("air.tx_dc_offset", "it lies where no subcarrier is; see calibrate"),
    kept("air.power_amplifier", "it takes bursts at several levels"),
    kept("air.interferers", "what is heard between the bursts counts as noise"),
    kept("air.dac_bits", "it is below the noise"),
    kept("air.adc_bits", "with its full scale set by the AGC"),
)


@dataclass(frozen=True)
class TwinFit:
    """values: of the twin's `RunConfig` as a file has them; config: the same, validated. scale: the twin's amplitudes
    over the recording's. slots: how many there were, and in how many users were found."""

    values: dict[str, Any]
    config: RunConfig
    estimates: list[Estimate]
    scale: float
    slots: tuple[int, int]


def fit_twin(recording: Recording) -> TwinFit:
    """Raises UsageError for a recording in which a user, or silence to measure the noise in, is missing."""
    config = recording.config
    try:
        errors = front_end(recording)
        receivers, views, silences = Receivers(config.waveform), [], []
        for slot in recording.with_samples():
            assert slot.samples is not None
            samples = corrected(slot.samples, errors)
            silences.append(silence(slot, samples))
            if (view := view_burst(receivers.of(slot.grant), slot, samples)) is not None:
                views.append(view)
        noise = noise_power(silences, config.sample_rate_hz)
    except CalibrationError as error:
        raise UsageError(f"{recording.path}: {error}") from None
    users = fit_users(views, config.waveform)
    total = sum(user.power for user in users)
    scale = config.radio.tx_amplitude / float(np.sqrt(total))
    estimates = _powers(users, noise, total)
    motion = channel_estimates(views, config, estimates)
    estimates += _oscillators(users)
    estimates.append(_phase_noise(views, config.waveform, motion))
    estimates += imbalance_estimates(errors, scale)
    estimates += _NOT_SEEN
    values = _values(recording, estimates)
    return TwinFit(values, load_config(None, dict(values)), estimates, scale, (len(recording.slots), len(views)))


def _powers(users: Sequence[UserFit], noise: Measurement, total: float) -> list[Estimate]:
    snr = Estimate(
        "snr_db",
        round(10 * float(np.log10(total)) - noise.value, 3),
        float(np.hypot(noise.standard_uncertainty, np.mean([u.power_db_uncertainty for u in users]))),
        "dB",
        note=f"all users' mean power over a noise of {noise}",
    )
    return [snr] + [
        Estimate(
            f"air.links.{one.user}.gain_db",
            round(10 * float(np.log10(one.power * len(users) / total)), 3),
            one.power_db_uncertainty,
            "dB",
            note="over the users' mean",
        )
        for one in users
    ]


def _oscillators(users: Sequence[UserFit]) -> list[Estimate]:
    out = [kept("air.clock_ppm", "every oscillator has a value of its own")]
    out.append(Estimate("air.rx_ppm", 0.0, None, "ppm", note="only differences can be heard: the receiver is the zero"))
    offsets = [round(one.offset_ppm.value, 5) for one in users]
    drifts = ", ".join("none" if u.clock_ppm is None else str(u.clock_ppm) for u in users)
    worst = max(one.offset_ppm.standard_uncertainty for one in users)
    out.append(Estimate("air.tx_ppm", offsets, worst, "ppm", note=f"from the carriers; the sample clocks say {drifts}"))
    return out


def _phase_noise(views: Sequence[BurstView], config: WaveformConfig, motion: MotionFit) -> Estimate:
    tracks = [one.track for view in views for one in view.users.values()]
    fit = fit_phase_noise(tracks, config, motion.doppler_hz or 0.0)
    name = "air.phase_noise"
    if fit is None:
        return kept(name, "too few bursts are clear enough to see it")
    if fit.level > 2 * fit.uncertainty:
        shift = _shift_db(fit.level)
        spread = 4.34 * fit.uncertainty / fit.level
        note = f"the default mask {shift:+.1f} ± {spread:.1f} dB, from {fit.bursts} bursts"
        return Estimate(name, {"mask": shifted_mask(fit.level)}, spread, "dB", note=note)
    highest = fit.level + 2 * fit.uncertainty
    if highest < 1:
        return Estimate(name, None, None, "", note=f"off: at most {_shift_db(highest):+.1f} dB of the default mask")
    return kept(name, f"up to {_shift_db(highest):+.1f} dB of the default mask would not be seen in this noise")


def _shift_db(level: float) -> float:
    return 10 * float(np.log10(max(level, 1e-12)))


def _values(recording: Recording, estimates: Sequence[Estimate]) -> dict[str, Any]:
    """The nested values of a file: what the nodes knew, then what was fitted."""
    known = recording.config.model_dump(mode="json", exclude_defaults=True, exclude={"air"})
    for shared in ("sample_rate_hz", "center_frequency_hz", "users", "rx_antennas"):
        known.get("waveform", {}).pop(shared, None)
    links: dict[int, dict[str, float]] = {}
    flat: dict[str, Any] = {}
    for one in estimates:
        if not one.fitted:
            continue
        if one.name.startswith("air.links."):
            user, key = one.name.split(".")[2:]
            links.setdefault(int(user), {})[key] = one.value
        else:
            flat[one.name] = one.value
    flat["air.links"] = [links[user] for user in sorted(links)]
    return _nested(known, flat)


def _nested(values: dict[str, Any], flat: dict[str, Any]) -> dict[str, Any]:
    for name, value in flat.items():
        *sections, last = name.split(".")
        inner = values
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[last] = value
    return values
