"""How far below its reports a channel is expected to fall."""

from types import SimpleNamespace

import numpy as np
import pytest

from hil.session.sinr_floor import LEAST_REPORTS, SinrFloor
from models.side_information import SideInformation


def side(*sinrs_db):
    users = len(sinrs_db)
    return SideInformation(10.0, np.ones(users), np.zeros(users), np.array(sinrs_db, np.float32), np.zeros(users))


def floors(rows):
    floor = SinrFloor()
    return [floor.informed(side(*row), SimpleNamespace(slot=n)).sinr_floor_db for n, row in enumerate(rows)]


def test_a_channel_that_stands_is_expected_to_stand():
    rng = np.random.default_rng(1)
    found = floors(10 + 0.1 * rng.standard_normal((12, 2)))
    assert all((one == -np.inf).all() for one in found[: LEAST_REPORTS - 1])
    assert found[-1] == pytest.approx(10, abs=0.6)


def test_a_rayleigh_channel_that_is_new_in_every_slot_falls_below_its_floor_some_twice_in_a_hundred():
    rng = np.random.default_rng(2)
    sinrs_db = 10 + 10 * np.log10(rng.exponential(size=(4000, 1)))
    found = floors(sinrs_db)
    below = [after < before for before, after in zip(found[16:-1], sinrs_db[17:], strict=True)]
    assert 0.005 < np.mean(below) < 0.04 and np.mean(found[16:]) < 2


def test_the_floor_is_every_users_own_and_never_above_what_is_reported():
    found = floors([(20.0, 5.0 * (n % 2)) for n in range(8)])
    assert found[-1][0] == pytest.approx(20) and found[-1][1] < 0
    falling = floors([(20.0 - n,) for n in range(30)])
    assert all(one[0] <= 20.0 - n for n, one in enumerate(falling))


def test_a_report_that_comes_again_counts_once():
    floor = SinrFloor()
    for _ in range(10):
        informed = floor.informed(side(10.0), SimpleNamespace(slot=3))
    assert (informed.sinr_floor_db == -np.inf).all()


def test_without_a_measured_sinr_nothing_is_said():
    default = SideInformation.default(2)
    assert SinrFloor().informed(default, None) is default and default.sinr_floor_db is None
