"""FFT windows: where they may lie among early and late paths, by the cyclic prefix's own property."""

import numpy as np
import pytest

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.windows import backoff_samples, symbol_bins
from radio.waveform.config import WaveformConfig

CONFIG = WaveformConfig(users=1)
GRID = ResourceGrid(CONFIG)
CP, N = CONFIG.cp_samples, CONFIG.fft_size


def symbols_with_prefixes(rng, count):
    """Spectra complex [count, N] of random QPSK on the active carriers, and their samples with cyclic prefixes."""
    spectra = np.zeros((count, N), complex)
    spectra[:, GRID.bins] = rng.choice([-1, 1], (count, GRID.bins.size, 2)) @ [1, 1j]
    times = np.fft.ifft(spectra, axis=1) * np.sqrt(N)
    return spectra, np.concatenate([times[:, -CP:], times], axis=1).ravel()


@pytest.mark.parametrize(
    ("early", "late", "free"),
    [(0, 0, True), (CP // 4, 0, True), (0, CP - CP // 4, True), (CP // 4, CP - CP // 4, True),
     (CP // 4 + 6, 0, False), (0, CP - CP // 4 + 6, False)],
)  # fmt: skip
def test_a_quarter_of_the_prefix_is_for_earlier_paths_and_the_rest_for_later_ones(early, late, free):
    """A window that holds one symbol's content of every path gives the same channel for every symbol."""
    spectra, sent = symbols_with_prefixes(np.random.default_rng(4), 6)
    received = np.zeros(sent.size + 2 * CP, complex)
    for delay, gain in ((0, 1.0), (-early, 0.5j), (late, 0.4)):
        received[CP + delay : CP + delay + sent.size] += gain * sent
    starts = CP + CP + np.arange(1, 5) * (N + CP) - backoff_samples(GRID)  # of the strongest path's windows
    bins = symbol_bins(received.astype(np.complex64)[np.newaxis], GRID, starts, 0.0, 0.0)[0]
    order = np.concatenate([np.arange(N - bins.shape[1] // 2, N), np.arange(1, bins.shape[1] // 2 + 1)])
    channel = bins / spectra[1:5][:, order]
    spread = np.abs(channel - channel.mean(axis=0)).max()
    assert spread < 1e-4 if free else spread > 1e-2


def test_a_carrier_offset_is_undone_from_window_to_window():
    spectra, sent = symbols_with_prefixes(np.random.default_rng(5), 4)
    cfo_hz, origin = 1234.5, 100.0
    ticks = np.arange(sent.size)
    turned = sent * np.exp(2j * np.pi * cfo_hz / CONFIG.sample_rate_hz * (ticks - origin))
    starts = CP + np.arange(4) * (N + CP)
    straight, undone = (
        symbol_bins(data.astype(np.complex64)[np.newaxis], GRID, starts, offset_hz, origin)
        for data, offset_hz in ((sent, 0.0), (turned, cfo_hz))
    )
    np.testing.assert_allclose(undone, straight, atol=2e-3)
    order = np.concatenate([np.arange(N - straight.shape[2] // 2, N), np.arange(1, straight.shape[2] // 2 + 1)])
    np.testing.assert_allclose(straight[0], spectra[:, order], atol=1e-3)
