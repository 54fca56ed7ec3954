"""What makes a Pluto repeat a period: a thread that feeds it without a break, or the device's own cyclic buffer."""

import threading
from typing import Any

import numpy as np

from radio.devices.pluto_link import PlutoLink
from radio.devices.pluto_samples import to_dac
from radio.errors import DeviceError
from radio.streaming.period import RepeatedPeriod

_STALLED_S = 1.0  # after this a push that does not return is cancelled


class PlutoSender(threading.Thread):
    """Pushes buffers until stopped: the phase outlasts the content. failure: why it ended before, else None."""

    def __init__(self, link: PlutoLink, buffer_samples: int) -> None:
        super().__init__(name=f"send-{link.uri}", daemon=True)
        self._n = buffer_samples
        self._period = RepeatedPeriod(link.channels)
        self._stopped = threading.Event()
        self._buffer: Any = link.open_buffer(buffer_samples)
        self.failure: str | None = None

    @property
    def tick(self) -> int:
        """Samples handed to the device so far."""
        return self._period.tick

    def repeat(self, data: np.ndarray, start_tick: int) -> None:
        """complex64 [channels, n] from now on, data[:, 0] at every tick start_tick + k n."""
        self._period.repeat(data, start_tick)

    def begin(self) -> None:
        """Start to push, once there is something to send and the gain is set."""
        if not self.is_alive():
            self.start()

    def run(self) -> None:
        try:
            while not self._stopped.is_set():
                words, _ = to_dac(self._period.take(self._n))
                self._buffer.write(bytearray(words.tobytes()))
                self._buffer.push()
        except OSError as error:
            if not self._stopped.is_set():
                self.failure = error.strerror or str(error)
        finally:
            self._buffer = None  # before its context

    def stop(self) -> None:
        """End the thread and release the buffer: the device stops transmitting."""
        self._stopped.set()
        end_thread(self, self._buffer)
        self._buffer = None


class CyclicSender:
    """The device repeats the buffer, starting at an unknown time: the phase of each new content is arbitrary."""

    failure: str | None = None

    def __init__(self, link: PlutoLink) -> None:
        self._link = link
        self._buffer: Any = None

    @property
    def tick(self) -> int:
        """The device tells no time."""
        return 0

    def repeat(self, data: np.ndarray, start_tick: int) -> None:
        """Put this content in place of the one before. DeviceError when the device does not take it."""
        self._buffer = None  # the device has one buffer: the old one must go first
        words, _ = to_dac(np.roll(data, start_tick % data.shape[1], axis=1))
        buffer = self._link.open_buffer(data.shape[1], cyclic=True)
        try:
            buffer.write(bytearray(words.tobytes()))
            buffer.push()
        except OSError as error:
            raise DeviceError(f"{self._link.uri} did not take a burst: {error.strerror or error}.") from None
        self._buffer = buffer

    def begin(self) -> None:
        """Nothing to do: the device repeats already."""

    def stop(self) -> None:
        """Let go of the buffer: the device falls silent."""
        self._buffer = None


def end_thread(thread: threading.Thread, buffer: Any) -> None:
    """Wait for a stopped thread; one that is stuck in its buffer is freed by cancelling that."""
    if not thread.is_alive():
        return
    thread.join(_STALLED_S)
    if thread.is_alive() and buffer is not None:
        buffer.cancel()
        thread.join(5.0)
