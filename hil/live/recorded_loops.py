"""What the loops did in one frame, from its rows: the messages that receiver and transmitters had sent."""

from collections.abc import Mapping

import numpy as np

from hil.bus.messages import CsiReport, Sent, UserCsi
from hil.bus.plausible import linear, plausible, plausible_db
from hil.results.rows import ResultRow


def csi_of(frame: int, rows: Mapping[int, ResultRow]) -> CsiReport:
    """The report on one frame. rows by user; users that were not detected are left out, as in the receiver's own."""
    seen = {
        user: row
        for user, row in rows.items()
        if row.frame == frame and plausible(row.cfo_hz) and plausible_db(row.channel_gain_db)
    }
    powers = {user: linear(row.channel_gain_db or 0.0) for user, row in seen.items()}
    mean_power = float(np.mean(list(powers.values()))) if powers else 1.0
    users = [
        UserCsi(
            user=user,
            cfo_hz=row.cfo_hz or 0.0,
            delay_samples=row.delay_samples or 0.0,
            gain=float(np.sqrt(powers[user] / mean_power)),
            phase_rad=0.0,
            snr_db=row.user_snr_db or 0.0,
            clock_ppm=row.clock_ppm or 0.0,
            arrival_samples=row.delay_samples or 0.0,
        )
        for user, row in seen.items()
    ]
    snr_db = next((row.snr_db_estimated for row in rows.values() if row.frame == frame), None)
    return CsiReport(frame, frame, 0, 0, snr_db, users)


def sent_of(row: ResultRow) -> Sent:
    """What the transmitter of a row had told of itself."""
    return Sent(
        slot=row.frame,
        frame=row.frame,
        user=row.user,
        csi_age_s=row.csi_age_s,
        precorrection_hz=row.precorrection_hz or 0.0,
        papr_db=row.papr_db or 0.0,
        advance_ticks=row.advance_ticks or 0,
        gain_db=row.gain_db or 0.0,
        loops=row.loops,
    )
