"""How far a node's monotonic clock is from the coordinator's: heartbeats that are answered, as in RFC 5905, figure 2.

With t1 sent and t4 received by the node's clock, t2 received and t3 sent by the coordinator's, and delays that are not
negative, the offset lies between t3 - t4 and t2 - t1: their mean is off by at most half of the time under way.
"""

import math
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

DRIFT = 100e-6  # seconds a second by which two clocks may run apart: twice a computer's worst quartz
BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Offset:
    """offset_s: added to this clock it gives the coordinator's, to within uncertainty_s (a bound, not a deviation)."""

    offset_s: float
    uncertainty_s: float


class CoordinatorClock:
    """One thread notes, any may read."""

    def __init__(self) -> None:
        self._best: tuple[Offset, float] | None = None  # and when it was measured

    def note(self, sent_s: float, coordinator_s: float, held_s: float, now_s: float) -> None:
        """An answered heartbeat: t1, t3, t3 - t2 and t4. What cannot be, or is worse than known, is left out."""
        under_way_s = now_s - sent_s - held_s
        if not all(map(math.isfinite, (sent_s, coordinator_s, held_s))) or held_s < 0 or under_way_s < 0:
            return
        offset_s = (coordinator_s - held_s - sent_s + coordinator_s - now_s) / 2
        known = self.offset(now_s)
        if known is None or under_way_s / 2 <= known.uncertainty_s:
            self._best = Offset(offset_s, under_way_s / 2), now_s

    def offset(self, now_s: float | None = None) -> Offset | None:
        """The best that is known; its uncertainty grows by DRIFT. None before the first answer."""
        best = self._best
        if best is None:
            return None
        age_s = (time.monotonic() if now_s is None else now_s) - best[1]
        return Offset(best[0].offset_s, best[0].uncertainty_s + DRIFT * max(0.0, age_s))


def machine() -> str:
    """The same for all processes that share a monotonic clock: those since one boot; else only for this one."""
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return str(uuid.getnode()) + str(time.monotonic_ns())
