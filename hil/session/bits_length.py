"""How many OFDM symbols the next burst's protected bits get: the coordinator's choice from the reported SNRs."""

import math
from collections import defaultdict, deque

import numpy as np

from hil.bus.messages import CsiReport
from hil.bus.plausible import plausible_db
from radio.waveform.burst.bits import LEAST_SNR_DB, symbols_for
from radio.waveform.config import WaveformConfig

REMEMBERED = 16  # reports
LEAST_REPORTS = 4  # that a choice needs; before, bits get as many symbols as they ever do
DEVIATIONS = 3.0  # below the mean of the dB: what a Rayleigh channel falls short of twice in a hundred times


def longest_bits(waveform: WaveformConfig) -> int:
    """The most OFDM symbols that protected bits get."""
    return symbols_for(waveform, LEAST_SNR_DB)


class BitsLength:
    """`take` every report, then `choice` for the next slot; the weakest user decides."""

    def __init__(self, waveform: WaveformConfig) -> None:
        self._waveform = waveform
        self._snrs_db: dict[int, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        # In its block of subcarriers a user is as loud as all users together, and its antennas add up.
        self._gain_db = 10 * math.log10(waveform.users * waveform.rx_antennas)

    def take(self, report: CsiReport) -> None:
        """One slot's report."""
        for user in report.users:
            if plausible_db(user.snr_db):
                self._snrs_db[user.user].append(user.snr_db + self._gain_db)

    def choice(self) -> int:
        """OFDM symbols; 0 where the configuration has no protected bits."""
        known = [list(snrs_db) for snrs_db in self._snrs_db.values()]
        if not known or min(len(snrs_db) for snrs_db in known) < LEAST_REPORTS:
            return longest_bits(self._waveform)
        expected_db = min(float(np.mean(one) - DEVIATIONS * np.std(one, ddof=1)) for one in known)
        return symbols_for(self._waveform, expected_db)
