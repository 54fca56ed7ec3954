import math

import numpy as np
import pytest
import torch

from models.codecs.channel import MODES, aligned_features, draw_channel, noise_power_of, superpose, transmit
from models.errors import ModelError
from models.training.codec.frames import SIDE_FIELDS, draw_frame, side_vectors
from models.training.config import ChannelMix
from tests.float32 import FEW_STEPS_ATOL


def generator(seed=1):
    return torch.Generator().manual_seed(seed)


def unit_symbols(batch, users, count, seed=2):
    symbols = torch.randn(batch, users, count, dtype=torch.complex64, generator=generator(seed))
    return symbols / symbols.abs().square().mean(dim=2, keepdim=True).sqrt()


def test_aligned_features_are_the_linear_mmse_estimate():
    """Against the normal equations W = R_xy R_yy^-1, solved by numpy for every symbol."""
    rng = np.random.default_rng(3)
    users, count, noise_power = 3, 17, 0.2
    g = rng.standard_normal((users, count)) + 1j * rng.standard_normal((users, count))
    y = rng.standard_normal(count) + 1j * rng.standard_normal(count)
    expected = np.empty((users, count), complex)
    for symbol in range(count):
        row = g[:, symbol][None]
        covariance = row @ row.conj().T + noise_power * np.eye(1)
        expected[:, symbol] = (row.conj().T @ np.linalg.solve(covariance, y[symbol : symbol + 1])).ravel()
    got = aligned_features(
        torch.from_numpy(y)[None], torch.from_numpy(g)[None], torch.tensor([noise_power], dtype=torch.float64)
    )
    np.testing.assert_allclose(got[0].numpy(), expected, rtol=1e-10)


def test_no_other_scale_of_the_view_has_less_error():
    x = unit_symbols(4, 2, 20_000)
    h = draw_channel("rayleigh", 4, 2, 20_000, generator())
    noise_power = noise_power_of(torch.full((4,), 5.0))
    y = superpose(x, h / math.sqrt(2), noise_power, generator(9))
    z = aligned_features(y, h / math.sqrt(2), noise_power)
    errors = [(scale * z - x).abs().square().mean(dim=2) for scale in (0.9, 1.0, 1.1)]
    assert (errors[1] < errors[0]).all()
    assert (errors[1] < errors[2]).all()


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_noise_and_received_power_are_as_the_snr_says(snr_db):
    x = unit_symbols(8, 2, 30_000)
    h = draw_channel("random-phase", 8, 2, 30_000, generator())
    noise_power = noise_power_of(torch.full((8,), snr_db))
    clean = superpose(x, h / math.sqrt(2), torch.zeros(8), generator(4))
    noise = superpose(x, h / math.sqrt(2), noise_power, generator(4)) - clean
    assert clean.abs().square().mean() == pytest.approx(1, rel=0.02)
    measured_db = 10 * math.log10(clean.abs().square().mean() / noise.abs().square().mean())
    assert measured_db == pytest.approx(snr_db, abs=0.1)


@pytest.mark.parametrize("mode", MODES)
def test_mean_square_gain_is_one(mode):
    h = draw_channel(mode, 20_000, 2, 4, generator())
    assert h.abs().square().mean() == pytest.approx(1, rel=0.03)


def test_modes_differ_as_named():
    assert (draw_channel("awgn", 3, 2, 5) == 1).all()
    phases = draw_channel("random-phase", 20_000, 1, 5, generator())
    np.testing.assert_allclose(phases.abs(), 1, atol=FEW_STEPS_ATOL)
    assert phases.mean().abs() < 0.03
    assert draw_channel("selective", 3, 2, 50, generator()).shape == (3, 2, 50)
    assert draw_channel("selective", 50, 1, 50, generator()).std(dim=2).mean() > 0.1
    with pytest.raises(ModelError, match="rayleigh"):
        draw_channel("tropical", 1, 1, 1)


@pytest.mark.parametrize("mode", MODES)
def test_gradients_reach_every_user_through_every_channel(mode):
    x = unit_symbols(2, 2, 64).requires_grad_()
    h = draw_channel(mode, 2, 2, 64, generator())
    snr_db = torch.full((2,), 5.0)
    received = transmit(x, h, snr_db, torch.full((2,), 0.01), generator(3))
    received.features[:, 0].abs().square().sum().backward()
    assert (x.grad.abs() > 0).all()


def test_a_silent_user_sends_and_is_known_to_send_nothing():
    x, h = unit_symbols(1, 2, 64), torch.ones(1, 2, 1, dtype=torch.complex64)
    h[:, 1] = 0
    received = transmit(x, h, torch.tensor([200.0]), torch.tensor([0.1]), generator())
    assert received.gains[0, 1] == 0
    assert (received.features[0, 1] == 0).all()


def test_side_vectors_agree_with_the_transmitter():
    from models.side_information import SideInformation

    gains = np.array([0.3, 1.2, 0.7], np.float32)
    batch = side_vectors(torch.tensor([8.0]), torch.from_numpy(gains)[None])
    side = SideInformation(8.0, gains, np.zeros(3, np.float32))
    for user in range(3):
        np.testing.assert_allclose(batch[0, user], side.vector(user, SIDE_FIELDS), rtol=FEW_STEPS_ATOL)


def test_frames_are_seeded_and_someone_always_sends():
    mix = ChannelMix(alone=0.5)
    one, two = (draw_frame(mix, 64, 2, 16, generator(5)) for _ in range(2))
    assert torch.equal(one.channel, two.channel)
    assert one.active.any(dim=1).all()
    assert not one.active.all()
    assert ((one.channel.abs().sum(dim=2) > 0) == one.active).all()
    assert (one.snr_db >= 0).all() and (one.snr_db <= 20).all()
