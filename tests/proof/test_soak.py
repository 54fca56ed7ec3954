"""How the soak judges; `make soak` runs it for ten minutes."""

import numpy as np
import pytest

from radio.samples import EventKind, RadioEvent, Samples
from tests.proof.soak import BLOCK_SAMPLES, Broken, Listener, _figures, _growth, _slope


class GappyRadio:
    """Every third block begins late by 100 samples; says so, or says less."""

    def __init__(self, says):
        self._says, self._blocks, self._events, self.listener = says, 0, [], None

    def now_tick(self):
        return 0

    def receive(self, tick, n):
        self._blocks += 1
        if self._blocks == 9:
            self.listener._stopped.set()
        late = 100 if self._blocks % 3 == 0 else 0
        if late:
            self._events.append(RadioEvent(EventKind.OVERFLOW, tick, self._says))
        return Samples(np.zeros((1, n), np.complex64), tick + late, 4e6)

    def events(self):
        events, self._events = self._events, []
        return events


@pytest.mark.parametrize(("says", "unreported"), [(100, 0), (60, 120)])
def test_gaps_are_held_against_what_was_reported(says, unreported):
    radio = GappyRadio(says)
    listener = radio.listener = Listener(radio)
    listener.run()
    assert (listener.samples, listener.lost, listener.unreported) == (9 * BLOCK_SAMPLES, 3 * says, unreported)
    if unreported:
        with pytest.raises(Broken, match="120 samples"):
            _figures(1.0, listener, [], {})


def test_growth_is_what_comes_after_the_warm_up():
    steady = [50] * 10 + [100] * 90
    assert _growth(steady) == 0
    assert _growth([100 + second for second in range(100)]) > 0.5


def test_slope_is_that_of_a_line():
    leak = [2**20 * (100 + second) for second in range(100)]  # a MiB a second
    assert _slope(leak) == pytest.approx(3600) and _slope([5 * 2**20] * 100) == pytest.approx(0, abs=1e-6)
