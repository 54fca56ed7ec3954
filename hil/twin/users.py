"""Every user's oscillator, mean power and how its burst arrives, over all slots of a recording."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibration.measure.measurement import Measurement, combine
from hil.errors import UsageError
from hil.twin.burst import BurstView, UserView
from radio.waveform.config import WaveformConfig

_DB = 10 / np.log(10)


@dataclass(frozen=True)
class UserFit:
    """offset_ppm: the transmitter's oscillator over the receiver's, from the carrier, which one crystal drives together
    with the sample clock. clock_ppm: the same from the drift of the samples alone, far less exact. power: linear, mean
    |g|^2 per channel use over the slots in which the user was found.
    """

    user: int
    offset_ppm: Measurement
    clock_ppm: Measurement | None
    power: float
    power_db_uncertainty: float
    snr_db: float


def fit_users(views: Sequence[BurstView], config: WaveformConfig) -> list[UserFit]:
    """One entry per user. Raises UsageError when one was never found: a twin cannot be made of what was not heard."""
    fits = []
    for user in range(config.users):
        seen = [(view, view.users[user]) for view in views if user in view.users]
        if not any(one.received.header_read for _, one in seen):  # a preamble alone may be imagined
            raise UsageError(f"User {user} was not found in any slot of the recording: it has nothing to be fitted to.")
        fits.append(_fit(user, [one for _, one in seen], [view.frame.noise_power for view, _ in seen], config))
    return fits


def _fit(user: int, seen: Sequence[UserView], noise: Sequence[float], config: WaveformConfig) -> UserFit:
    # The receiver hears what a transmitter's own correction leaves over; with it put back, the crystals are measured.
    offsets = [one.measured.carrier_offset.value + one.precorrection_hz for one in seen]
    offset = combine(offsets, [one.measured.carrier_offset.standard_uncertainty for one in seen], "Hz")
    per_hz = 1e6 / config.center_frequency_hz
    powers = np.array([np.mean(np.abs(one.channel) ** 2) - one.variance for one in seen])
    power = max(float(powers.mean()), 1e-30)
    scatter = float(powers.std(ddof=1) / np.sqrt(powers.size)) if powers.size > 1 else power
    return UserFit(
        user,
        Measurement(offset.value * per_hz, offset.standard_uncertainty * per_hz, "ppm"),
        _clock(seen),
        power,
        _DB * scatter / power,
        float(10 * np.log10(power / np.mean(noise))),
    )


def _clock(seen: Sequence[UserView]) -> Measurement | None:
    """From the payloads' timing, whose scatter over the slots is its uncertainty; None without two payloads."""
    drifts = np.array([one.received.clock_ppm for one in seen if one.received.alignment is not None])
    if drifts.size < 2:
        return None
    return Measurement(float(drifts.mean()), float(drifts.std(ddof=1) / np.sqrt(drifts.size)), "ppm")
