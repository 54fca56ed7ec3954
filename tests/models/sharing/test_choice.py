"""The choice against brute force, capacity's order and the codec's own table."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from models.choice.rate_quality import RateQuality
from models.choice.sharing_choice import SharingChooser, groupings
from models.errors import ModelError
from models.sharing import Sharing

# PSNR of a trained codec by channels of a position and SINR (photographs, white noise).
TABLE = {
    "4": {"0": 21.6, "5": 23.1, "10": 24.0, "15": 24.4, "20": 24.5},
    "8": {"0": 23.1, "5": 25.2, "10": 26.6, "15": 27.4, "20": 27.7},
    "16": {"0": 24.7, "5": 27.2, "10": 29.3, "15": 30.6, "20": 31.2},
    "32": {"0": 26.1, "5": 29.0, "10": 31.5, "15": 33.2, "20": 34.0},
}
ROWS = np.array([list(row.values()) for row in TABLE.values()])
CURVE = RateQuality(np.array([4.0, 8, 16, 32]), np.array([0.0, 5, 10, 15, 20]), ROWS)


def chooser(users: int) -> SharingChooser:
    return SharingChooser(CURVE, 32, None, users)


def test_the_curve_is_the_table_and_linear_between() -> None:
    assert CURVE.predicted_db(16, 10) == pytest.approx(29.3)
    assert CURVE.predicted_db(16, 12.5) == pytest.approx((29.3 + 30.6) / 2)
    assert CURVE.predicted_db(np.sqrt(8 * 16), 10) == pytest.approx((26.6 + 29.3) / 2)
    assert CURVE.predicted_db(16, -5) == pytest.approx(24.7 - 2.5)
    assert CURVE.predicted_db(2, 10) == pytest.approx(24.0 - 2.6)
    assert CURVE.predicted_db(32, 60) == CURVE.predicted_db(32, 30) < 35


def test_layers_add_up_to_the_table_and_a_better_first_layer_helps() -> None:
    assert CURVE.layered_db([(8, 10.0), (24, 10.0)]) == pytest.approx(CURVE.predicted_db(32, 10))
    assert CURVE.layered_db([(8, 20.0), (24, 10.0)]) == pytest.approx(27.7 + 31.5 - 26.6)


def test_orthogonal_users_with_two_antennas_are_superposed_by_hand() -> None:
    """Channels at right angles: superposed, a user keeps its own power on twice the symbols, 3 dB less SINR."""
    gains = np.eye(2, dtype=complex)[:, :, None] / np.sqrt(2)
    noise = 10**-1.3 / 2
    parted, superposed = (chooser(2).predict(Sharing.named(form), gains, noise) for form in ("parted", "superposed"))
    np.testing.assert_allclose(parted.sinr_db, 16.02, atol=0.01)
    np.testing.assert_allclose(superposed.sinr_db, 13.01, atol=0.01)
    assert superposed.mean_db - parted.mean_db == pytest.approx(
        CURVE.predicted_db(32, 13.01) - CURVE.predicted_db(16, 16.02), abs=0.01
    )
    assert chooser(2).best(gains, noise).sharing.form == "superposed"


def test_one_antenna_and_like_channels_are_parted() -> None:
    for antennas in (1, 2, 4):
        gains = np.ones((2, antennas, 1), complex)
        assert chooser(2).best(gains, 0.01).sharing.form == "parted"


def test_the_best_is_found_among_all_ways() -> None:
    rng = np.random.default_rng(3)
    for users, antennas in ((2, 2), (3, 2), (4, 4)):
        gains = np.asarray(rng.standard_normal((users, antennas, 4, 2)) @ [1, 1j]) / 2
        best = chooser(users).best(gains, 0.05)
        for overlap in np.linspace(0, 1, 9):
            other = chooser(users).predict(Sharing(float(overlap)), gains, 0.05)
            assert best.mean_db >= other.mean_db - 0.1


def test_groups_are_the_best_of_all_groupings() -> None:
    """Four users in two groups: beside all three pairings, with unequal powers."""
    rng = np.random.default_rng(4)
    for _ in range(20):
        scale = 10 ** (rng.uniform(-6, 6, (4, 1, 1)) / 20)
        gains = scale * np.asarray(rng.standard_normal((4, 2, 3, 2)) @ [1, 1j]) / np.sqrt(8)
        every = [
            chooser(4).predict(Sharing(groups=tuple(int(u not in (0, v)) for u in range(4))), gains, 0.05).mean_db
            for v in (1, 2, 3)
        ]
        found = Sharing(groups=chooser(4).grouped(gains, 0.05, 2))
        assert chooser(4).predict(found, gains, 0.05).mean_db == pytest.approx(max(every), abs=1e-9)


def test_the_worst_users_objective_is_the_best_of_the_worst() -> None:
    """Among all candidates, and for groups among all pairings; the mean's choice is another one often enough."""
    rng, differ = np.random.default_rng(6), 0
    for _ in range(20):
        scale = 10 ** (rng.uniform(-8, 8, (4, 1, 1)) / 20)
        gains = scale * np.asarray(rng.standard_normal((4, 2, 3, 2)) @ [1, 1j]) / np.sqrt(8)
        fair = replace(chooser(4), objective="worst")
        best = fair.best(gains, 0.05)
        assert best.worst_db == max(one.worst_db for one in fair.predictions(gains, 0.05))
        pairings = [Sharing(groups=tuple(int(u not in (0, v)) for u in range(4))) for v in (1, 2, 3)]
        every = [fair.predict(sharing, gains, 0.05).worst_db for sharing in pairings]
        found = fair.predict(Sharing(groups=fair.grouped(gains, 0.05, 2)), gains, 0.05)
        assert found.worst_db == pytest.approx(max(every), abs=1e-9)
        mean = chooser(4).best(gains, 0.05)
        assert mean.worst_db <= best.worst_db + 1e-9 and best.mean_db <= mean.mean_db + 1e-9
        differ += mean.sharing != best.sharing
    assert differ > 0


