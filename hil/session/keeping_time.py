"""How a run's radios keep time with one another: by a clock that they share, or by repeating what they send."""

from hil.errors import UsageError
from radio.device import Radio

_REMEDY = (
    "give every radio one time source, e.g. usrp:addr=ADDRESS?clock=external&time=external, or have every transmitter "
    "repeat its slots, e.g. soapy:driver=DRIVER?repeat=1"
)


def transmits_by_repeating(radio: Radio) -> bool:
    """False: sends at the named tick of a shared clock. UsageError for a radio that can do neither."""
    can = radio.capabilities
    if can.timed_transmit and can.shared_clock:
        return False
    if can.repeat_transmit:
        return True
    raise UsageError(f"{radio.uri} keeps a clock of its own, so that users cannot arrive together; {_REMEDY}.")


def check_receiver(radio: Radio, repeats: bool) -> None:
    """UsageError for a receiver that does not share the clock of transmitters that go by it."""
    if not repeats and not radio.capabilities.shared_clock:
        raise UsageError(f"{radio.uri} does not share the transmitters' clock; {_REMEDY}.")
