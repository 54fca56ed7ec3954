"""Mixers and amplifiers against their closed forms."""

import numpy as np
import pytest

from radio.air.config import IqImbalanceConfig, PowerAmplifierConfig
from radio.air.dc_offset import add_dc
from radio.air.iq_imbalance import imbalance
from radio.air.power_amplifier import amplify


@pytest.mark.parametrize(("gain_db", "phase_deg"), [(0.5, 0.0), (0.0, 2.0), (-1.0, 3.0)])
def test_image_ratio(gain_db, phase_deg):
    n = 4096
    tone = np.exp(2j * np.pi * 100 * np.arange(n) / n).astype(np.complex64)
    spectrum = np.fft.fft(imbalance(tone, IqImbalanceConfig(gain_db=gain_db, phase_deg=phase_deg))) / n
    g, phi = 10 ** (gain_db / 20), np.deg2rad(phase_deg)
    expected = (1 - 2 * g * np.cos(phi) + g**2) / (1 + 2 * g * np.cos(phi) + g**2)
    assert abs(spectrum[-100]) ** 2 / abs(spectrum[100]) ** 2 == pytest.approx(expected, rel=1e-3)


def test_quadrature_axis_is_turned_and_scaled():
    y = imbalance(np.array([1, 1j], np.complex64), IqImbalanceConfig(gain_db=6.0, phase_deg=30.0))
    g = 10 ** (6 / 20)
    assert y[1] == pytest.approx(1j * g * np.cos(np.pi / 6), abs=1e-6)
    assert y[0] == pytest.approx(1 + 1j * g * np.sin(np.pi / 6), abs=1e-6)


@pytest.mark.parametrize("p", [1.0, 2.0, 10.0])
def test_rapp_curve(p):
    config = PowerAmplifierConfig(saturation_amplitude=0.5, smoothness=p)
    drive = np.array([1e-3, 0.25, 0.5, 100.0])
    x = (drive * np.exp(1j * 0.7)).astype(np.complex64)
    y = amplify(x, config)
    assert np.abs(y) == pytest.approx(drive / (1 + (drive / 0.5) ** (2 * p)) ** (1 / (2 * p)), rel=1e-4)
    assert abs(y[2]) == pytest.approx(0.5 * 2 ** (-1 / (2 * p)), rel=1e-4)  # at A: down by 2^(-1/2p)
    assert abs(y[3]) == pytest.approx(0.5, rel=1e-3)
    assert np.angle(y) == pytest.approx(0.7, abs=1e-5)


def test_dc_offset_adds():
    assert np.array_equal(add_dc(np.zeros(3, np.complex64), (0.25, -0.5)), np.full(3, 0.25 - 0.5j, np.complex64))


def test_off_returns_the_same_array(noise_like):
    x = noise_like(10)
    assert imbalance(x, None) is x and add_dc(x, (0.0, 0.0)) is x and amplify(x, None) is x
