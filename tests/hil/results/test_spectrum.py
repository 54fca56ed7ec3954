"""The spectrum that is shown is Welch's."""

import numpy as np
import pytest
import scipy.signal

from hil.results.spectrum import power_spectrum


@pytest.mark.parametrize(("length", "bins"), [(6001, 512), (512, 512), (700, 256), (37, 37), (1, 1)])
def test_power_spectrum_is_scipys(length, bins):
    rng = np.random.default_rng(1)
    samples = (rng.standard_normal((length, 2)) @ [1, 1j]).astype(np.complex64)
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = scipy.signal.welch(samples, nperseg=bins, return_onesided=False, detrend=False, scaling="spectrum")[1]
        np.testing.assert_allclose(power_spectrum(samples, bins), wanted, rtol=1e-4, atol=1e-7 * wanted.max())


def test_a_tone_shows_its_power():
    tone = 0.5 * np.exp(2j * np.pi * 10 / 64 * np.arange(1000)).astype(np.complex64)
    power = power_spectrum(tone, 64)
    assert power.argmax() == 10 and power[10] == pytest.approx(0.25, rel=1e-5)
