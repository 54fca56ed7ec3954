"""Who may hold the air's time back, and for how long. Pure bookkeeping: wall times come in as arguments.

Free-running air: a conservative discrete-event simulation (Chandy & Misra, IEEE Trans. Softw. Eng. 1979).
Every transmitter has a horizon before which it will not transmit any more; what lies before every horizon can
be rendered. A transmitter that says nothing for `stall_timeout_s` while somebody waits is not waited for
until it speaks again. Paced air: the wall clock alone decides.
"""

import logging
from dataclasses import dataclass
from typing import Protocol

log = logging.getLogger(__name__)


class Timeline(Protocol):
    """Ticks are those of the air's sample clock; wall times are monotonic seconds."""

    def now_tick(self, wall_s: float) -> int: ...

    def attach(self, user: int, wall_s: float) -> None: ...

    def detach(self, user: int, wall_s: float) -> None: ...

    def promise(self, user: int, tick: int, wall_s: float) -> None: ...

    def may_render(self, end_tick: int, asked_wall_s: float, wall_s: float) -> bool: ...

    def rendered(self, end_tick: int) -> None: ...

    def wait_s(self, end_tick: int, asked_wall_s: float, wall_s: float) -> float:
        """How long at most until may_render(end_tick) can change without a message."""
        ...


@dataclass
class _Horizon:
    tick: int | None = None  # None: has attached and promised nothing yet
    stalled: bool = False


class FreeRunTimeline:
    """Time goes as far as every transmitter has promised. expected_users: how many must attach first."""

    def __init__(self, expected_users: int | None, stall_timeout_s: float) -> None:
        self._expected_users = expected_users or 0
        self._stall_timeout_s = stall_timeout_s
        self._horizons: dict[int, _Horizon] = {}
        self._seen: set[int] = set()
        self._last_progress_s = 0.0
        self._rendered_tick = 0

    def now_tick(self, wall_s: float) -> int:
        return self._rendered_tick

    def attach(self, user: int, wall_s: float) -> None:
        self._horizons[user] = _Horizon()
        self._seen.add(user)
        self._last_progress_s = wall_s

    def detach(self, user: int, wall_s: float) -> None:
        self._horizons.pop(user, None)
        self._seen.add(user)  # somebody who was expected and is known to be gone need not be waited for
        self._last_progress_s = wall_s

    def promise(self, user: int, tick: int, wall_s: float) -> None:
        horizon = self._horizons.setdefault(user, _Horizon())
        horizon.stalled = False
        horizon.tick = tick if horizon.tick is None else max(horizon.tick, tick)
        self._last_progress_s = wall_s

    def may_render(self, end_tick: int, asked_wall_s: float, wall_s: float) -> bool:
        holding = self._holding_back(end_tick)
        missing = self._expected_users - len(self._seen)
        if not holding and missing <= 0:
            return True
        if wall_s - max(asked_wall_s, self._last_progress_s) < self._stall_timeout_s:
            return False
        for user in holding:
            self._horizons[user].stalled = True
        who = [f"transmitter {user}" for user in holding] + ([f"{missing} not yet attached"] if missing > 0 else [])
        log.warning("silence assumed up to tick %d: nothing heard from %s", end_tick, ", ".join(who))
        self._expected_users = 0
        return True

    def rendered(self, end_tick: int) -> None:
        self._rendered_tick = max(self._rendered_tick, end_tick)

    def wait_s(self, end_tick: int, asked_wall_s: float, wall_s: float) -> float:
        return max(0.0, max(asked_wall_s, self._last_progress_s) + self._stall_timeout_s - wall_s)

    def _holding_back(self, end_tick: int) -> list[int]:
        return [
            user
            for user, horizon in self._horizons.items()
            if not horizon.stalled and (horizon.tick is None or horizon.tick < end_tick)
        ]


class PacedTimeline:
    """Time follows the wall clock from the first look at it on, `pace` air seconds per second."""

    def __init__(self, sample_rate_hz: float, pace: float) -> None:
        self._ticks_per_s = sample_rate_hz * pace
        self._origin_s: float | None = None

    def now_tick(self, wall_s: float) -> int:
        if self._origin_s is None:
            self._origin_s = wall_s
        return int((wall_s - self._origin_s) * self._ticks_per_s)

    def attach(self, user: int, wall_s: float) -> None:
        pass

    def detach(self, user: int, wall_s: float) -> None:
        pass

    def promise(self, user: int, tick: int, wall_s: float) -> None:
        pass

    def may_render(self, end_tick: int, asked_wall_s: float, wall_s: float) -> bool:
        return self.now_tick(wall_s) >= end_tick

    def rendered(self, end_tick: int) -> None:
        pass

    def wait_s(self, end_tick: int, asked_wall_s: float, wall_s: float) -> float:
        return max(0.0, (end_tick - self.now_tick(wall_s)) / self._ticks_per_s)
