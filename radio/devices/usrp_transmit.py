"""Timed bursts through a UHD transmit streamer, and what the device reports about them."""

from typing import Any

import numpy as np

from radio.devices.usrp_link import UsrpLink
from radio.errors import DeviceError
from radio.samples import EventKind, RadioEvent, Samples

_MARGIN_S = 1.0
_MAX_MESSAGES = 10_000


class UsrpTransmitter:
    """Sends one burst at a time; `take_events` drains the device's asynchronous messages."""

    def __init__(self, link: UsrpLink, rate_hz: float) -> None:
        self._link, self._rate_hz = link, rate_hz
        self._streamer = link.stream()
        self._chunk = max(1, int(self._streamer.get_max_num_samps()))
        codes = link.uhd.types.TXMetadataEventCode
        self._kinds = {
            codes.underflow: EventKind.UNDERFLOW,
            codes.underflow_in_packet: EventKind.UNDERFLOW,
            codes.seq_error: EventKind.SEQUENCE_ERROR,
            codes.seq_error_in_packet: EventKind.SEQUENCE_ERROR,
            codes.time_error: EventKind.LATE,
        }

    def send(self, burst: Samples) -> list[RadioEvent]:
        """Hand a burst over; a LATE event when its time has passed. DeviceError when the device takes no more."""
        ahead_ticks = burst.start_tick - self._link.now_tick(self._rate_hz)
        if ahead_ticks <= 0:
            return [RadioEvent(EventKind.LATE, burst.start_tick)]
        timeout_s = (ahead_ticks + burst.n_samples) / self._rate_hz + _MARGIN_S
        data = np.ascontiguousarray(burst.data, np.complex64)
        metadata = self._link.uhd.types.TXMetadata()
        metadata.start_of_burst = metadata.has_time_spec = True
        metadata.end_of_burst = False
        metadata.time_spec = self._link.time_spec(burst.start_tick, self._rate_hz)
        try:
            sent = 0
            while sent < burst.n_samples:
                part = np.ascontiguousarray(data[:, sent : sent + self._chunk])
                taken = int(self._streamer.send(part, metadata, timeout_s))
                if taken == 0:
                    raise DeviceError(f"{self._link.uri} took {sent} of {burst.n_samples} samples of a burst in time.")
                sent += taken
                metadata.start_of_burst = metadata.has_time_spec = False
        finally:
            self._end(metadata, data.shape[0])
        return []

    def _end(self, metadata: Any, channels: int) -> None:
        metadata.start_of_burst = metadata.has_time_spec = False
        metadata.end_of_burst = True
        self._streamer.send(np.zeros((channels, 0), np.complex64), metadata, _MARGIN_S)

    def take_events(self) -> list[RadioEvent]:
        events: list[RadioEvent] = []
        metadata = self._link.uhd.types.TXAsyncMetadata()
        for _ in range(_MAX_MESSAGES):
            if not self._streamer.recv_async_msg(metadata, 0.0):
                break
            kind = self._kinds.get(metadata.event_code)
            if kind is not None:
                known = metadata.has_time_spec
                events.append(RadioEvent(kind, int(metadata.time_spec.to_ticks(self._rate_hz)) if known else 0))
        return events
