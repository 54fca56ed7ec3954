"""Ettus USRP on UHD's Python API: `usrp:addr=192.168.10.2,type=x300?clock=external&time=external&channels=2`.

Options: clock and time (internal, external, gpsdo), channels, antenna, lo_offset in Hz, dc and iq (receiver: 1 or 0
for the automatic corrections; transmitter: a complex number). Ticks are the device's own time; with a PPS it is the
wall clock's, so that radios on one PPS share it.
"""

import time
from typing import Literal

from radio.device import Capabilities, RadioSettings
from radio.devices.address import split_options
from radio.devices.usrp_link import UsrpLink, missing
from radio.devices.usrp_receive import UsrpReceiver
from radio.devices.usrp_transmit import UsrpTransmitter
from radio.errors import ConfigurationError, DeviceError
from radio.samples import EventKind, RadioEvent, Samples

__all__ = ["UsrpRadio", "missing", "open_device"]
_SOURCES = ("internal", "external", "gpsdo")
_LOCK_EVERY_S = 1.0


def open_device(address: str, role: Literal["tx", "rx"], index: int) -> "UsrpRadio":
    """Connect. DeviceError when nothing answers or UHD is missing, ConfigurationError for a bad option."""
    return UsrpRadio(address, role)


class UsrpRadio:
    """`radio.device.Radio` on one USRP (or several as one), for one direction."""

    def __init__(self, address: str, role: Literal["tx", "rx"]) -> None:
        self.uri, self._role = f"usrp:{address}", role
        corrections = ("0", "1") if role == "rx" else None
        allowed = {"clock": _SOURCES, "time": _SOURCES, "channels": ("1", "2", "3", "4"), "antenna": None,
                   "lo_offset": None, "dc": corrections, "iq": corrections}  # fmt: skip
        arguments, options = split_options(self.uri, address, allowed)
        for name, kind in (("lo_offset", float), *((("dc", complex), ("iq", complex)) if role == "tx" else ())):
            try:
                kind(options.get(name, "0"))
            except ValueError:
                raise ConfigurationError(f"{self.uri}: {name} is {options[name]!r} and must be a number.") from None
        self._applied: RadioSettings | None = None
        self._events: list[RadioEvent] = []
        self._receiver: UsrpReceiver | None = None
        self._transmitter: UsrpTransmitter | None = None
        self._closed, self._looked_s = False, 0.0
        self._link = UsrpLink(self.uri, arguments, role, options)
        gains = self._link.gain_limits_db
        self.capabilities = Capabilities(
            sample_rate_hz=self._link.rate_limits_hz,
            center_frequency_hz=self._link.carrier_limits_hz,
            tx_gain_db=gains if role == "tx" else (0.0, 0.0),
            rx_gain_db=gains if role == "rx" else (0.0, 0.0),
            rx_channels=len(self._link.channels),
            timed_transmit=True,
            shared_clock=self._link.synchronised,
        )

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Set and read back. A receiver then streams until it is closed or configured anew."""
        self._check_open()
        self._stop_streaming()
        self._applied = self._link.apply(settings)
        if self._role == "rx":
            self._receiver = UsrpReceiver(self._link, self._applied.sample_rate_hz)
            self._receiver.start()
        else:
            self._transmitter = UsrpTransmitter(self._link, self._applied.sample_rate_hz)
        return self._applied

    def now_tick(self) -> int:
        """The device's time, in ticks of the configured rate; 0 before it is configured."""
        self._check_open()
        return self._link.now_tick(self._applied.sample_rate_hz) if self._applied else 0

    def transmit(self, burst: Samples) -> None:
        """Send at burst.start_tick; returns when the device has it. Late bursts are events."""
        self._check_open()
        if self._transmitter is None:
            raise DeviceError(f"{self.uri} must be opened for transmitting and configured before it transmits.")
        if burst.data.shape[0] != len(self._link.channels):
            raise ConfigurationError(
                f"{self.uri} has {len(self._link.channels)} channels; a burst of {burst.data.shape[0]} does not fit."
            )
        self._events += self._transmitter.send(burst)

    def idle_until(self, tick: int) -> None:
        """Nothing to do: the device is silent between bursts."""

    def receive(self, start_tick: int, n_samples: int, timeout_s: float = 10.0) -> Samples:
        """complex64 [channels, n_samples] from the device's time start_tick on."""
        self._check_open()
        if self._receiver is None or self._applied is None:
            raise DeviceError(f"{self.uri} must be opened for receiving and configured before it receives.")
        data, tick, events = self._receiver.ring.read(start_tick, n_samples, timeout_s)
        self._events += events
        return Samples(data, tick, self._applied.sample_rate_hz)

    def events(self) -> list[RadioEvent]:
        if self._receiver is not None:
            self._events += self._receiver.take_events()
        if self._transmitter is not None:
            self._events += self._transmitter.take_events()
        if self._applied is not None and not self._closed and time.monotonic() - self._looked_s > _LOCK_EVERY_S:
            self._looked_s = time.monotonic()
            if not self._link.locked():
                self._events.append(RadioEvent(EventKind.LOST_LOCK, self.now_tick()))
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._stop_streaming()
            del self._link

    def _stop_streaming(self) -> None:
        if self._receiver is not None:
            self._receiver.stop()
            self._events += self._receiver.take_events()
        self._receiver = self._transmitter = None

    def _check_open(self) -> None:
        if self._closed:
            raise DeviceError(f"{self.uri} is closed.")
