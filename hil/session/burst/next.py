"""What the next burst carries, from the reports on earlier ones: the coordinator's choice."""

from collections.abc import Collection
from typing import Any

from hil.bus.messages import CsiReport
from hil.config import RunConfig
from hil.session.bits_length import BitsLength
from hil.session.burst.plan import Burst
from hil.session.burst.training import TrainingLength


class NextBurst:
    """`take` every report, then `granted` for the next slot."""

    def __init__(self, config: RunConfig) -> None:
        self._bits = BitsLength(config.waveform)
        self._training = TrainingLength(config)

    def take(self, report: CsiReport, lost_users: Collection[int]) -> None:
        """One slot's report."""
        self._bits.take(report)
        self._training.take(report, lost_users)

    def granted(self, burst: Burst | None, repeats: bool) -> dict[str, Any]:
        """Its part of `Grant`; None: a probe. repeats: transmitters that are found by all of their training."""
        if burst is None:
            return {"frame": None}
        return {
            "frame": burst.frame,
            "pictures": burst.pictures,
            "bits_symbols": self._bits.choice(),
            "short": not repeats and self._training.short(),
        }
