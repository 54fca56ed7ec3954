"""The learning rate over a run: a linear rise, a constant part if there is one, then half a cosine down to zero."""

from __future__ import annotations

import math


def learning_rate_at(progress: float, peak: float, warmup_share: float, constant_share: float = 0.0) -> float:
    """Rate at ``progress`` in [0, 1] of the run (by steps or by time); ``warmup_share`` of it is the rise, and
    ``constant_share`` of the rest stays at the peak.
    """
    progress = min(max(progress, 0.0), 1.0)
    if progress < warmup_share:
        return peak * max(progress / warmup_share, 0.02)
    done = (progress - warmup_share) / (1 - warmup_share)
    if done <= constant_share:
        return peak
    return peak * 0.5 * (1 + math.cos(math.pi * (done - constant_share) / (1 - constant_share)))
