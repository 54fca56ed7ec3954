"""Aligning users on radios without a clock in common: each repeats its period, and turns it until it fits.

A transmitter repeats one period of P samples for ever. The receiver measures how far from its slot's beginning the
burst arrives, modulo P, and the transmitter turns its period by as much. Crystals differ by some parts per million,
so that the arrival drifts: the loop follows the drift and turns ahead of it.
"""

from dataclasses import dataclass, field

import numpy as np

from hil.bus.messages import CsiReport

MAX_DRIFT_PPM = 100.0  # of two crystals; what looks larger is a stream that was interrupted
_WEIGHT = 0.5  # of a new measurement of the drift


def wrapped(ticks: float, period: int) -> float:
    """ticks modulo the period, in [-period / 2, period / 2)."""
    return float((ticks + period / 2) % period - period / 2)


@dataclass
class RotationLoop:
    """Where in the transmitter's period a burst must begin to arrive at a slot's beginning."""

    period: int
    start: float = 0.0
    drift: float = 0.0  # ticks per tick by which the arrival moves
    _natural: tuple[float, int] | None = None  # arrival without rotation, and when it was measured
    _in_force: dict[int, float] = field(default_factory=dict)  # slot -> start

    def update(self, csi: CsiReport, user: int) -> None:
        """Take in a report once; those without this user, or of slots in which it did not transmit, do nothing."""
        measured = next((entry for entry in csi.users if entry.user == user), None)
        start = self._in_force.pop(csi.slot, None)
        if measured is None or start is None or not np.isfinite(measured.arrival_samples):
            return
        natural = wrapped(measured.arrival_samples - start, self.period)
        step = 0
        if self._natural is not None:
            before, when = self._natural
            step = csi.measured_tick - when
            moved = wrapped(natural - before, self.period) / step if step > 0 else 0.0
            if abs(moved) > MAX_DRIFT_PPM * 1e-6:
                self.drift = 0.0
            elif step > 0:
                self.drift += _WEIGHT * (moved - self.drift)
        self._natural = (natural, csi.measured_tick)
        self.start = -natural - self.drift * max(step, 0)  # the next slot is about as far away as the last one was

    def apply(self, slot: int) -> int:
        """Tick, modulo the period, at which this slot's content begins."""
        self._in_force[slot] = float(round(self.start))
        for old in [number for number in self._in_force if number < slot - 16]:
            del self._in_force[old]
        return round(self.start) % self.period
