"""What the receiver tells of the channel that it has measured in a slot."""

from collections.abc import Sequence

import numpy as np

from calibration.measure.users import measure_user
from hil.bus.messages import CsiReport, Grant, UserCsi
from hil.session.responses import response_bytes
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.frame import ReceivedFrame


def csi_report(
    frame: ReceivedFrame | None,
    grant: Grant,
    now_tick: int,
    expected_tick: int,
    waveform: WaveformConfig,
    arrivals: Sequence[UserCsi] = (),
) -> CsiReport:
    """Channel report of one received frame; users that were not detected are left out.

    arrivals: of users whose bursts could not be received together.
    """
    found = [user for user in frame.users if user.detected] if frame else []
    mean_power = sum(user.power for user in found) / max(1, len(found))
    users = []
    for user in found:
        measured = measure_user(frame, user.user, expected_tick, waveform) if frame else None
        if measured is None or not mean_power > 0:
            continue
        users.append(
            UserCsi(
                user=user.user,
                cfo_hz=float(user.cfo_hz),
                delay_samples=float(user.delay_samples),
                gain=float(np.sqrt(user.power / mean_power)),
                phase_rad=float(np.angle(np.sum(user.channel.values))) if user.channel is not None else 0.0,
                snr_db=float(user.snr_db),
                clock_ppm=float(user.clock_ppm),
                arrival_samples=measured.delay.value,
                power_db=measured.gain.value,
                cfo_std_hz=measured.carrier_offset.standard_uncertainty,
                arrival_std_samples=measured.delay.standard_uncertainty,
                power_std_db=measured.gain.standard_uncertainty,
                response=response_bytes(user.channel.values, frame.noise_power) if user.channel and frame else b"",
            )
        )
    return CsiReport(
        slot=grant.slot,
        frame=grant.frame,
        measured_tick=frame.start_tick if frame else grant.slot_tick,
        now_tick=now_tick,
        snr_db=float(frame.snr_db) if frame and users else None,
        users=users or list(arrivals),
    )
