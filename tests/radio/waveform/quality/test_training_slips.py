"""Samples that were lost within the training, and channels that only move meanwhile."""

import numpy as np
import pytest

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import WaveformConfig
from radio.waveform.quality.slips import training_slips
from tests.radio.waveform.propagation import noise

F = np.round(ResourceGrid(WaveformConfig()).frequencies_hz / WaveformConfig().subcarrier_spacing_hz)
NOISE_POWER = 0.002


def seen(responses, seed):
    return (responses[None] + noise(np.random.default_rng(seed), F.size, NOISE_POWER, len(responses))).astype(
        np.complex64
    )


@pytest.mark.parametrize("late", [1, 2, -1])
def test_a_sample_that_was_lost_is_found_between_two_symbols(late):
    channel = 0.6 * np.exp(-2j * np.pi * F / 256 * 0.4) + 0.4j * np.exp(-2j * np.pi * F / 256 * 2.1)
    delays = np.where(np.arange(10) < 6, late, 0)
    responses = channel * np.exp(-2j * np.pi * np.outer(delays, F) / 256)
    assert training_slips(seen(responses, 1), 256, NOISE_POWER).tolist() == delays.tolist()


def test_a_path_that_fades_while_another_comes_up_is_no_lost_sample():
    """From one path to another a sample later within ten symbols: first and last are alike but for a sample."""
    share = np.linspace(0.06, 0.94, 10)[:, None]
    for seed in range(5):
        responses = share + (1 - share) * np.exp(-2j * np.pi * F / 256 + 0.3j * seed)
        assert not training_slips(seen(0.4 * responses, seed), 256, NOISE_POWER).any()
