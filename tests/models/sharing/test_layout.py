"""Where users' symbols meet on the resource grid: as often as the way of sharing says, whatever sizes pictures have."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.layout import gathered, laid_out
from models.sharing import Sharing
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import WaveformConfig

CHANNELS = 32


@given(st.integers(1, 40), st.integers(1, 300), st.integers(0, 2**32))
@settings(max_examples=40)
def test_the_order_comes_back(channels: int, positions: int, seed: int) -> None:
    symbols = np.random.default_rng(seed).standard_normal((channels, positions, 2)).astype(np.float32) @ [1, 1j]
    symbols = symbols.astype(np.complex64)
    payload = laid_out(symbols)
    np.testing.assert_array_equal(gathered(payload, channels), symbols)
    for channel in range(channels):
        assert set(payload[channel::channels]) == set(symbols[channel])


@given(
    st.integers(1, 8),
    st.sampled_from(["parted", "superposed", "0.25", "0.5", "0.7", "02/13"]),
    st.integers(8, CHANNELS),
    st.data(),
)
@settings(max_examples=40)
def test_symbols_come_back_through_every_way_of_sharing(users: int, form: str, channels: int, data) -> None:
    sharing = Sharing(Sharing.named(form).overlap, channels, Sharing.named(form).groups)
    users = 4 if sharing.groups else users
    user, positions = data.draw(st.integers(0, users - 1)), data.draw(st.integers(1, 60))
    count = sharing.own_channels(user, users, CHANNELS).size
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    symbols = (rng.standard_normal((count, positions, 2)) @ [1, 1j]).astype(np.complex64)
    payload = sharing.place(symbols, user, users, CHANNELS)
    assert payload.size == channels * positions
    assert np.mean(np.abs(payload) ** 2) == pytest.approx(1, rel=1e-5)
    symbols /= np.sqrt(np.mean(np.abs(symbols) ** 2))
    np.testing.assert_allclose(sharing.pick(payload, user, users, CHANNELS), symbols, rtol=1e-4, atol=1e-5)


def elements(sharing: Sharing, user: int, users: int, positions: int, grid: ResourceGrid) -> set[int]:
    """Resource elements (symbol * active + subcarrier) in which a user sends a picture of so many latent positions."""
    count = sharing.own_channels(user, users, CHANNELS).size
    payload = sharing.place(np.ones((count, positions), np.complex64), user, users, CHANNELS)
    return set(np.flatnonzero(grid.map_payload(payload).ravel()).tolist())


@given(st.integers(2, 4), st.floats(0, 1), st.integers(8, CHANNELS), st.data())
@settings(max_examples=40)
def test_users_meet_on_the_stated_share_whatever_their_sizes(users: int, overlap: float, channels: int, data) -> None:
    """Of the smaller picture's positions every common channel meets the other user's, and nothing else does."""
    sharing, grid = Sharing(overlap, channels), ResourceGrid(WaveformConfig(users=users))
    common = round(overlap * channels)
    positions = [data.draw(st.integers(1, 120)) for _ in range(users)]
    sent = [elements(sharing, user, users, size, grid) for user, size in enumerate(positions)]
    for user, size in enumerate(positions):
        assert len(sent[user]) == sharing.own_channels(user, users, CHANNELS).size * size
    for one, other in combinations(range(users), 2):
        assert len(sent[one] & sent[other]) == common * min(positions[one], positions[other])


def test_groups_are_apart_whatever_their_sizes() -> None:
    sharing, grid = Sharing.named("02/13"), ResourceGrid(WaveformConfig(users=4))
    sent = [elements(sharing, user, 4, size, grid) for user, size in enumerate((100, 64, 20, 7))]
    assert not (sent[0] | sent[2]) & (sent[1] | sent[3])
    assert sent[2] < sent[0] and sent[3] < sent[1]


@pytest.mark.parametrize("positions", [64, 1024])
def test_a_lost_stretch_takes_no_position_whole_and_no_region(positions: int) -> None:
    """An eighth of the burst in one piece: every channel loses an eighth, no position more than a quarter of it."""
    channels = 16
    payload = laid_out((np.arange(channels * positions).reshape(channels, -1) + 1).astype(np.complex64))
    payload[payload.size // 2 : payload.size // 2 + payload.size // 8] = 0
    lost = gathered(payload, channels) == 0
    np.testing.assert_allclose(lost.mean(axis=1), 1 / 8, atol=1 / positions)
    assert lost.mean(axis=0).max() <= 1 / 4
    halves = lost.reshape(channels, 2, -1).mean(axis=2)
    assert halves.min() > 0.02
