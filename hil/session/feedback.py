"""What a transmitter makes of the receiver's measurements for its encoder: side information."""

import numpy as np

from hil.bus.messages import CsiReport
from hil.bus.plausible import plausible_db, plausible_user
from models.side_information import SideInformation


def side_information(csi: CsiReport | None, users: int) -> SideInformation:
    """Side information of the last report, or the default when there is none yet.

    Codecs are trained with gains of unit mean square over the users on the air and noise of power
    10^(-snr_db/10) against users / N of received power. The receiver knows only ratios, so gains are scaled to
    that mean square, and the measured total SNR by N / (users seen). A user who was not seen, or of whom a damaged
    report says what cannot be, has gain 0.
    """
    seen = [entry for entry in csi.users if entry.user < users and plausible_user(entry)] if csi else []
    if csi is None or not plausible_db(csi.snr_db) or not seen:
        return SideInformation.default(users)
    gains = np.zeros(users, np.float32)
    phases = np.zeros(users, np.float32)
    for entry in seen:
        gains[entry.user], phases[entry.user] = entry.gain, entry.phase_rad
    snr_db = csi.snr_db + 10 * np.log10(users / len(seen))
    return SideInformation(snr_db=float(snr_db), gains=gains, phases_rad=phases)
