"""The last samples of a receiver that never stops: one thread fills it, another reads by tick."""

import threading
import time

import numpy as np

from radio.errors import DeviceError
from radio.samples import EventKind, RadioEvent


class SampleRing:
    """Keeps `capacity` samples of every channel. Tick 0 is the first sample, unless `first_tick` says otherwise.

    The filling thread never waits for the reader, unless it asks to (`wait_for_room`).
    """

    def __init__(self, channels: int, capacity: int, first_tick: int = 0) -> None:
        self._data = np.zeros((channels, capacity), np.complex64)
        self._capacity = capacity
        self._first = self._end = self._wanted = first_tick
        self._failure: str | None = None
        self._changed = threading.Condition()

    @property
    def end_tick(self) -> int:
        """First tick that has not arrived yet."""
        return self._end

    @property
    def failure(self) -> str | None:
        """Why nothing more will arrive, or None."""
        return self._failure

    def append(self, data: np.ndarray) -> None:
        """Add complex64 [channels, n] at end_tick; the oldest samples make room."""
        n = data.shape[1]
        kept = data[:, -self._capacity :]
        with self._changed:
            place = (self._end + n - kept.shape[1]) % self._capacity
            head = min(kept.shape[1], self._capacity - place)
            self._data[:, place : place + head] = kept[:, :head]
            self._data[:, : kept.shape[1] - head] = kept[:, head:]
            self._end += n
            self._first = max(self._first, self._end - self._capacity)
            self._changed.notify_all()

    def skip(self, n_samples: int) -> None:
        """Samples that the device lost: they are zeros."""
        if n_samples > self._capacity:  # no memory is left of what was before
            with self._changed:
                self._end += n_samples - self._capacity
            n_samples = self._capacity
        self.append(np.zeros((self._data.shape[0], n_samples), np.complex64))

    def fail(self, sentence: str) -> None:
        """Nothing more will arrive: readers that wait for more raise DeviceError with this sentence."""
        with self._changed:
            self._failure = self._failure or sentence
            self._changed.notify_all()

    def wait_for_room(self, timeout_s: float) -> bool:
        """Wait until the reader has taken so much that nothing unread would be overwritten soon."""
        with self._changed:
            return self._changed.wait_for(lambda: self._end - self._wanted < self._capacity // 2, timeout_s)

    def read(self, start_tick: int, n_samples: int, timeout_s: float) -> tuple[np.ndarray, int, list[RadioEvent]]:
        """(complex64 [channels, n_samples], tick of its first sample, OVERFLOW events).

        Starts at the oldest sample kept where start_tick is older; what is overwritten during the read is zeros.
        DeviceError when the samples do not arrive within timeout_s.
        """
        events: list[RadioEvent] = []
        deadline = time.monotonic() + timeout_s
        with self._changed:
            self._wanted = max(self._wanted, start_tick)
            if start_tick < self._first:
                events.append(RadioEvent(EventKind.OVERFLOW, start_tick, self._first - start_tick))
                start_tick = self._first
            data = np.zeros((self._data.shape[0], n_samples), np.complex64)
            tick, end = start_tick, start_tick + n_samples
            while tick < end:
                if self._end <= tick:
                    self._wait(tick, deadline, timeout_s)
                if tick < self._first:
                    lost = min(self._first, end) - tick
                    events.append(RadioEvent(EventKind.OVERFLOW, tick, lost))
                    tick += lost
                place = tick % self._capacity
                chunk = max(0, min(end, self._end) - tick)
                chunk = min(chunk, self._capacity - place)
                data[:, tick - start_tick : tick - start_tick + chunk] = self._data[:, place : place + chunk]
                tick += chunk
                self._wanted = max(self._wanted, tick)
                self._changed.notify_all()
        return data, start_tick, events

    def _wait(self, tick: int, deadline: float, timeout_s: float) -> None:
        arrived = self._changed.wait_for(
            lambda: self._end > tick or self._failure is not None, max(0.0, deadline - time.monotonic())
        )
        if self._end > tick:
            return
        if self._failure is not None:
            raise DeviceError(self._failure)
        if not arrived:
            raise DeviceError(f"Tick {tick} did not arrive within {timeout_s:g} s; the stream is at tick {self._end}.")
