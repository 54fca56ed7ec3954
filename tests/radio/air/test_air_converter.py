"""Converters: quantisation noise, clipping, what is not a number."""

import numpy as np
import pytest

from radio.air.converter import convert


@pytest.mark.parametrize("bits", [6, 8, 12])
def test_quantisation_noise_of_a_full_scale_tone(each_backend, bits):
    n = np.arange(200_000)
    top = 1 - 2.0 ** (1 - bits)
    x = (top * np.exp(2j * np.pi * 0.1234567 * n)).astype(np.complex64)
    y = x.copy()
    assert convert(y, bits) == 0
    measured = 10 * np.log10(np.mean(np.abs(x) ** 2) / np.mean(np.abs(y - x) ** 2))
    assert measured == pytest.approx(6.02 * bits + 1.76 + 20 * np.log10(top), abs=0.35)


def test_levels_and_clipping(each_backend):
    x = np.array([0.3 - 0.3j, 5 - 5j, 0.124 + 0.126j, -1 + 1j], np.complex64)
    assert convert(x, 3) == 3
    assert np.array_equal(x, np.array([0.25 - 0.25j, 0.75 - 1j, 0 + 0.25j, -1 + 0.75j], np.complex64))


def test_full_scale_moves_the_limits(each_backend):
    x = np.array([3.9 + 0j, -9 + 0j], np.complex64)
    assert convert(x, 8, 4.0) == 1
    assert x[0] == pytest.approx(3.9, abs=4 / 128) and x[1] == -4


def test_not_a_number_becomes_zero_and_is_counted(each_backend):
    x = np.array([complex(np.nan, 0.5), complex(np.inf, -np.inf), 0.25], np.complex64)
    assert convert(x, 8) == 3
    assert np.isfinite(x).all() and x[0] == 0.5j and x[2] == 0.25


def test_off_is_identity(noise_like):
    x = noise_like(100)
    y = x.copy()
    assert convert(y, None) == 0 and x.tobytes() == y.tobytes()
