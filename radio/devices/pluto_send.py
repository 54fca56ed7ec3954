"""The thread that feeds a Pluto a repeated period without a break, so that its phase outlasts its content."""

import threading
from typing import Any

import numpy as np

from radio.devices.pluto_link import PlutoLink
from radio.devices.pluto_samples import to_dac
from radio.errors import RadioError
from radio.streaming.period import RepeatedPeriod


class PlutoSender(threading.Thread):
    """Pushes buffers until stopped. failure: why it ended before, else None."""

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

    def run(self) -> None:
        try:
            while not self._stopped.is_set():
                words, _ = to_dac(self._period.take(self._n))
                self._buffer.write(bytearray(words.tobytes()))
                self._buffer.push()
        except (OSError, RadioError) as error:
            if not self._stopped.is_set():
                self.failure = str(error)
        finally:
            self._buffer = None  # before its context

    def stop(self) -> None:
        self._stopped.set()
        buffer = self._buffer
        if buffer is not None and self.is_alive():
            buffer.cancel()
        del buffer
        if self.is_alive():
            self.join(5.0)
        self._buffer = None
