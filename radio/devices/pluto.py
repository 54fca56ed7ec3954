"""ADALM-PlutoSDR on pyadi-iio and libiio: `pluto:ip:192.168.2.1?repeat=stream&buffer=32768&quadrature=1`.

A Pluto knows no time: it receives from the moment it is configured on (tick 0), and what it transmits it repeats
for ever. A burst is one period of that repetition; its start_tick, modulo its length, is where in the period it
begins, so that a caller aligns users by rotating their periods. repeat=stream feeds the repetition from here, and
keeps its phase when the content changes; repeat=cyclic leaves it to the device's cyclic buffer, which bears any
rate but begins at an unknown phase with every burst. fir=FILE loads a filter made for the rate (ADI's .ftr format)
instead of the usual one.
"""

import time
from typing import Literal

import numpy as np

from radio.device import Capabilities, RadioSettings
from radio.devices.address import split_options, whole_number
from radio.devices.pluto_link import UNDERFLOW_BIT, PlutoLink, missing
from radio.devices.pluto_receive import PlutoReceiver
from radio.devices.pluto_samples import to_dac
from radio.devices.pluto_send import CyclicSender, PlutoSender
from radio.errors import ConfigurationError, DeviceError, RadioError
from radio.samples import EventKind, RadioEvent, Samples
from radio.streaming import SampleRing

__all__ = ["PlutoRadio", "missing", "open_device"]
_REOPEN_S, _RETRY_S = 10.0, 0.3
_RING_SAMPLES = 1 << 22
_MAX_PERIOD_SAMPLES = 1 << 22
_TRACKING = {"quadrature": "quadrature", "rf_dc": "rf_dc_offset", "bb_dc": "bb_dc_offset"}


def open_device(address: str, role: Literal["tx", "rx"], index: int) -> "PlutoRadio":
    """Connect. DeviceError when nothing answers or libiio is missing, ConfigurationError for a bad option."""
    return PlutoRadio(address, role)


