"""What the three loops share: the quantity without the loop is what was measured plus what was commanded then."""

from dataclasses import dataclass, field

import numpy as np

from calibration.loops.tracker import LoopState, Tracker, TrackerConfig
from calibration.measure.measurement import Measurement

REMEMBERED = 64


@dataclass
class Loop:
    """command: what is taken away at present, in the unit of the measurements.

    tracker follows what would be measured with a command of 0.
    """

    config: TrackerConfig
    command: float = 0.0
    tracker: Tracker = field(init=False)
    _issued: list[tuple[float, float]] = field(default_factory=list)  # time, command

    def __post_init__(self) -> None:
        self.tracker = Tracker(self.config)
        self._issued.append((-np.inf, self.command))

    @property
    def state(self) -> LoopState:
        return self.tracker.state

    def update(
        self, measurement: Measurement | None, age_s: float, now_s: float, in_force: float | None = None
    ) -> float:
        """Take in a residual that was measured age_s ago (None: the user was not seen); the command from now_s on.

        in_force: the command under which it was measured; by default the one that the loop had given by then.
        A measurement older than what is remembered, of negative age or that is not finite counts as none.
        """
        at_s = now_s - age_s
        absolute = None
        if measurement is not None and age_s >= 0 and at_s > self._issued[0][0]:
            removed = self._in_force(at_s) if in_force is None else in_force
            absolute = Measurement(measurement.value + removed, measurement.standard_uncertainty, measurement.unit)
        self.tracker.take(absolute, at_s)
        if self.state is not LoopState.SEARCHING:
            self.command = self.tracker.value_at(now_s)
        self._issued = [*self._issued, (now_s, self.command)][-REMEMBERED:]
        return self.command

    def ahead(self, at_s: float) -> None:
        """Set the command to what will be right at a time after the last update: the quantity drifts until then."""
        if self.state is not LoopState.SEARCHING:
            self.command = self.tracker.value_at(at_s)

    def _in_force(self, at_s: float) -> float:
        return next(command for time_s, command in reversed(self._issued) if time_s <= at_s)
