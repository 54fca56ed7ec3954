"""What the decoder is told once a user has been taken out."""

import msgspec
import numpy as np
import pytest

from hil.bus.messages import CsiReport, UserCsi
from hil.decoding.cancellation import without_users
from hil.session.feedback import side_information

NOISE_POWER = 0.01


def report(powers):
    """A report of users with these received powers, {user: power}."""
    mean = np.mean(list(powers.values()))
    users = [
        UserCsi(user, 0.0, 0.0, float(np.sqrt(power / mean)), 0.0, float(10 * np.log10(power / NOISE_POWER)))
        for user, power in powers.items()
    ]
    return CsiReport(1, 0, 0, 0, float(10 * np.log10(sum(powers.values()) / NOISE_POWER)), users)


def test_who_is_left_looks_as_if_it_had_been_alone_all_along():
    left = side_information(without_users(report({0: 0.6, 1: 0.2}), frozenset({0})), 2)
    expected = side_information(report({1: 0.2}), 2)
    assert left.snr_db == pytest.approx(expected.snr_db)
    np.testing.assert_allclose(left.gains, expected.gains, rtol=1e-6)


def test_nobody_left_or_nothing_known_changes_nothing():
    both = report({0: 0.6, 1: 0.2})
    assert without_users(both, frozenset({0, 1})) is both
    assert without_users(None, frozenset({0})) is None
    unheard = msgspec.structs.replace(both, snr_db=None)
    assert without_users(unheard, frozenset({0})) is unheard


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("damage", [{"gain": 1e200}, {"gain": np.nan}, {"snr_db": 4000.0}, {"snr_db": np.inf}])
def test_a_user_of_absurd_numbers_overflows_nothing_and_counts_for_nobody(damage):
    three = report({0: 0.6, 1: 0.2, 2: 0.2})
    damaged = msgspec.structs.replace(three.users[2], **damage)
    left = without_users(msgspec.structs.replace(three, users=[*three.users[:2], damaged]), frozenset({0}))
    assert left == without_users(report({0: 0.6, 1: 0.2}), frozenset({0})) or [one.user for one in left.users] == [1]
    assert left.users[0].gain == pytest.approx(1.0)
