"""Power control: transmit gains for a wanted ratio of received powers, at the level that the weakest user allows."""

from collections.abc import Mapping

import numpy as np

from calibration.errors import CalibrationError
from calibration.loops.loop import Loop
from calibration.loops.tracker import LoopState, TrackerConfig
from calibration.measure.measurement import Measurement

TARGET_DB = 0.5


class PowerLoop:
    """One user: tracks the gain of the path, dB, from received powers and the transmit gain that was in force."""

    def __init__(self, lowest_gain_db: float = -90.0, highest_gain_db: float = 0.0, step_db: float = 0.25) -> None:
        if not lowest_gain_db < highest_gain_db or not step_db > 0:
            raise CalibrationError(f"Gains from {lowest_gain_db:g} to {highest_gain_db:g} dB are no range.")
        self.lowest_gain_db, self.highest_gain_db, self.step_db = lowest_gain_db, highest_gain_db, step_db
        config = TrackerConfig(
            tolerance=TARGET_DB / 4, rate_deviation=0.01, rate_walk=1e-3, value_walk=0.1, worst_deviation=2.0
        )
        self._path = Loop(config)
        self.gain_db = highest_gain_db

    @property
    def state(self) -> LoopState:
        return self._path.state

    @property
    def path_gain_db(self) -> float:
        return self._path.command

    def update(self, received: Measurement | None, age_s: float, now_s: float, gain_in_force_db: float) -> float:
        """received: power in dB under gain_in_force_db. Returns the path's gain in dB, the loop's knowledge."""
        return self._path.update(received, age_s, now_s, in_force=-gain_in_force_db)

    def quantised(self, gain_db: float) -> float:
        """The nearest gain that the radio has."""
        steps = round((gain_db - self.lowest_gain_db) / self.step_db)
        return float(np.clip(self.lowest_gain_db + steps * self.step_db, self.lowest_gain_db, self.highest_gain_db))


def balance(loops: Mapping[int, PowerLoop], wanted_db: Mapping[int, float]) -> dict[int, float]:
    """Transmit gains in dB per user: received powers stand as wanted_db (only differences count).

    The user who needs the most transmits at its highest gain, the others below theirs; users still searching keep
    their gain. Raises CalibrationError for a user without a wanted power.
    """
    if missing := sorted(set(loops) - set(wanted_db)):
        raise CalibrationError(f"A wanted power is missing for users {missing}.")
    known = {user: loop for user, loop in loops.items() if loop.state is not LoopState.SEARCHING}
    if known:
        level = min(loop.highest_gain_db + loop.path_gain_db - wanted_db[user] for user, loop in known.items())
        for user, loop in known.items():
            loop.gain_db = loop.quantised(level + wanted_db[user] - loop.path_gain_db)
    return {user: loop.gain_db for user, loop in loops.items()}