class PlutoRadio:
    """`radio.device.Radio` on one Pluto, for one direction."""

    def __init__(self, address: str, role: Literal["tx", "rx"]) -> None:
        self.uri, self._role = f"pluto:{address}", role
        switches = dict.fromkeys(_TRACKING, ("0", "1"))
        allowed = {"channels": ("1", "2"), "buffer": None, "repeat": ("stream", "cyclic"), "fir": None, **switches}
        self._address, options = split_options(self.uri, address, allowed)
        self._channels = int(options.get("channels", "1"))
        self._buffer_samples = whole_number(self.uri, "buffer", options.get("buffer", "32768"), 256, 1 << 22)
        self._fir = options.get("fir")
        self._tracking = {name: options[name] == "1" for name in _TRACKING if name in options}
        self._asked: RadioSettings | None = None
        self._applied: RadioSettings | None = None
        self._events: list[RadioEvent] = []
        self._receiver: PlutoReceiver | None = None
        self._ring = SampleRing(self._channels, _RING_SAMPLES)
        self._cyclic = options.get("repeat", "stream") == "cyclic"
        self._sender: PlutoSender | CyclicSender | None = None
        self._closed = False
        self._link: PlutoLink | None = PlutoLink(self.uri, self._address, role, self._channels)
        self.hardware = self._link.hardware
        gains = self._link.gain_limits_db
        self.capabilities = Capabilities(
            sample_rate_hz=self._link.rate_limits_hz,
            center_frequency_hz=self._link.carrier_limits_hz,
            tx_gain_db=gains if role == "tx" else (-89.75, 0.0),
            rx_gain_db=gains if role == "rx" else (-3.0, 71.0),
            rx_channels=self._channels,
            timed_transmit=False,
            repeat_transmit=True,
            shared_clock=False,
        )
        if role == "tx":
            self._link.radiate(None)

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Set and read back; what was being repeated ends, and samples from before the change are discarded."""
        self._check_open()
        self._stop_streaming()
        self._asked = settings
        self._applied = self._set_up(self._connected())
        if self._role == "rx":
            self._receiver = PlutoReceiver(
                self._connected(), self._ring, self._buffer_samples, self._applied.sample_rate_hz, self._connect_again
            )
            self._receiver.start()
        return self._applied

    def now_tick(self) -> int:
        """Samples that have arrived, or have been handed to the device; 0 for a cyclic transmitter."""
        if self._role == "rx":
            return self._ring.end_tick
        return self._sender.tick if self._sender is not None else 0

    def transmit(self, burst: Samples) -> None:
        """Repeat this burst from now on, in place of the one before. Clipping is reported as an event."""
        self._check_open()
        if self._role != "tx" or self._applied is None:
            raise DeviceError(f"{self.uri} must be opened for transmitting and configured before it transmits.")
        if burst.data.shape[0] != self._channels or not 0 < burst.n_samples <= _MAX_PERIOD_SAMPLES:
            raise ConfigurationError(
                f"{self.uri} repeats {self._channels} x (1 to {_MAX_PERIOD_SAMPLES}) samples, not "
                f"{burst.data.shape[0]} x {burst.n_samples}."
            )
        _, clipped = to_dac(burst.data)
        if clipped:
            self._events.append(RadioEvent(EventKind.CLIPPED, burst.start_tick, clipped))
        try:
            self._repeat(self._connected(), burst)
        except DeviceError:
            self._events.append(RadioEvent(EventKind.LOST_LINK, burst.start_tick))
            self._repeat(self._connect_again(), burst)

    def idle_until(self, tick: int) -> None:
        """Nothing to do: the device goes on repeating."""

    def receive(self, start_tick: int, n_samples: int, timeout_s: float = 10.0) -> Samples:
        """complex64 [channels, n_samples]. Ticks count the samples that arrived; lost ones are in the events."""
        self._check_open()
        if self._receiver is None or self._applied is None:
            raise DeviceError(f"{self.uri} must be opened for receiving and configured before it receives.")
        data, tick, events = self._ring.read(start_tick, n_samples, timeout_s)
        self._events += events
        return Samples(data, tick, self._applied.sample_rate_hz)

    def silence(self) -> None:
        """End the repetition; oscillator off, lowest gain."""
        if self._role == "tx":
            self._stop_streaming()

    def events(self) -> list[RadioEvent]:
        """Also asks a transmitter for underflow, and notices that its link has gone."""
        if self._receiver is not None:
            self._events += self._receiver.take_events()
        elif self._sender is not None and self._link is not None:
            self._look_at_transmitter(self._sender, self._link)
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            self._stop_streaming()
        except RadioError:
            pass  # nothing answers any more: a Pluto whose connection has gone does not transmit
        finally:
            self._link = None

    # -- inside --

    def _set_up(self, link: PlutoLink) -> RadioSettings:
        assert self._asked is not None
        for name, on in self._tracking.items():
            if self._role == "rx":
                link.track(_TRACKING[name], on)
        return link.apply(self._asked, self._fir)

    def _repeat(self, link: PlutoLink, burst: Samples) -> None:
        assert self._applied is not None and self._applied.tx_gain_db is not None
        if self._sender is not None and self._sender.failure is not None:
            raise DeviceError(f"{self.uri} stopped transmitting: {self._sender.failure}.")
        if self._sender is None:
            self._sender = CyclicSender(link) if self._cyclic else PlutoSender(link, self._buffer_samples)
        self._sender.repeat(burst.data.astype(np.complex64), burst.start_tick)
        link.radiate(self._applied.tx_gain_db)
        self._sender.begin()

    def _look_at_transmitter(self, sender: PlutoSender | CyclicSender, link: PlutoLink) -> None:
        tick = sender.tick
        try:
            if sender.failure is not None:
                raise DeviceError(sender.failure)
            if link.take_status() & UNDERFLOW_BIT:
                self._events.append(RadioEvent(EventKind.UNDERFLOW, tick))
            if not link.locked():
                self._events.append(RadioEvent(EventKind.LOST_LOCK, tick))
        except DeviceError:
            self._let_go()  # the device falls silent with its connection
            self._events.append(RadioEvent(EventKind.LOST_LINK, tick))

    def _connected(self) -> PlutoLink:
        if self._receiver is not None:
            self._link = self._receiver.link
        if self._link is None:
            self._link = self._connect_again()
        return self._link

    def _connect_again(self) -> PlutoLink:
        """A new link, set up as the last one was. DeviceError when none can be had in time."""
        self._let_go()
        deadline = time.monotonic() + _REOPEN_S
        while True:
            try:
                self._check_open()
                link = PlutoLink(self.uri, self._address, self._role, self._channels)
                self._applied = self._set_up(link)
                self._link = link
                return link
            except RadioError as error:
                if time.monotonic() > deadline or self._closed:
                    raise DeviceError(
                        f"The link to {self.uri} broke and did not come back within {_REOPEN_S:g} s ({error})"
                    ) from None
                time.sleep(_RETRY_S)

    def _stop_streaming(self) -> None:
        if self._receiver is not None:
            self._receiver.stop()
            self._link = self._receiver.link
            self._events += self._receiver.take_events()
            self._receiver = None
        link = self._link
        self._let_go()
        self._link = link
        if self._role == "tx" and link is not None:
            link.radiate(None)

    def _let_go(self) -> None:
        """Of buffers first: they must end before the context that they belong to."""
        if self._sender is not None:
            self._sender.stop()
        self._sender = self._link = None

    def _check_open(self) -> None:
        if self._closed:
            raise DeviceError(f"{self.uri} is closed.")
