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
        payload = sharing.place(symbols[:count].astype(np.complex64), user, users, channels)
        sent.append(payload.reshape(sites, channels).T)
    met = (sharing.powers(users, channels)[[0, 2]] > 0).all(axis=0)
    one, other = (part[met].ravel() for part in sent)
    assert one.size >= 8 * sites
    bound = 4 / np.sqrt(one.size)
    assert abs(np.vdot(one, other)) / np.linalg.norm(one) / np.linalg.norm(other) < bound
    assert abs(np.corrcoef(np.abs(one) ** 2, np.abs(other) ** 2)[0, 1]) < bound


def test_a_parted_users_channels_stay_whole() -> None:
    """Channel 1, 3, 5 and 7 of 8 carry the code's channels 0 to 3, all positions of each."""
    symbols = np.arange(1, 13, dtype=np.complex64).reshape(4, 3)
    payload = Sharing().place(symbols, 1, 2, 8).reshape(3, 8)
    assert not payload[:, 0::2].any()
    found = np.sort(np.rint(payload[:, 1::2].real * 12 / payload.real.max()), axis=0)
    np.testing.assert_array_equal(found.T, symbols.real)
