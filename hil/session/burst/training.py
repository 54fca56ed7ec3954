"""How much training the next burst has: the coordinator's choice, and what every node makes of it.

Once all users have been found a few times with SNRs that leave room for it, bursts have short training (see
`WaveformConfig.shortened`). As soon as one is not found, bursts have all of it again.
"""

import math
from collections import defaultdict, deque
from collections.abc import Collection

import numpy as np

from hil.bus.messages import CsiReport, Grant
from hil.bus.plausible import plausible_db
from hil.config import RunConfig
from radio.waveform.config import WaveformConfig

REMEMBERED = 16  # reports
LEAST_REPORTS = 4  # in a row in which everybody was found
DEVIATIONS = 3.0  # below the mean of the dB, as for protected bits
MARGIN_DB = 3.0  # beyond the energy that the shorter preamble lacks
FOUND_DB = -3.0  # SNR of a user, antennas combined, that all of the preamble finds 999 times in a thousand


def needed_snr_db(waveform: WaveformConfig) -> float:
    """What the weakest user must have, in dB: as much energy in the short preamble as it takes in the long one."""
    short = waveform.shortened()
    return FOUND_DB + MARGIN_DB + 10 * math.log10(waveform.preamble_repeats / short.preamble_repeats)


class TrainingLength:
    """`take` every report, then `short` for the next burst."""

    def __init__(self, config: RunConfig) -> None:
        self._users, self._asked = config.users, config.burst.short_training
        self._needed_db = needed_snr_db(config.waveform)
        self._antennas_db = 10 * math.log10(config.rx_antennas)
        self._snrs_db: dict[int, deque[float]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._in_a_row = 0

    def take(self, report: CsiReport, lost_users: Collection[int] = ()) -> None:
        """One slot's report."""
        found = {user.user: user.snr_db for user in report.users if plausible_db(user.snr_db)}
        self._in_a_row = self._in_a_row + 1 if set(range(self._users)) - set(lost_users) <= set(found) else 0
        for user, snr_db in found.items():
            self._snrs_db[user].append(snr_db + self._antennas_db)
        for user in lost_users:
            self._snrs_db.pop(user, None)

    def short(self) -> bool:
        """Whether the next burst may have short training."""
        if not self._asked or self._in_a_row < LEAST_REPORTS:
            return False
        known = [list(snrs_db) for snrs_db in self._snrs_db.values()]
        return all(float(np.mean(one) - DEVIATIONS * np.std(one, ddof=1)) >= self._needed_db for one in known)


def waveform_of(waveform: WaveformConfig, grant: Grant) -> WaveformConfig:
    """That of a granted burst."""
    return waveform.shortened() if grant.short else waveform
