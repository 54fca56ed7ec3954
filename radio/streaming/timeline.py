"""Bursts on the way to a transmitter that streams without end: silence but for what was queued."""

import threading

import numpy as np

from radio.samples import EventKind, RadioEvent, Samples


class BurstTimeline:
    """`add` bursts from one thread, `take` consecutive blocks in another. Overlapping bursts add up.

    Tick 0 is the first sample taken. A burst that begins before what was taken is dropped: a LATE event.
    """

    def __init__(self, channels: int = 1) -> None:
        self._channels = channels
        self._bursts: list[Samples] = []
        self._tick = 0
        self._promised = 0
        self._lock = threading.Lock()

    @property
    def tick(self) -> int:
        """First tick that has not been taken."""
        return self._tick

    @property
    def known_until(self) -> int:
        """Tick up to which the caller has said what to send, by bursts or by promises of silence."""
        with self._lock:
            return max([self._promised, *(burst.end_tick for burst in self._bursts)])

    def promise(self, tick: int) -> None:
        """Nothing more will be added before this tick."""
        with self._lock:
            self._promised = max(self._promised, tick)

    def add(self, burst: Samples) -> list[RadioEvent]:
        """Queue a burst; returns the LATE event when its time has passed."""
        with self._lock:
            if burst.start_tick < self._tick:
                return [RadioEvent(EventKind.LATE, burst.start_tick)]
            self._bursts.append(burst)
            self._promised = max(self._promised, burst.start_tick)
        return []

    def clear(self) -> None:
        """Forget every queued burst."""
        with self._lock:
            self._bursts.clear()

    def take(self, n_samples: int) -> np.ndarray:
        """The next complex64 [channels, n_samples] of the stream."""
        block = np.zeros((self._channels, n_samples), np.complex64)
        with self._lock:
            begin, end = self._tick, self._tick + n_samples
            for burst in self._bursts:
                low, high = max(begin, burst.start_tick), min(end, burst.end_tick)
                if low < high:
                    block[:, low - begin : high - begin] += burst.data[
                        :, low - burst.start_tick : high - burst.start_tick
                    ]
            self._bursts = [burst for burst in self._bursts if burst.end_tick > end]
            self._tick = end
        return block
