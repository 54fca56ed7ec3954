"""What a transmitter tells of a live picture: when it was taken, ready and encoded, and by which clock."""

import time

from hil.bus.clock import Offset, machine
from hil.bus.messages import Capture
from hil.config import RunConfig
from hil.video.play import LivePicture

FREE_RUNNING_S = 1.0

_machine = machine()


def patience_s(config: RunConfig) -> float:
    """How long a transmitter waits for the next picture before it sends the last one again.

    A radio in real time does not wait: the slot's time is fixed, half of its head start ahead of the burst is left.
    """
    free_running = config.radio.device.startswith("sim") and config.air.pace is None
    return FREE_RUNNING_S if free_running else config.radio.lead_s / 2


def told_capture(picture: LivePicture, offset: Offset | None) -> Capture:
    """Of a picture that is encoded now. offset: from this clock to the coordinator's."""
    return Capture(
        number=picture.number,
        position_s=picture.position_s,
        captured_s=picture.captured_s,
        ready_s=picture.ready_s,
        taken_s=picture.taken_s,
        encoded_s=time.monotonic(),
        machine=_machine,
        dropped=picture.dropped,
        repeated=picture.repeated,
        offset_s=offset.offset_s if offset else None,
        uncertainty_s=offset.uncertainty_s if offset else None,
    )
