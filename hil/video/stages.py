"""A picture's age when it is shown, split by where the time went. Pure: monotonic seconds come in as arguments."""

import math
from dataclasses import dataclass

from hil.bus.clock import Offset
from hil.bus.messages import Capture
from hil.results.live import LiveFacts


@dataclass(frozen=True)
class Received:
    """By the receiver's clock: samples there, users separated, picture decoded, handed to those who show it."""

    heard_s: float
    received_s: float
    decoded_s: float
    shown_s: float


def live_facts(capture: Capture, received: Received, machine: str, offset: Offset | None) -> LiveFacts | None:
    """machine, offset: of the receiver, as the capture has those of the transmitter.

    Clocks of one machine are one clock. Of two, each knows how far it is from the coordinator's: the difference is what
    the transmitter's times are moved by, and both uncertainties count. None for times that are not finite.
    """
    sent = (capture.captured_s, capture.ready_s, capture.taken_s, capture.encoded_s, capture.position_s)
    if not all(map(math.isfinite, sent)):
        return None
    move_s, uncertainty_s = _between(capture, machine, offset)
    stages_s = {
        "capture": capture.ready_s - capture.captured_s,
        "wait for slot": capture.taken_s - capture.ready_s,
        "encode": capture.encoded_s - capture.taken_s,
        "receive": received.received_s - received.heard_s,
        "decode": received.decoded_s - received.received_s,
        "show": received.shown_s - received.decoded_s,
    }
    total_ms = None
    if move_s is not None:
        stages_s["air"] = received.heard_s - (capture.encoded_s + move_s)
        total_ms = 1e3 * (received.shown_s - (capture.captured_s + move_s))
    return LiveFacts(
        number=capture.number,
        position_s=capture.position_s,
        shown_s=received.shown_s,
        dropped=capture.dropped,
        repeated=capture.repeated,
        stages_ms={stage: 1e3 * seconds for stage, seconds in stages_s.items()},
        total_ms=total_ms,
        clock_uncertainty_ms=None if uncertainty_s is None else 1e3 * uncertainty_s,
    )


def _between(capture: Capture, machine: str, offset: Offset | None) -> tuple[float | None, float | None]:
    """What is added to the transmitter's clock to have the receiver's, and to within what, in seconds."""
    if capture.machine == machine:
        return 0.0, 0.0
    if offset is None or capture.offset_s is None or capture.uncertainty_s is None:
        return None, None
    move_s, uncertainty_s = capture.offset_s - offset.offset_s, capture.uncertainty_s + offset.uncertainty_s
    return (move_s, uncertainty_s) if math.isfinite(move_s) and math.isfinite(uncertainty_s) else (None, None)
