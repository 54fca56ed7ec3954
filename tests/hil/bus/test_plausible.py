"""Numbers that may be calculated with: finite, and their squares too."""

import math

import msgspec
import numpy as np
import pytest

from hil.bus.messages import Link
from hil.bus.plausible import LARGEST, LARGEST_DB, linear, plausible, plausible_db, plausible_link

LINK = Link(0, 60_000, 100.0, 2.0, 3.5, [0.0, 4.5], [[(0.5, 0.5), (0.25, -0.25)]] * 2, 0.006)


@pytest.mark.parametrize("value", [0.0, -1.0, 1e-320, LARGEST, -LARGEST, np.float32(1e30)])
def test_what_is_plausible_has_a_square(value):
    assert plausible(value) and math.isfinite(1e3 * float(value) ** 2)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf, 1.1e30, -1e200, np.float32(3e38)])
def test_what_is_not_known_not_finite_or_absurd_is_not(value):
    assert not plausible(value) and not plausible_db(value)


def test_levels_end_at_300_db():
    assert plausible_db(LARGEST_DB) and plausible_db(-LARGEST_DB) and not plausible_db(300.1)


@pytest.mark.filterwarnings("error")
def test_levels_are_powers_of_ten_and_never_overflow():
    assert [linear(level) for level in (0.0, 10.0, -20.0)] == pytest.approx([1.0, 10.0, 0.01])
    assert linear(np.float32(30.0)) == pytest.approx(1000.0) and linear(300.0) == pytest.approx(1e30)
    assert [linear(level) for level in (1e5, math.inf)] == [linear(300.0)] * 2
    assert [linear(level) for level in (-1e308, -math.inf)] == [linear(-300.0)] * 2 and linear(math.nan) == 0.0


@pytest.mark.parametrize(
    "damage",
    [
        {"noise_power": 1e200},
        {"noise_power": -1.0},
        {"noise_power": math.nan},
        {"cfo_hz": math.inf},
        {"tap_delays_samples": [0.0, math.nan]},
        {"tap_delays_samples": [0.0]},
        {"tap_delays_samples": [], "tap_gains": [[]]},
        {"tap_gains": [[(0.5, 0.5), (1e200, 0.0)]]},
        {"tap_gains": [[(0.5, 0.5)], [(0.5, 0.5), (0.0, 0.0)]]},
        {"tap_gains": []},
    ],
)
def test_the_truth_of_a_link_has_as_many_gains_as_delays_and_numbers_that_are_some(damage):
    assert plausible_link(LINK)
    assert not plausible_link(msgspec.structs.replace(LINK, **damage))
