"""A recording as a radio, `file:capture.sigmf-meta` or `file:capture.h5`: it receives what was recorded and transmits
nothing.
"""

from typing import Literal

import numpy as np

from radio.device import Capabilities, RadioSettings
from radio.errors import ConfigurationError, DeviceError
from radio.recording import Hdf5Reader, SigmfReader, open_recording
from radio.samples import EventKind, RadioEvent, Samples, without_unusable

_MAX_RECEIVE_SAMPLES = 1 << 27


def open_device(address: str, role: Literal["tx", "rx"], index: int) -> "FileRadio":
    """Open a recording. DeviceError for transmitting, ConfigurationError for what cannot be read."""
    if role == "tx":
        raise DeviceError(f"file:{address} is a recording: it can be received, not transmitted to.")
    return FileRadio(address)


class FileRadio:
    """`radio.device.Radio` over a recording; ticks are those of the recorder (core:global_index)."""

    def __init__(self, path: str) -> None:
        self.uri = f"file:{path}"
        self._reader: SigmfReader | Hdf5Reader | None = open_recording(path)
        self._captures = self._reader.captures
        if not self._captures:
            raise ConfigurationError(f"{self._reader.data_path} holds no samples.")
        rate_hz = self._reader.sample_rate_hz
        centers = [capture.center_frequency_hz or 0.0 for capture in self._captures]
        self._settings = RadioSettings(rate_hz, centers[0])
        self._events: list[RadioEvent] = []
        self._now = self._captures[0].start_tick
        self.end_tick = max(capture.end_tick for capture in self._captures)
        self.capabilities = Capabilities(
            sample_rate_hz=(rate_hz, rate_hz),
            center_frequency_hz=(min(centers), max(centers)),
            tx_gain_db=(0.0, 0.0),
            rx_gain_db=(0.0, 0.0),
            rx_channels=self._reader.channels,
            timed_transmit=False,
            shared_clock=False,
        )

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """The recording's own rate is demanded; its carrier and gain are read back as they were recorded."""
        if abs(settings.sample_rate_hz - self._settings.sample_rate_hz) > 0.5:
            raise ConfigurationError(
                f"{self.uri} was recorded at {self._settings.sample_rate_hz:.10g} samples/s, "
                f"not {settings.sample_rate_hz:.10g}."
            )
        return self._settings

    def now_tick(self) -> int:
        """First tick that has not been received yet."""
        return self._now

    def transmit(self, burst: Samples) -> None:
        raise DeviceError(f"{self.uri} is a recording: it does not transmit.")

    def idle_until(self, tick: int) -> None:
        """Nothing to do: a recording does not transmit."""

    def receive(self, start_tick: int, n_samples: int, timeout_s: float = 10.0) -> Samples:
        """What was recorded from start_tick on: complex64 [channels, n_samples].

        Samples between recorded windows are zeros, counted in an OVERFLOW event. DeviceError behind the end.
        """
        reader = self._reader
        if reader is None:
            raise DeviceError(f"{self.uri} is closed.")
        if not 0 < n_samples <= _MAX_RECEIVE_SAMPLES:
            raise ConfigurationError(f"{n_samples} samples cannot be received; 1 to {_MAX_RECEIVE_SAMPLES} can.")
        if start_tick >= self.end_tick:
            raise DeviceError(f"{self.uri} ends at tick {self.end_tick}; tick {start_tick} was asked for.")
        data = np.zeros((reader.channels, n_samples), np.complex64)
        there = np.zeros(n_samples, bool)
        for capture in self._captures:
            begin, end = max(capture.start_tick, start_tick), min(capture.end_tick, start_tick + n_samples)
            if begin < end:
                stored = reader.samples(capture.first + begin - capture.start_tick, end - begin, begin)
                window, unusable = without_unusable(stored)
                if unusable:
                    self._events.append(RadioEvent(EventKind.UNUSABLE, begin, unusable))
                data[:, begin - start_tick : end - start_tick] = window.data
                there[begin - start_tick : end - start_tick] = True
        missing = n_samples - int(np.count_nonzero(there))
        if missing:
            self._events.append(RadioEvent(EventKind.OVERFLOW, start_tick + int(np.argmin(there)), missing))
        self._now = start_tick + n_samples
        return Samples(data, start_tick, reader.sample_rate_hz)

    def events(self) -> list[RadioEvent]:
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        self._reader = None
