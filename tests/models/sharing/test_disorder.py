"""Superposed users' symbols look like noise to each other."""

import numpy as np
import pytest

from models.sharing import Sharing


@pytest.mark.parametrize("form", ["superposed", "0.5", "02/13"])
def test_the_same_picture_of_two_users_is_uncorrelated_on_what_they_share(form: str) -> None:
    """Neither the symbols nor their powers, which grow with the picture's detail, meet their like."""
    rng = np.random.default_rng(1)
    sharing, channels, sites = Sharing.named(form), 16, 600
    symbols = np.asarray(rng.standard_normal((channels, sites, 2)) @ [1, 1j]) * rng.exponential(1, (channels, sites))
    users = 4
    sent = []
    for user in (0, 2):
        count = sharing.own_channels(user, users, channels).size
        sent.append(sharing.place(symbols[:count].astype(np.complex64), user, users, channels).reshape(channels, sites))
    met = (sharing.powers(users, channels)[[0, 2]] > 0).all(axis=0)
    one, other = (part[met].ravel() for part in sent)
    assert one.size >= 8 * sites
    bound = 4 / np.sqrt(one.size)
    assert abs(np.vdot(one, other)) / np.linalg.norm(one) / np.linalg.norm(other) < bound
    assert abs(np.corrcoef(np.abs(one) ** 2, np.abs(other) ** 2)[0, 1]) < bound


def test_a_parted_payload_is_left_in_order() -> None:
    symbols = np.arange(1, 9, dtype=np.complex64).reshape(4, 2)
    payload = Sharing().place(symbols, 1, 2, 8).reshape(8, 2)
    np.testing.assert_allclose(payload[1::2] / payload[1, 0], symbols, rtol=1e-6)
