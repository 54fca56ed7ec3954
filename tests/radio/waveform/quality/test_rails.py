"""Clipping is seen in the histogram, and nothing else is taken for it."""

import numpy as np
import pytest

from radio.waveform.quality.rails import clipped_values


def gaussian(n=40_000, seed=1):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((1, n)) + 1j * rng.standard_normal((1, n))).astype(np.complex64)


def clip(x, limit):
    return (np.clip(x.real, -limit, limit) + 1j * np.clip(x.imag, -limit, limit)).astype(np.complex64)


def quantised(x, bits, full_scale):
    """Two's complement: the rail above is one step lower than the one below."""
    steps = 2 ** (bits - 1)
    parts = np.clip(np.rint(np.stack([x.real, x.imag]) / full_scale * steps), -steps, steps - 1) * full_scale / steps
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


@pytest.mark.parametrize("limit", [1.0, 2.0, 3.0])
def test_every_clipped_value_is_counted(limit):
    x = gaussian()
    beyond = sum(int(np.count_nonzero(np.abs(part) >= limit)) for part in (x.real, x.imag))
    assert clipped_values(clip(x, limit)) == pytest.approx(beyond, rel=0.12)
    assert clipped_values(1e-4 * clip(x, limit)) == pytest.approx(beyond, rel=0.12)


@pytest.mark.parametrize("bits", [6, 8, 12])
def test_converters_clip_and_do_not(bits):
    x = gaussian()
    beyond = sum(int(np.count_nonzero(np.abs(part) >= 1.5)) for part in (x.real, x.imag))
    assert clipped_values(quantised(x, bits, 1.5)) == pytest.approx(beyond, rel=0.35)
    assert clipped_values(quantised(x, bits, 6.0)) == 0


def test_what_is_no_clipping():
    x, t = gaussian(), np.arange(40_000)
    tone = np.exp(2j * np.pi * 0.0123 * t)[None].astype(np.complex64)
    for harmless in (x, tone, np.zeros_like(x), x[:, :0], quantised(0.2 * x, 12, 2048.0), np.where(t > 30_000, x, 0),
                     quantised(x, 3, 8.0), quantised(x, 4, 4.0)):  # fmt: skip
        assert clipped_values(harmless.astype(np.complex64)) == 0
    assert clipped_values(np.concatenate([x, clip(x, 1.0)])) > 20_000  # one of two antennas
