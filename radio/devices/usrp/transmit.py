"""Timed bursts through a UHD transmit streamer, and what the device reports about them."""

import numpy as np

from radio.devices.usrp.link import UsrpLink
from radio.errors import DeviceError
from radio.libraries import uhd_stream
from radio.libraries.uhd import UhdError
from radio.samples import EventKind, RadioEvent, Samples

_MARGIN_S = 1.0
_MAX_MESSAGES = 10_000
_KINDS = {
    uhd_stream.UNDERFLOW: EventKind.UNDERFLOW,
    uhd_stream.UNDERFLOW_IN_PACKET: EventKind.UNDERFLOW,
    uhd_stream.SEQUENCE: EventKind.SEQUENCE_ERROR,
    uhd_stream.SEQUENCE_IN_BURST: EventKind.SEQUENCE_ERROR,
    uhd_stream.TIME: EventKind.LATE,
}


class UsrpTransmitter:
    """Sends one burst at a time; `take_events` drains the device's asynchronous messages."""

    def __init__(self, link: UsrpLink, rate_hz: float) -> None:
        self._link, self._rate_hz = link, rate_hz
        self._stream = link.stream(rate_hz)

    def close(self) -> None:
        """Free the streamer."""
        self._stream.close()

    def send(self, burst: Samples) -> list[RadioEvent]:
        """Hand a burst over; a LATE event when its time has passed. DeviceError when the device takes no more."""
        ahead_ticks = burst.start_tick - self._link.now_tick(self._rate_hz)
        if ahead_ticks <= 0:
            return [RadioEvent(EventKind.LATE, burst.start_tick)]
        timeout_s = (ahead_ticks + burst.n_samples) / self._rate_hz + _MARGIN_S
        data = np.ascontiguousarray(burst.data, np.complex64)
        chunk = self._stream.packet_samples
        try:
            sent = 0
            try:
                while sent < burst.n_samples:
                    part = data[:, sent : sent + chunk]
                    taken = self._stream.send(part, timeout_s, burst.start_tick if sent == 0 else None)
                    if taken == 0:
                        raise DeviceError(
                            f"{self._link.uri} took {sent} of {burst.n_samples} samples of a burst in time."
                        )
                    sent += taken
            finally:
                self._stream.send(data[:, :0], _MARGIN_S, end=True)
        except UhdError as error:
            raise DeviceError(f"{self._link.uri} stopped transmitting: {' '.join(str(error).split())}.") from None
        return []

    def take_events(self) -> list[RadioEvent]:
        events: list[RadioEvent] = []
        for _ in range(_MAX_MESSAGES):
            message = self._stream.message()
            if message is None:
                break
            code, tick = message
            if code in _KINDS:
                events.append(RadioEvent(_KINDS[code], tick or 0))
        return events
