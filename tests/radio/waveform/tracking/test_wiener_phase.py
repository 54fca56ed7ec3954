"""Phases that wander, against the closed form of the least mean square error, and through the whole receiver."""

import numpy as np
import pytest

from radio.samples import Samples
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.tracking.wiener_phase import wiener_smoothed, wiener_smoothed_compiled
from radio.waveform.transmission.transmitter import BurstTransmitter
from tests.radio.waveform.propagation import noise


@pytest.mark.parametrize("smooth", [wiener_smoothed, wiener_smoothed_compiled])
@pytest.mark.parametrize("step_variance", [1e-4, 1e-2, 0.3])
def test_the_error_is_that_of_the_best_linear_smoother_which_knows_the_linewidth(smooth, step_variance):
    """In the steady state, where the variance of the prediction is the fixed point of the Riccati equation."""
    rng, error = np.random.default_rng(1), 4e-3
    phase = np.cumsum(np.sqrt(step_variance) * rng.standard_normal(4000))
    energy = np.full(phase.size, 1 / (2 * error))
    common = energy * np.exp(1j * phase) + np.sqrt(energy) * noise(rng, phase.size, 1.0)[0]
    left = np.angle(np.exp(1j * (smooth(common, energy) - phase)))
    predicted = 0.5 * (step_variance + np.sqrt(step_variance**2 + 4 * step_variance * error))
    filtered = predicted * error / (predicted + error)
    # Before and after a symbol two independent filters tell of it what its own measurement does not.
    bound = 1 / (1 / filtered + 1 / predicted)
    assert 10 * np.log10(np.mean(left**2) / bound) < 0.5


@pytest.mark.parametrize("smooth", [wiener_smoothed, wiener_smoothed_compiled])
def test_a_still_phase_is_averaged_over_the_burst_and_gaps_are_bridged(smooth):
    rng, symbols, errors = np.random.default_rng(2), 180, []
    for _ in range(40):
        energy = np.where(np.arange(symbols) % 9 == 4, 0.0, 20.0)
        common = energy * np.exp(2.5j) + np.sqrt(energy) * noise(rng, symbols, 1.0)[0]
        errors.append(np.angle(np.exp(1j * (smooth(common, energy) - 2.5))))
    assert np.mean(np.square(errors)) < 3 / (2 * 20.0 * 160)  # of one phase for all symbols: a third of it
    assert not smooth(np.zeros(3, complex), np.zeros(3)).any()


@pytest.mark.parametrize(("linewidth_hz", "least_db"), [(0.0, 19.8), (10.0, 19.0), (100.0, 17.0)])
def test_an_oscillators_linewidth_costs_what_it_does_within_a_symbol(linewidth_hz, least_db):
    """20 dB of SNR. Over a symbol of T a phase strays by pi b T / 3 from its mean: -21.7 dB at 100 Hz, -31.7 at 10."""
    config, k = WaveformConfig(users=1), 16384
    rng, found = np.random.default_rng(3), []
    for _ in range(3):
        symbols = noise(rng, k, 1.0)[0].astype(np.complex64)
        burst = BurstTransmitter(config, 0).modulate(symbols, FrameHeader(1, 0, "image", 8, 8, k, 0))
        sent = np.pad(burst, 600)
        steps = np.sqrt(2 * np.pi * linewidth_hz / config.sample_rate_hz) * rng.standard_normal(sent.size)
        received = sent * np.exp(1j * np.cumsum(steps)) + noise(rng, sent.size, 0.01)
        frame = BurstReceiver(config).receive(Samples(received.astype(np.complex64), 0, config.sample_rate_hz), 600)
        features = frame.users[0].features
        gain = np.vdot(symbols, features) / np.vdot(symbols, symbols)
        found.append(np.mean(np.abs(features / gain - symbols) ** 2))
    assert -10 * np.log10(np.mean(found)) > least_db
