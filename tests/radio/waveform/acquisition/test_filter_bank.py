"""The bank of matched filters against correlations that are written out."""

import numpy as np
import pytest

from radio.waveform.acquisition.filter_bank import Bank
from radio.waveform.acquisition.hypotheses import offsets_hz, whole_subcarriers
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import WaveformConfig
from tests.radio.waveform.propagation import noise


@pytest.mark.parametrize(("fft_size", "active", "length"), [(256, 200, 9001), (64, 50, 300), (512, 400, 2100)])
def test_every_hypothesis_is_a_correlation_with_a_shifted_preamble(each_backend, fft_size, active, length):
    config = WaveformConfig(fft_size=fft_size, active_subcarriers=active, header_symbols=12, pilots_per_user=4)
    samples = noise(np.random.default_rng(1), length, 1.0, 2).astype(np.complex64)
    numbers = np.round(ResourceGrid(config).frequencies_hz / config.subcarrier_spacing_hz)
    n = np.arange(fft_size)
    symbol = ResourceGrid(config).preamble(1) @ np.exp(2j * np.pi / fft_size * np.outer(numbers, n)) / np.sqrt(fft_size)
    bank = Bank(samples, config, 1)
    groups = list(bank.groups())
    assert np.concatenate(groups).tolist() == list(range(offsets_hz(config).size))
    places = length - fft_size + 1
    for group in (groups[0], groups[-1]):
        energies = bank.energies(group)
        assert energies.shape == (group.size, places)
        for row, hypothesis in ((0, group[0]), (-1, group[-1])):
            shifted = symbol * np.exp(2j * np.pi * offsets_hz(config)[hypothesis] / config.sample_rate_hz * n)
            expected = sum(np.abs(np.correlate(one, shifted, "valid")) ** 2 for one in samples)
            np.testing.assert_allclose(energies[row], expected, rtol=0, atol=2e-4 * expected.max())


def test_whole_subcarriers_are_those_of_the_hypotheses():
    for ppm in (0.0, 3.0, 20.0, 21.0):
        config = WaveformConfig(oscillator_ppm=ppm)
        whole = [f / config.subcarrier_spacing_hz for f in offsets_hz(config) if f % config.subcarrier_spacing_hz == 0]
        assert whole_subcarriers(config).tolist() == whole
