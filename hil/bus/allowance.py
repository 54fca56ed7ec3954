"""How much somebody may ask for in a time: a token bucket."""

from collections.abc import Callable


class Allowance:
    """`burst` at once, `rate_hz` a second in the long run. clock: monotonic seconds."""

    def __init__(self, rate_hz: float, burst: int, clock: Callable[[], float]) -> None:
        self._rate_hz, self._burst, self._clock = rate_hz, burst, clock
        self._left, self._at_s = float(burst), clock()

    def take(self) -> bool:
        """Whether one more is allowed now; it counts if it is."""
        now_s = self._clock()
        self._left = min(self._burst, self._left + self._rate_hz * max(0.0, now_s - self._at_s))
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
