"""Tracks one drifting quantity from measurements that may be delayed, inaccurate or outliers.

A Kalman filter with the states value and rate; the rate walks at random (Bar-Shalom, Li, Kirubarajan, "Estimation with
Applications to Tracking and Navigation", 2001, section 6.2). A measurement more than GATE deviations from what is
expected is not taken; when AGREEING of these agree with each other, it is the quantity that has moved, and the tracker
starts again from them.
"""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from calibration.measure.measurement import Measurement

GATE = 5.0
AGREEING = 3
LARGEST = 1e12  # in any unit that is followed (Hz, ticks, dB); squares of larger values overflow
SMALLEST = 1e-12  # of a deviation; a variance that vanishes divides nothing by nothing
RELAX = 1.5  # deviations are called large relative to the tolerance beyond this many times it: no flapping


class LoopState(StrEnum):
    SEARCHING = "searching"
    CONVERGING = "converging"
    LOCKED = "locked"
    HOLDING = "holding"


@dataclass(frozen=True)
class TrackerConfig:
    """tolerance: deviation at which the value counts as known. rate_deviation: of the initial rate, per second.

    rate_walk: growth of the rate's deviation, per second and root second. value_walk: the same of the value itself.
    worst_deviation: measurements with a larger uncertainty are not taken. hold_after: updates without a usable
    measurement until the state is holding; search_after: until what was known counts as lost.
    """

    tolerance: float
    rate_deviation: float
    rate_walk: float
    value_walk: float = 0.0
    worst_deviation: float = np.inf
    hold_after: int = 2
    search_after: int = 50


@dataclass
class Tracker:
    """take(measurement, at_s) in order of time; value_at(t) predicts."""

    config: TrackerConfig
    rejected: int = 0
    _time_s: float = 0.0
    _state: np.ndarray = field(default_factory=lambda: np.zeros(2))
    _covariance: np.ndarray = field(default_factory=lambda: np.diag([np.inf, 0.0]))
    _known: bool = False
    _missing: int = 0
    _outliers: list[tuple[float, float, float]] = field(default_factory=list)  # time, value, variance
    _locked: bool = False
    _followed: bool = False
    _rate_known: bool = False

    @property
    def state(self) -> LoopState:
        if not self._known:
            return LoopState.SEARCHING
        if self._missing >= self.config.hold_after:
            return LoopState.HOLDING
        return LoopState.LOCKED if self._locked else LoopState.CONVERGING

    @property
    def followed(self) -> bool:
        """Whether the last measurement was there, and where what was known let it be expected."""
        return self._followed

    @property
    def deviation(self) -> float:
        """Standard deviation of the value at the last measurement."""
        return float(np.sqrt(self._covariance[0, 0])) if self._known else np.inf

    @property
    def rate(self) -> float:
        """Per second."""
        return float(self._state[1])

    def value_at(self, time_s: float) -> float:
        """Predicted value; 0 before anything is known. Not further ahead than the rate deserves to be trusted."""
        if not self._known:
            return 0.0
        ahead = max(0.0, time_s - self._time_s)
        rate, sigma = self._state[1], np.sqrt(self._covariance[1, 1])
        trusted = 0.0 if rate == 0 else rate * rate**2 / (rate**2 + sigma**2)
        return float(self._state[0] + trusted * ahead)

    def take(self, measurement: Measurement | None, at_s: float) -> bool:
        """Whether the measurement was used. None, beyond LARGEST, too uncertain, impossibly certain or too old ones are
        not."""
        self._followed = False
        deviation = measurement.standard_uncertainty if measurement else np.nan
        usable = (
            measurement is not None
            and abs(measurement.value) < LARGEST
            and SMALLEST <= deviation <= min(self.config.worst_deviation, LARGEST)
            and (not self._known or at_s >= self._time_s)
        )
        if not usable or measurement is None:
            self._miss()
            return False
        variance = deviation**2
        if not self._known:
            self._start(measurement.value, variance, at_s)
            return True
        state, covariance = self._predicted(at_s)
        innovation, total = measurement.value - state[0], covariance[0, 0] + variance
        if innovation**2 > GATE**2 * total:
            self.rejected += 1
            return self._outlier(measurement.value, variance, at_s)
        gain = covariance[:, 0] / total
        self._state = state + gain * innovation
        self._covariance = covariance - np.outer(gain, covariance[0])
        self._time_s, self._missing = at_s, 0
        self._outliers.clear()
        self._followed = self._rate_known = True
        limit = self.config.tolerance * (RELAX if self._locked else 1.0)
        self._locked = self.deviation <= limit
        return True

    def _start(self, value: float, variance: float, at_s: float) -> None:
        """A value that jumped kept its rate (a stream that breaks leaves the clocks alone), until that fails twice."""
        rate, rate_variance = 0.0, self.config.rate_deviation**2
        if self._rate_known:
            rate, rate_variance = float(self._state[1]), float(self._covariance[1, 1])
        self._rate_known = False
        self._state = np.array([value, rate])
        self._covariance = np.diag([variance, rate_variance])
        self._time_s, self._known, self._missing = at_s, True, 0
        self._locked = np.sqrt(variance) <= self.config.tolerance
        self._outliers.clear()

    def _predicted(self, at_s: float) -> tuple[np.ndarray, np.ndarray]:
        dt = at_s - self._time_s
        move = np.array([[1.0, dt], [0.0, 1.0]])
        walk = self.config.rate_walk**2 * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        walk[0, 0] += self.config.value_walk**2 * dt
        return move @ self._state, move @ self._covariance @ move.T + walk

    def _miss(self) -> None:
        self._missing += 1
        if self._missing >= self.config.search_after:
            self._known = self._locked = self._rate_known = False
            self._outliers.clear()

    def _outlier(self, value: float, variance: float, at_s: float) -> bool:
        """Take it only as the last of several that agree."""
        self._miss()
        self._outliers = [*self._outliers, (at_s, value, variance)][-AGREEING:]
        if len(self._outliers) < AGREEING:
            return False
        times, values, variances = np.array(self._outliers).T
        spread = values.max() - values.min()
        allowed = GATE * np.sqrt(variances.max()) + np.ptp(times) * self.config.rate_deviation
        if spread > allowed + self.config.tolerance:
            return False
        self._start(float(values[-1]), float(variances[-1]), at_s)
        return True
