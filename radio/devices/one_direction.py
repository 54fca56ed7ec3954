"""What radios with a receive thread and timed bursts share: argument checks, reading the ring, events, closing."""

from collections.abc import Sequence
from typing import Literal, Protocol

from radio.device import Capabilities, RadioSettings
from radio.devices.limits import Limits
from radio.devices.receive_thread import ReceiveThread
from radio.errors import ConfigurationError, DeviceError
from radio.samples import RadioEvent, Samples


class Link(Protocol):
    """An open device as its limits describe it."""

    rate_limits_hz: Limits
    carrier_limits_hz: Limits
    gain_limits_db: Limits
    channels: Sequence[int]


class OneDirectionRadio:
    """`radio.device.Radio` for one direction, less `configure`, `transmit` and `now_tick`."""

    capabilities: Capabilities

    def __init__(self, uri: str, role: Literal["tx", "rx"]) -> None:
        self.uri, self._role = uri, role
        self._applied: RadioSettings | None = None
        self._events: list[RadioEvent] = []
        self._receive_thread: ReceiveThread | None = None
        self._closed = False

    def idle_until(self, tick: int) -> None:
        """Nothing to do: the device is silent between bursts."""

    def receive(self, start_tick: int, n_samples: int, timeout_s: float = 10.0) -> Samples:
        """complex64 [channels, n_samples] from the device's time start_tick on."""
        self._check_open()
        if self._receive_thread is None or self._applied is None:
            raise DeviceError(f"{self.uri} must be opened for receiving and configured before it receives.")
        data, tick, events = self._receive_thread.ring.read(start_tick, n_samples, timeout_s)
        self._events += events
        return Samples(data, tick, self._applied.sample_rate_hz)

    def events(self) -> list[RadioEvent]:
        """Those since the last call."""
        if self._receive_thread is not None:
            self._events += self._receive_thread.take_events()
        self._look_at_device()
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """End streaming and release the device. Safe to call twice."""
        if not self._closed:
            self._closed = True
            self._stop_streaming()
            self._let_go()

    def _look_at_device(self) -> None:
        """Add the device's own news to `_events`."""

    def _let_go(self) -> None:
        """Forget the device: its driver closes it."""

    def _stop_streaming(self) -> None:
        if self._receive_thread is not None:
            self._receive_thread.stop()
            self._events += self._receive_thread.take_events()
        self._receive_thread = None

    def _check_open(self) -> None:
        if self._closed:
            raise DeviceError(f"{self.uri} is closed.")

    def _check_burst(self, burst: Samples, configured: bool, channels: int) -> None:
        self._check_open()
        if not configured:
            raise DeviceError(f"{self.uri} must be opened for transmitting and configured before it transmits.")
        if burst.data.shape[0] != channels:
            raise ConfigurationError(
                f"{self.uri} has {channels} channels; a burst of {burst.data.shape[0]} does not fit."
            )


def capabilities_of(link: Link, role: Literal["tx", "rx"], *, timed: bool, shared_clock: bool) -> Capabilities:
    """What an open device can do in one direction; the other direction's gains are (0, 0)."""
    gains = link.gain_limits_db
    return Capabilities(
        sample_rate_hz=link.rate_limits_hz,
        center_frequency_hz=link.carrier_limits_hz,
        tx_gain_db=gains if role == "tx" else (0.0, 0.0),
        rx_gain_db=gains if role == "rx" else (0.0, 0.0),
        rx_channels=len(link.channels),
        timed_transmit=timed,
        shared_clock=shared_clock,
    )
