"""Result of a bench's calibration: figures before and after, and the convergence of the loops."""

from dataclasses import dataclass, field

from calibration.loops.alignment import TransmitCommand, UserState
from calibration.measure.measurement import Measurement
from calibration.measure.receive_imbalance import ReceiveImbalance
from calibration.measure.transmit_imbalance import TransmitImbalance
from calibration.measure.users import UserMeasurement
from calibration.store.record import Calibration


@dataclass
class Step:
    """One frame of the loops: residuals of the users seen, and every user's state."""

    frame: int
    measured: dict[int, UserMeasurement]
    states: dict[int, UserState]


@dataclass
class Outcome:
    """before, after: per user; receiver_*, transmitter_*: the imbalances likewise. history: the loops' frames."""

    noise_floor: Measurement
    receiver_before: ReceiveImbalance
    receiver_after: ReceiveImbalance
    before: dict[int, UserMeasurement] = field(default_factory=dict)
    after: dict[int, UserMeasurement] = field(default_factory=dict)
    transmitter_before: dict[int, TransmitImbalance] = field(default_factory=dict)
    transmitter_after: dict[int, TransmitImbalance] = field(default_factory=dict)
    commands: dict[int, TransmitCommand] = field(default_factory=dict)
    states: dict[int, UserState] = field(default_factory=dict)
    history: list[Step] = field(default_factory=list)
    calibrations: list[Calibration] = field(default_factory=list)
