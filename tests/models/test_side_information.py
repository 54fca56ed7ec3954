import numpy as np
import pytest

from models.errors import ModelError
from models.sharing import Sharing
from models.side_information import FIELDS, SideInformation
from tests.float32 import FEW_STEPS_ATOL

SIDE = SideInformation(
    snr_db=5.0, gains=np.array([3, 4, 12], np.float32), phases_rad=np.array([0, np.pi / 2, 1], np.float32)
)


def test_fields_by_hand():
    vector = SIDE.vector(1, ["snr_db_over_20", "own_gain", "other_gain_rss", "own_phase_cos", "own_phase_sin"])
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, [0.25, 4, np.sqrt(9 + 144), 0, 1], atol=FEW_STEPS_ATOL)


def test_default_is_ten_decibels_and_unit_gains():
    side = SideInformation.default(2)
    assert side.snr_db == 10.0
    np.testing.assert_array_equal(side.vector(0, ["snr_db_over_20", "own_gain", "other_gain_rss"]), [0.5, 1, 1])


def test_other_gain_is_zero_when_alone_despite_rounding():
    side = SideInformation(0.0, np.array([1e-3, 0], np.float32), np.zeros(2, np.float32))
    assert side.vector(0, ["other_gain_rss"])[0] == 0


@pytest.mark.parametrize("user", [-1, 3])
def test_unknown_user_is_refused(user):
    with pytest.raises(ModelError, match="not among the 3 users"):
        SIDE.vector(user, ["own_gain"])


def test_unknown_field_is_refused_and_the_known_ones_are_named():
    with pytest.raises(ModelError, match=r"'colour'.*own_gain"):
        SIDE.vector(0, ["colour"])
    whole = Sharing().informed(SIDE, 32)
    assert all(whole.vector(0, [name]).shape == (1,) for name in FIELDS)


@pytest.mark.parametrize(
    ("snr_db", "gains", "phases"),
    [
        (np.nan, [1], [0]),
        (1, [-1], [0]),
        (1, [np.inf], [0]),
        (1, [1, 1], [0]),
        (1, [], []),
        (1, [[1]], [[0]]),
    ],
)
def test_impossible_values_are_refused(snr_db, gains, phases):
    with pytest.raises(ModelError):
        SideInformation(snr_db, np.array(gains, np.float32), np.array(phases, np.float32))
