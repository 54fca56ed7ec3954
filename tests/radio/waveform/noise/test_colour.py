"""The noise's covariance from residuals, against covariances that the tests drew their noise with."""

import numpy as np
import pytest

from radio.waveform.noise.colour import NoiseColour, noise_colour
from radio.waveform.noise.scatter import noise_scatter
from tests.radio.waveform.propagation import noise

ACTIVE, SYMBOLS = 200, 16
NEAR = np.ones(SYMBOLS - 1, bool)


def training(rng, antennas, factors, wander=0.0, drift=0.0):
    """Observations complex64 [antennas, symbols, active] of a channel of power 1 in noise factors [active, a, a] @ w.

    wander: rad, of every symbol's common phase; drift: by how much the channel changes over the burst, evenly.
    """
    channel = noise(rng, ACTIVE, 1.0, antennas)
    moved = channel[:, None] + drift * noise(rng, ACTIVE, 1.0, antennas)[:, None] * np.linspace(0, 1, SYMBOLS)[:, None]
    white = noise(rng, SYMBOLS * ACTIVE, 1.0, antennas).reshape(antennas, SYMBOLS, ACTIVE)
    phases = np.exp(1j * wander * rng.standard_normal(SYMBOLS))[:, None]
    return (moved * phases + np.einsum("kab,bmk->amk", factors, white)).astype(np.complex64)


def flat(antennas, power):
    return np.broadcast_to(np.sqrt(power) * np.eye(antennas), (ACTIVE, antennas, antennas))


@pytest.mark.parametrize("antennas", [1, 2, 4])
def test_white_noise_counts_as_white(antennas):
    rng, taken = np.random.default_rng(antennas), 0
    for _ in range(60):
        looks = [noise_scatter(training(rng, antennas, flat(antennas, 0.01)), NEAR, False) for _ in range(2)]
        taken += noise_colour([(*one, 0) for one in looks]) is not None
    assert taken == 0


@pytest.mark.parametrize("wander, drift, unsteady", [(0.0, 0.0, False), (0.5, 0.0, False), (0.0, 1.0, True)])
@pytest.mark.parametrize("antennas", [1, 2])
def test_looks_show_the_noise_alone(each_backend, antennas, wander, drift, unsteady):
    rng = np.random.default_rng(7)
    factor = np.array([[0.1, 0], [0.06, 0.08]])[:antennas, :antennas] + 0j
    seen = training(rng, antennas, np.broadcast_to(factor, (ACTIVE, antennas, antennas)), wander, drift)
    scatter, looks = noise_scatter(seen, NEAR, unsteady)
    np.testing.assert_allclose(scatter.sum(axis=0) / looks / ACTIVE, factor @ factor.conj().T, atol=1e-3)


def test_an_interferer_has_a_place_and_a_direction(each_backend):
    """20 dB over the noise from one direction on a tenth of the band, a slope of 10 dB on one antenna."""
    rng, towards = np.random.default_rng(8), np.array([1, np.exp(0.7j)])
    true = np.zeros((ACTIVE, 2, 2), complex)
    true[:, 0, 0], true[:, 1, 1] = 0.01, 0.01 * 10 ** np.linspace(0, 1, ACTIVE)
    true[60:80] += np.outer(towards, towards.conj())
    looks = [noise_scatter(training(rng, 2, np.linalg.cholesky(true)), NEAR, False) for _ in range(2)]
    colour = noise_colour([(*one, 0) for one in looks])
    power = float(np.einsum("kaa->", true).real) / 2 / ACTIVE
    left = colour.whitening @ (true / power) @ colour.whitening.conj().swapaxes(1, 2)
    deviation_db = 10 * np.log10(np.einsum("kaa->ka", left).real)
    assert np.sqrt(np.mean(deviation_db**2)) < 1 and np.quantile(np.abs(deviation_db), 0.95) < 2
    rejected = np.einsum("a,kab,b->k", towards.conj(), np.linalg.inv(colour.shape * power), towards).real
    assert (rejected[60:80] < 1.3).all() and (rejected[:55] > 50).all()  # 1 / (1 + 1 / INR) where it is, or 200


def test_users_whose_carriers_are_parted_see_the_same_noise_elsewhere():
    rng = np.random.default_rng(9)
    level = np.where(np.arange(ACTIVE + 6) < 100, 0.01, 0.1)
    offsets, looks = (-3, 3), []
    for offset in offsets:  # a user's subcarrier i is the receiver's i + offset
        factors = np.sqrt(level[3 + offset : 3 + offset + ACTIVE])[:, None, None] + 0j
        looks.append((*noise_scatter(training(rng, 1, factors), NEAR, False), offset))
    colour = noise_colour(looks)
    shape = colour.shape[:, 0, 0].real
    assert shape[90:97] == pytest.approx(shape[10], rel=0.3) and shape[98:] == pytest.approx(10 * shape[10], rel=0.5)
    np.testing.assert_array_equal(colour.moved(3).shape[:190], colour.shape[3:193])
    assert colour.moved(0) is colour


def test_whitened_values_have_white_noise():
    rng = np.random.default_rng(10)
    factor = np.linalg.cholesky(np.array([[2.0, 1 + 0.3j], [1 - 0.3j, 1.0]]) / 1.5)
    colour = NoiseColour.of(np.broadcast_to(factor @ factor.conj().T, (ACTIVE, 2, 2)))
    seen = np.einsum("ab,bmk->amk", factor, noise(rng, 300 * ACTIVE, 1.0, 2).reshape(2, 300, ACTIVE))
    white = colour.whitened(seen.astype(np.complex64)).reshape(2, -1)
    np.testing.assert_allclose(white @ white.conj().T / white.shape[1], np.eye(2), atol=0.02)


def test_no_noise_at_all_is_white():
    still = np.ones((2, SYMBOLS, ACTIVE), np.complex64)
    assert noise_colour([(*noise_scatter(still, NEAR, False), 0)]) is None


def test_a_carrier_that_is_off_by_more_than_the_band_tells_nothing():
    rng = np.random.default_rng(11)
    white = noise_scatter(training(rng, 1, np.ones((ACTIVE, 1, 1)) + 0j), NEAR, False)
    coloured = noise_scatter(training(rng, 1, np.linspace(0.1, 3, ACTIVE)[:, None, None] + 0j), NEAR, False)
    alone = noise_colour([(*coloured, 0)])
    for offset in (ACTIVE, -ACTIVE, ACTIVE + 1, -ACTIVE - 1, 3 * ACTIVE):
        both = noise_colour([(*coloured, 0), (*white, offset)])
        np.testing.assert_array_equal(both.shape, alone.shape)
        assert noise_colour([(*white, offset)]) is None
