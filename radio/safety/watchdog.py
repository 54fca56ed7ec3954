"""Switches a transmitter off when its coordinator has not been heard for too long."""

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)
_POLL_S = 0.1


class SilenceWatchdog(threading.Thread):
    """Calls `silence` when `last_heard_s` (monotonic seconds) becomes older than limit_s, until it succeeds once."""

    def __init__(self, last_heard_s: Callable[[], float], limit_s: float, silence: Callable[[], None]) -> None:
        super().__init__(name="transmit-watchdog", daemon=True)
        self._last_heard_s, self._limit_s, self._silence = last_heard_s, limit_s, silence
        self._stopped = threading.Event()

    def too_long(self) -> bool:
        """Whether the coordinator has been silent for longer than is allowed, now."""
        return time.monotonic() - self._last_heard_s() > self._limit_s

    def run(self) -> None:
        is_off = has_said = False
        while not self._stopped.wait(_POLL_S):
            if not self.too_long():
                is_off = has_said = False
            elif not is_off:
                try:
                    self._silence()
                    is_off = True
                    log.warning("the coordinator has been silent for %g s: the transmitter is off", self._limit_s)
                except Exception:  # tried again: only a device that has gone transmits nothing
                    if not has_said:
                        log.exception("the transmitter could not be switched off")
                    has_said = True

    def stop(self) -> None:
        self._stopped.set()
        if self.is_alive():
            self.join(2.0)
