"""A transmitter that nobody leads any more falls silent: watches when its coordinator was last heard."""

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)
_POLL_S = 0.1


class SilenceWatchdog(threading.Thread):
    """Calls `silence` once when `last_heard_s` (monotonic seconds) is older than limit_s; `tripped` until it is not."""

    def __init__(self, last_heard_s: Callable[[], float], limit_s: float, silence: Callable[[], None]) -> None:
        super().__init__(name="transmit-watchdog", daemon=True)
        self._last_heard_s, self._limit_s, self._silence = last_heard_s, limit_s, silence
        self._stopped = threading.Event()
        self.tripped = False

    def run(self) -> None:
        while not self._stopped.wait(_POLL_S):
            silent_s = time.monotonic() - self._last_heard_s()
            if silent_s <= self._limit_s:
                self.tripped = False
            elif not self.tripped:
                self.tripped = True  # first: nothing may be sent behind the silence
                log.warning("the coordinator has been silent for %.1f s: the transmitter is off", silent_s)
                try:
                    self._silence()
                except Exception:  # a device that has gone transmits nothing either
                    log.exception("the transmitter could not be switched off")

    def stop(self) -> None:
        self._stopped.set()
        if self.is_alive():
            self.join(2.0)
