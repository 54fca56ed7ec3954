"""Constellations show what a user sent, whatever pattern its symbols have in the payload."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from hil.config import load_config
from hil.nodes.telemetry import POINTS, telemetry
from hil.results.constellation import at_unit_power, own_symbols, some_of
from hil.results.observe import MAX_POINTS, diagnostics


def payload(users, user, period, count=12_000):
    """Features of a user that sends in every `users`-th use; of them every `period`-th is a symbol of its own kind."""
    rng = np.random.default_rng(user)
    own = np.exp(0.5j * np.pi * rng.integers(0, 4, count // users)).astype(np.complex64)
    own[::period] *= 3
    features = np.zeros(count, np.complex64)
    features[user::users] = own
    return features


def slot_of(users, period):
    received = [
        SimpleNamespace(user=user, channel=None, features=payload(users, user, period), detected=True, reason=None,
                        evm_db=None, snr_db=None, quality=None)
        for user in range(users)
    ]  # fmt: skip
    grant = SimpleNamespace(slot=0, frame=0)
    return SimpleNamespace(received=SimpleNamespace(users=received), samples=None, csi=None, grant=grant)


@pytest.mark.parametrize("users", [2, 4, 8])
@pytest.mark.parametrize("period", [2, 3, 5, 8])
def test_every_user_shows_its_own_symbols_in_their_proportions(users, period):
    config, slot = load_config(None, {"users": users}), slot_of(users, period)
    message, _ = telemetry(config, slot, [], {})
    kept = diagnostics(config, slot)["constellation"]
    for user in range(users):
        live = np.frombuffer(message.users[user].constellation, "<f2").astype(np.float32).view(np.complex64)
        assert live.size == POINTS and np.all(live != 0)
        assert math.isclose(np.mean(np.abs(live) ** 2), 1, abs_tol=0.25)  # of unit mean power
        stored = own_symbols(kept[user])
        assert stored.size == min(MAX_POINTS, 12_000 // users)
        for points in (live, stored):
            strong = np.mean(np.abs(points) > 1.5 * np.abs(points).min())
            assert abs(strong - 1 / period) < 4 * math.sqrt(1 / period / points.size)


def test_the_choice_is_always_the_same_keeps_the_order_and_leaves_few_alone():
    symbols = np.arange(1, 1001).astype(np.complex64)
    chosen = some_of(symbols, 100)
    assert chosen.size == 100 and np.all(np.diff(chosen.real) > 0) and np.array_equal(chosen, some_of(symbols, 100))
    assert some_of(symbols, 1000) is symbols
    assert own_symbols(np.array([0, np.nan, 1j, np.inf], np.complex64)).tolist() == [1j]


def test_a_user_that_sends_nothing_has_no_points():
    slot = slot_of(2, 2)
    slot.received.users[1].features = np.zeros(100, np.complex64)
    message, _ = telemetry(load_config(None, {}), slot, [], {})
    assert message.users[1].constellation == b"" and message.users[0].constellation


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e-44, 1e-25, 1e25])
def test_symbols_whose_squares_no_float32_holds_are_shown_at_unit_power(size):
    slot = slot_of(2, 2)
    slot.received.users[0].features = np.full(100, size, np.complex64)
    message, _ = telemetry(load_config(None, {}), slot, [], {})
    live = np.frombuffer(message.users[0].constellation, "<f2").astype(np.float32).view(np.complex64)
    np.testing.assert_allclose(np.abs(live), 1, atol=1e-2)
    np.testing.assert_allclose(np.abs(at_unit_power(np.full(9, size**7, np.complex128), 5)), 1, atol=1e-6)