@pytest.mark.parametrize(("users", "number", "ways"), [(4, 2, 3), (8, 4, 105), (8, 2, 35), (8, 3, 280), (5, 4, 10)])
def test_every_grouping_is_there_once(users: int, number: int, ways: int) -> None:
    """n! / (product of sizes! and of how often a size occurs!)."""
    found = groupings(users, number)
    assert len(found) == len({frozenset(one) for one in found}) == ways
    for one in found:
        assert sorted(user for members in one for user in members) == list(range(users))


@pytest.mark.parametrize(("users", "number"), [(8, 2), (8, 4), (7, 3), (3, 2), (5, 5)])
def test_groups_are_even_and_whole(users: int, number: int) -> None:
    gains = np.asarray(np.random.default_rng(5).standard_normal((users, 4, 3, 2)) @ [1, 1j])
    groups = chooser(users).grouped(gains, 0.1, number)
    sizes = np.bincount(groups)
    assert sizes.size == number and sizes.max() - sizes.min() <= 1 and sizes.sum() == users
    assert Sharing.named(Sharing(groups=groups).form).groups == groups


def test_two_like_users_are_not_put_into_one_group() -> None:
    like, other = np.array([1, 0], complex), np.array([0, 1], complex)
    gains = np.stack([like, like, other, other])[:, :, None]
    groups = chooser(4).grouped(gains, 0.1, 2)
    assert groups[0] != groups[1] and groups[2] != groups[3]


@pytest.mark.parametrize("users", [1, 2, 5, 8])
@pytest.mark.parametrize("overlap", [0, 0.25, 0.5, 1])
def test_every_way_uses_the_whole_payload_and_unit_power(users: int, overlap: float) -> None:
    sharing = Sharing(overlap)
    powers = sharing.powers(users, 32)
    np.testing.assert_allclose(powers.mean(axis=1), 1)
    heard = (powers > 0).sum(axis=0)
    assert (heard >= 1).all() and (heard == users).sum() >= round(overlap * 32)
    assert set(heard) <= {1, users}
    owned = [set(sharing.own_channels(user, users, 32).tolist()) for user in range(users)]
    for a, b in combinations(owned, 2):
        assert len(a & b) == round(overlap * 32)


@pytest.mark.parametrize("text", ["1.5", "-1", "nan", "half", "0/0", "02/", "12/3", "superposed:x", "parted:0"])
def test_ways_that_do_not_exist_are_one_sentence(text: str) -> None:
    with pytest.raises(ModelError) as error:
        Sharing.named(text)
    assert str(error.value).endswith(".")


def test_names_come_back() -> None:
    for text in ("parted", "superposed", "0.25", "02/13"):
        assert Sharing.named(text).form == text
