"""Transforms of 64 to 4096 and prefixes of a whole symbol, through the tests' own channel."""

import numpy as np
import pytest

from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver

from .test_receiver import START, air


def waveform(fft_size, cp_samples):
    """About 78 % of the subcarriers active, as by default; a header is long enough in narrow bands as well."""
    active = fft_size * 25 // 64 * 2
    return WaveformConfig(
        fft_size=fft_size,
        cp_samples=cp_samples,
        active_subcarriers=active,
        pilots_per_user=4 if fft_size == 64 else 8,
        header_symbols=20 if fft_size == 64 else 6,
    )


@pytest.mark.parametrize("expected_tick", [1000 + START, None])
@pytest.mark.parametrize(
    ("fft_size", "cp_samples"),
    [
        (64, 8),
        (64, 64),
        (128, 128),
        pytest.param(512, 512, marks=pytest.mark.slow),
        pytest.param(1024, 128, marks=pytest.mark.slow),
        pytest.param(2048, 2048, marks=pytest.mark.slow),
        pytest.param(4096, 512, marks=pytest.mark.slow),
    ],
)
def test_two_users_are_received(fft_size, cp_samples, expected_tick):
    config, rng, k = waveform(fft_size, cp_samples), np.random.default_rng(fft_size), 1500
    cfo_hz = [0.2 * config.subcarrier_spacing_hz, -0.15 * config.subcarrier_spacing_hz]
    taps = ((0.0, 0.9), (0.3 * cp_samples, 0.4j))
    samples, symbols = air(config, k, rng, snr_db=20, cfo_hz=cfo_hz, taps=taps, parted=True, tail=3 * fft_size)
    powers = 2 * np.eye(2)
    frame = BurstReceiver(config).receive(samples, expected_tick, powers=powers)
    assert abs(frame.start_tick - 1000 - START) < 4
    for user, sent in zip(frame.users, symbols, strict=True):
        assert user.header_read and user.cfo_hz == pytest.approx(cfo_hz[user.user], abs=0.02 * cfo_hz[0])
        assert 10 * np.log10(np.mean(np.abs(sent) ** 2) / np.mean(np.abs(user.features - sent) ** 2)) > 10
