"""The delay of one user's bursts against the ticks that they were meant for."""

from __future__ import annotations

from calibration.errors import CalibrationError
from calibration.lab.bench import Bench
from calibration.loops.alignment import TransmitCommand
from calibration.measure.measurement import Measurement, combine
from calibration.measure.users import measure_user


def measure_delay(bench: Bench, user: int, frames: int) -> Measurement:
    """In samples, over bursts of this user alone, sent at their ticks without any correction.

    Raises CalibrationError when none is heard.
    """
    found = []
    for _ in range(frames):
        samples, expected, _ = bench.send({user: bench.probe(user)}, {user: TransmitCommand()})
        received = bench.receive_frame(samples, expected)
        measured = measure_user(received, user, expected, bench.config) if received is not None else None
        if measured is not None:
            found.append(measured.delay)
    if not found:
        raise CalibrationError(
            f"User {user} was not heard in {frames} frames: check its cable or antenna and its gain."
        )
    return combine([one.value for one in found], [one.standard_uncertainty for one in found], "samples")
