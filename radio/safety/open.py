"""Open a radio by its URI, behind the transmit guard."""

from radio.backends import Role, open_unguarded
from radio.safety.guard import GuardedRadio, TransmitGuard
from radio.safety.sentinel import Sentinel, needs_sentinel


def open_radio(
    uri: str,
    *,
    role: Role,
    index: int = 0,
    guard: TransmitGuard | None = None,
    sentinel: bool = True,
) -> GuardedRadio:
    """Open `SCHEME:ADDRESS`, or a bare `SCHEME` with its default address, behind the transmit guard.

    index: which user a transmitter is. sentinel: have a transmitter that is hardware switched off by a process of
    its own should this one be killed. DeviceError when the scheme is unknown or not in this
    version, or the radio is absent or taken.
    """
    radio = open_unguarded(uri, role, index)
    guard = guard or TransmitGuard()
    if uri.partition(":")[0] == "sim":  # nothing leaves the machine: the air's own carrier is as good as any
        low, high = radio.capabilities.center_frequency_hz
        width = radio.capabilities.sample_rate_hz[1]
        guard = guard.with_default_band(low - width, high + width)
    watched = sentinel and role == "tx" and needs_sentinel(uri)
    return GuardedRadio(radio, guard, role, Sentinel(radio.uri, index) if watched else None)
