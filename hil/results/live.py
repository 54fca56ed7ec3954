"""Pictures that came by themselves: how old they were when they were shown, and where the time went."""

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

# In the order in which a picture passes them.
STAGES = ("capture", "wait for slot", "encode", "air", "receive", "decode", "show")


class LiveFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """number: in the source; position_s: in the source's own time; dropped: pictures since the one sent before that
    nobody sees; repeated: shown before; shown_s: by the receiver's monotonic clock.

    stages_ms: of STAGES. The one that runs over two clocks ("air") and total_ms, from capture to display, are left out
    where the offset between them is not known, and else known to within clock_uncertainty_ms; 0 on one machine.
    """

    number: int
    position_s: float
    shown_s: float
    dropped: int = 0
    repeated: bool = False
    stages_ms: dict[str, float] = {}
    total_ms: float | None = None
    clock_uncertainty_ms: float | None = None


def live_summary(facts: Iterable[tuple[int, LiveFacts]]) -> dict[str, Any] | None:
    """The figures of (user, facts) in the order of recording; None where there are none.

    Percentiles run over the pictures that were shown for the first time.
    """
    known = list(facts)
    if not known:
        return None
    fresh = [one for _, one in known if not one.repeated]
    uncertain = [one.clock_uncertainty_ms for one in fresh if one.clock_uncertainty_ms is not None]
    return {
        "pictures": len(known),
        "dropped": sum(one.dropped for _, one in known),
        "repeated": len(known) - len(fresh),
        "per_user": [
            _of_user(user, [one for other, one in known if other == user]) for user in sorted({u for u, _ in known})
        ],
        "total_ms": percentiles(one.total_ms for one in fresh),
        "stages_ms": {stage: percentiles(one.stages_ms.get(stage) for one in fresh) for stage in STAGES},
        "clock_uncertainty_ms": max(uncertain, default=None),
    }


def percentiles(values: Iterable[float | None]) -> dict[str, float] | None:
    """p50, p99 and the largest of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    middle, late = np.percentile(known, [50, 99])
    return {"p50": float(middle), "p99": float(late), "largest": max(known)}


def _of_user(user: int, facts: list[LiveFacts]) -> dict[str, Any]:
    fresh = [one for one in facts if not one.repeated]
    span_s = fresh[-1].shown_s - fresh[0].shown_s if fresh else 0.0
    return {
        "user": user,
        "pictures": len(facts),
        "dropped": sum(one.dropped for one in facts),
        "repeated": len(facts) - len(fresh),
        "pictures_per_s": (len(fresh) - 1) / span_s if span_s > 0 else None,
        "total_ms": percentiles(one.total_ms for one in fresh),
    }
