"""The interface of every radio, simulated or real: configure, stream, events.

`radio.safety.open.open_radio` opens one; backends: modules in `radio/devices/` or other packages (`radio.extensions`).
"""

from dataclasses import dataclass
from typing import Protocol

from radio.errors import ConfigurationError
from radio.samples import RadioEvent, Samples


@dataclass(frozen=True)
class RadioSettings:
    """What a caller asks of a radio. None leaves the device's own value."""

    sample_rate_hz: float
    center_frequency_hz: float
    tx_gain_db: float | None = None
    rx_gain_db: float | None = None
    bandwidth_hz: float | None = None


def require_applied(uri: str, asked: RadioSettings, applied: RadioSettings) -> None:
    """ConfigurationError when a device runs at another rate or carrier than a waveform can bear."""
    if abs(applied.sample_rate_hz - asked.sample_rate_hz) > 1e-6 * asked.sample_rate_hz:
        raise ConfigurationError(
            f"{uri} runs at {applied.sample_rate_hz:.10g} samples/s and {asked.sample_rate_hz:.10g} were asked for; "
            "set sample_rate_hz to a rate that it has."
        )
    if abs(applied.center_frequency_hz - asked.center_frequency_hz) > 1e-6 * asked.center_frequency_hz:
        raise ConfigurationError(
            f"{uri} is tuned to {applied.center_frequency_hz / 1e6:.10g} MHz and "
            f"{asked.center_frequency_hz / 1e6:.10g} MHz were asked for; set center_frequency_hz to one that it has."
        )


@dataclass(frozen=True)
class Capabilities:
    """Limits read from the device, and which ways of transmitting it has.

    timed_transmit: a burst is transmitted at the tick it names.
    repeat_transmit: a buffer can be repeated until it is replaced.
    shared_clock: transmitters and receivers that opened the same URI count the same ticks.
    """

    sample_rate_hz: tuple[float, float]
    center_frequency_hz: tuple[float, float]
    tx_gain_db: tuple[float, float]
    rx_gain_db: tuple[float, float]
    rx_channels: int = 1
    timed_transmit: bool = True
    repeat_transmit: bool = False
    shared_clock: bool = True


class Radio(Protocol):
    """A half-duplex radio. Methods raise `radio.errors.DeviceError` with one sentence."""

    uri: str
    capabilities: Capabilities

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Apply settings, read them back, return the values that the device applied."""
        ...

    def now_tick(self) -> int:
        """The device's current time in ticks of its sample clock."""
        ...

    def transmit(self, burst: Samples) -> None:
        """Send a burst at burst.start_tick; peak magnitude at most 1.0. Returns when handed over.

        A burst whose time has passed is dropped and reported as a LATE event.
        """
        ...

    def idle_until(self, tick: int) -> None:
        """Promise not to transmit before `tick` (a simulated air may then move on); no-op on hardware."""
        ...

    def receive(self, start_tick: int, n_samples: int, timeout_s: float = 10.0) -> Samples:
        """Receive complex64 [channels, n_samples] from start_tick on.

        Raises DeviceError on time-out. A start_tick that has passed beyond the device's memory yields
        samples from the first tick still buffered and an OVERFLOW event.
        """
        ...

    def events(self) -> list[RadioEvent]:
        """Events since the last call, oldest first."""
        ...

    def close(self) -> None:
        """Stop transmitting and release the device. Safe to call twice."""
        ...
