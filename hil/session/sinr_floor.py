"""What a user's SINR is not expected to fall below, from the reports so far: a report is of the last slot, not of the
next.

A picture whose symbols are shared out unequally is lost with its map (models/rate), so an encoder that knows of a
fading channel only how it was shares them out equally.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np

from hil.bus.messages import CsiReport
from models.side_information import SideInformation

REMEMBERED = 16  # reports
LEAST_REPORTS = 4  # before, nothing is expected
DEVIATIONS = 3.0  # below the mean of the dB: what a Rayleigh channel falls short of twice in a hundred times


class SinrFloor:
    """`informed` for every slot."""

    def __init__(self) -> None:
        self._slot: int | None = None
        self._sinrs_db: deque[np.ndarray] = deque(maxlen=REMEMBERED)

    def informed(self, side: SideInformation, report: CsiReport | None) -> SideInformation:
        """``side``, told of ``report``, with every user's floor in dB; without one where too little is known."""
        if side.sinr_db is None or report is None:
            return side
        if report.slot != self._slot:
            self._slot = report.slot
            self._sinrs_db.append(np.asarray(side.sinr_db, np.float64))
        seen = [one for one in self._sinrs_db if one.shape == side.sinr_db.shape]
        if len(seen) < LEAST_REPORTS:
            return side.without_floor()
        rows = np.array(seen)
        floor = np.minimum(rows.mean(axis=0) - DEVIATIONS * rows.std(axis=0, ddof=1), side.sinr_db)
        return replace(side, sinr_floor_db=floor.astype(np.float32))
