"""What a transmitter makes of the receiver's measurements: its carrier loop and its encoder's side information."""

from dataclasses import dataclass, field

import numpy as np

from hil.messages import CsiReport, UserCsi
from models.side_information import SideInformation

_IMPLAUSIBLE = 1e6  # of a relative gain or a phase in radians
MIN_WEIGHT = 0.25  # of a new measurement: averages noise out, yet follows a drifting crystal


@dataclass
class CarrierLoop:
    """Estimates the carrier offset of transmitter against receiver and takes it away before transmitting.

    The receiver sees what is left after the correction that was in force; the loop adds that correction back,
    so that each measurement is one of the crystals and not of the loop, and averages these recursively.
    correction_hz: subtracted from the carrier at present.
    """

    correction_hz: float = 0.0
    measurements: int = 0
    _in_force_hz: dict[int, float] = field(default_factory=dict)  # slot -> correction

    def update(self, csi: CsiReport, user: int) -> None:
        """Take in a report once; reports of slots in which this user did not transmit are ignored."""
        measured = next((entry for entry in csi.users if entry.user == user), None)
        in_force = self._in_force_hz.pop(csi.slot, None)
        if measured is None or in_force is None or not np.isfinite(measured.cfo_hz):
            return
        offset_hz = measured.cfo_hz + in_force
        self.measurements += 1
        weight = max(1 / self.measurements, MIN_WEIGHT)
        self.correction_hz += weight * (offset_hz - self.correction_hz)

    def apply(self, burst: np.ndarray, sample_rate_hz: float, slot: int) -> np.ndarray:
        """Rotate complex64 [n] by -correction_hz and remember the correction as the one in force in `slot`."""
        self._in_force_hz[slot] = self.correction_hz
        for old in [s for s in self._in_force_hz if s < slot - 16]:
            del self._in_force_hz[old]
        if self.correction_hz == 0.0:
            return burst
        turns = np.arange(burst.size) * (-self.correction_hz / sample_rate_hz)
        return burst * np.exp(2j * np.pi * turns).astype(np.complex64)


def side_information(csi: CsiReport | None, users: int) -> SideInformation:
    """Side information of the last report, or the default when there is none yet.

    Codecs are trained with gains of unit mean square over the users on the air and noise of power
    10^(-snr_db/10) against users / N of received power. The receiver knows only ratios, so gains are scaled to
    that mean square, and the measured total SNR by N / (users seen). A user who was not seen has gain 0.
    """
    seen = [entry for entry in csi.users if entry.user < users and _plausible(entry)] if csi else []
    if csi is None or csi.snr_db is None or not np.isfinite(csi.snr_db) or not seen:
        return SideInformation.default(users)
    gains = np.zeros(users, np.float32)
    phases = np.zeros(users, np.float32)
    for entry in seen:
        gains[entry.user], phases[entry.user] = entry.gain, entry.phase_rad
    snr_db = csi.snr_db + 10 * np.log10(users / len(seen))
    return SideInformation(snr_db=float(snr_db), gains=gains, phases_rad=phases)


def _plausible(entry: UserCsi) -> bool:
    """False also for NaN: what a damaged report says must not reach an encoder."""
    return 0 <= entry.gain < _IMPLAUSIBLE and abs(entry.phase_rad) < _IMPLAUSIBLE
