"""Separation against closed forms, the general quadratic form, and symbols that were really sent."""

import numpy as np
import pytest

from models.separation import lmmse, separated, sinr_of_users
from models.sharing import Sharing, summaries
from radio.waveform.separation.equalizer import lmmse_weights

NOISE = 0.1


def drawn(users: int, antennas: int, n: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.standard_normal((users, antennas, n, 2)) @ [1, 1j]) / np.sqrt(2 * users)


@pytest.mark.parametrize("antennas", [1, 2, 4])
def test_alone_a_user_has_the_sum_of_its_antennas(antennas: int) -> None:
    gains = drawn(1, antennas, 5)
    _, sinr = lmmse(gains, np.array([3.0]), NOISE)
    np.testing.assert_allclose(sinr[0], 3 * np.sum(np.abs(gains[0]) ** 2, axis=0) / NOISE, rtol=1e-9)


def test_two_users_by_hand() -> None:
    """|g|^2 = 2 each, |g_1^H g_2|^2 = 2; by the matrix inversion lemma

    SINR = |g_1|^2 / N - |g_1^H g_2|^2 / (N (|g_2|^2 + N)).
    """
    gains = np.array([[1, 1], [1, 0]], complex)[:, :, None] * np.array([1, np.sqrt(2)])[:, None, None]
    _, sinr = lmmse(gains, np.ones(2), 0.5)
    expected = 2 / 0.5 - 2 / (0.5 * (2 + 0.5))
    np.testing.assert_allclose(sinr[:, 0], expected, rtol=1e-12)


@pytest.mark.parametrize(("users", "antennas"), [(2, 1), (2, 4), (8, 4), (3, 2)])
def test_sinr_is_the_quadratic_form_over_the_others_covariance(users: int, antennas: int) -> None:
    """SINR_i = p_i g_i^H (sum_{j != i} p_j g_j g_j^H + N I)^-1 g_i (Tse and Viswanath, 8.61)."""
    gains, powers = drawn(users, antennas, 3), np.linspace(0.5, 2, users)
    _, sinr = lmmse(gains, powers, NOISE)
    for i in range(users):
        for n in range(3):
            others = [j for j in range(users) if j != i]
            covariance = NOISE * np.eye(antennas) + sum(
                powers[j] * np.outer(gains[j, :, n], gains[j, :, n].conj()) for j in others
            )
            expected = powers[i] * (gains[i, :, n].conj() @ np.linalg.inv(covariance) @ gains[i, :, n]).real
            assert sinr[i, n] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("antennas", [1, 2, 4])
def test_models_and_waveform_separate_alike(antennas: int) -> None:
    gains = drawn(3, antennas, 7)
    weights, _ = lmmse(gains, np.ones(3), NOISE)
    np.testing.assert_allclose(weights, lmmse_weights(gains, NOISE), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("form", ["parted", "0.5", "superposed", "02/1"])
@pytest.mark.parametrize("antennas", [1, 2, 4])
def test_the_views_have_the_sinr_that_is_told(form: str, antennas: int) -> None:
    """What the regression of a view on the sent symbols leaves over is noise of the told power."""
    rng = np.random.default_rng(2)
    users, channels, sites = 3, 8, 4000
    powers, gains = Sharing.named(form).powers(users, channels), drawn(users, antennas, 1)
    symbols = np.asarray(rng.standard_normal((users, channels, sites, 2)) @ [1, 1j]) / np.sqrt(2)
    sent = (symbols * np.sqrt(powers)[:, :, None]).swapaxes(1, 2).reshape(users, -1)
    noise = np.asarray(rng.standard_normal((antennas, channels * sites, 2)) @ [1, 1j]) * np.sqrt(NOISE / 2)
    views, told = separated(np.einsum("ua,uk->ak", gains[:, :, 0], sent) + noise, gains, powers, NOISE)
    for user in range(users):
        own = powers[user] > 0
        errors = []
        for channel in np.flatnonzero(own):
            view, truth = views[user].reshape(-1, channels)[:, channel], symbols[user, channel]
            scale = np.vdot(truth, view) / np.vdot(truth, truth)
            errors.append(np.mean(np.abs(view - scale * truth) ** 2) / np.abs(scale) ** 2)
        assert told[user].size == own.sum() * sites
        np.testing.assert_allclose(np.sort(1 / np.array(errors)), np.sort(told[user][::sites]), rtol=0.15)
        assert not views[user].reshape(-1, channels)[:, ~own].any()


def test_a_parted_user_wastes_no_antenna_on_silent_users() -> None:
    gains = drawn(4, 4, 1)
    told = sinr_of_users(gains, Sharing.named("parted").powers(4, 32), NOISE)
    for user in range(4):
        alone = 4 * np.sum(np.abs(gains[user]) ** 2) / NOISE
        np.testing.assert_allclose(told[user], alone, rtol=1e-9)


def test_a_selective_channel_is_summarised_over_its_places() -> None:
    gains = drawn(2, 2, 16)
    powers = Sharing.named("superposed").powers(2, 4)
    by_places, _ = summaries(sinr_of_users(gains, powers, NOISE))
    received = np.zeros((2, 64), complex)
    by_symbols, _ = summaries(separated(received, np.tile(gains, 4), powers, NOISE)[1])
    np.testing.assert_allclose(by_places, by_symbols, rtol=1e-6)
