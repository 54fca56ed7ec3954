"""The coordinator's choice between pictures and generated ones, from the SNRs that the receiver reports.

Below a threshold only words and a coarse code are sent. The mean of the last reports decides, and a band above the
threshold in which nothing changes, so that an SNR near it does not have both in turn.
"""

from collections import deque
from collections.abc import Collection

import msgspec
import numpy as np

from hil.bus.messages import CsiReport, SharedBy
from hil.bus.plausible import plausible_db
from hil.config import RunConfig
from hil.semantic_config import PICTURES
from hil.session.sharing_control import SharingControl

REMEMBERED = 4  # reports


class SemanticControl:
    """`take` every report, then `choice` for the next slot. sharing: chooses how users share it, either way."""

    def __init__(self, config: RunConfig, sharing: SharingControl) -> None:
        self._config, self._semantic, self._sharing = config, config.semantic, sharing
        self._snrs_db: deque[float] = deque(maxlen=REMEMBERED)
        self._generated = False

    def take(self, report: CsiReport, lost_users: Collection[int] = ()) -> None:
        """One slot's report; one that found nobody says nothing."""
        self._sharing.take(report, lost_users)
        if plausible_db(report.snr_db):
            self._snrs_db.append(report.snr_db)

    def choice(self) -> SharedBy | None:
        """How users share the next slot, with the reason where its pictures are to be generated."""
        sharing, reason = self._sharing.choice(), self._reason()
        if not reason:
            return sharing
        sharing = sharing or SharedBy(self._config.codec_sharing.form, "as configured")
        return msgspec.structs.replace(sharing, generated=reason)

    def _reason(self) -> str:
        """Why pictures are generated; "" where they are sent as they are."""
        mode, below_db = self._semantic.mode, self._semantic.below_db
        if mode == "semantic":
            return "as configured"
        if mode == PICTURES or not self._snrs_db:
            return ""
        mean_db = float(np.mean(self._snrs_db))
        limit_db = below_db + self._semantic.hysteresis_db * self._generated
        self._generated = mean_db < limit_db
        return f"the measured SNR, {mean_db:.1f} dB, is below {limit_db:g} dB" if self._generated else ""
