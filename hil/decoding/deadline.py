"""A frame's deadline: how many refinement passes still fit before it, and whether it was kept.

A frame's time runs from its last sample at the receiver to each user's picture; frames that wait for those before them
lose time, except on a simulated air without a clock (`air.pace` null), where only reception and decoding count. What is
left after decoding is shared by the users still to come; a pass is taken when its measured cost, with a margin, fits
into a user's share.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

MARGIN = 1.25  # of the measured cost: the next pass may be slower than the last ones
_MEMORY = 0.7  # weight of what was measured before

_FADING = 0.9  # of a cost that kept everything from being done: one slow pass must not end refinement for good


@dataclass
class Cost:
    """Seconds per pixel of one kind of work, as measured so far; 0 before the first measurement."""

    s_per_pixel: float = 0.0

    def note(self, pixels: int, times: int, seconds: float) -> None:
        """So much work took so long."""
        measured = seconds / (pixels * times)
        self.s_per_pixel = measured if not self.s_per_pixel else max(
            measured, _MEMORY * self.s_per_pixel + (1 - _MEMORY) * measured
        )  # fmt: skip

    def seconds(self, pixels: int) -> float:
        """What the work will take on a picture of so many pixels."""
        return self.s_per_pixel * pixels


@dataclass
class Deadline:
    """limit_ms: from a frame's last sample to its pictures; clock: monotonic seconds."""

    limit_ms: float
    clock: Callable[[], float] = time.perf_counter
    decoding: Cost = field(default_factory=Cost)
    refining: Cost = field(default_factory=Cost)

    def passes(self, ready_s: float, wanted: int, pixels: int, users_after: int) -> int:
        """How many of the wanted refinement passes fit, of a frame that was received at ready_s (by the clock).

        users_after: users of the frame that are still to be decoded, each with a picture of as many pixels.
        """
        left_s = self.limit_ms / 1e3 - (self.clock() - ready_s) - users_after * self.decoding.seconds(pixels)
        cost_s = MARGIN * self.refining.seconds(pixels)
        if left_s <= 0:
            return 0
        share_s = left_s / (users_after + 1)
        fitting = wanted if cost_s == 0 else min(wanted, int(share_s / cost_s))
        if not fitting:
            self.refining.s_per_pixel *= _FADING
        return fitting

    def used_ms(self, ready_s: float) -> float:
        """Time since the frame was received."""
        return (self.clock() - ready_s) * 1e3
