"""The whole medium: off means off, users add, the truth is true, calls in any order give the same air."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest

from radio.air.config import AirConfig, LinkConfig
from radio.air.medium import Medium
from radio.errors import ConfigurationError
from radio.samples import Samples

ROUGH = {
    "channel": "tdl-a",
    "rx_antennas": 2,
    "rx_iq_imbalance": {"gain_db": 0.2, "phase_deg": 1.0},
    "rx_dc_offset": (0.01, -0.01),
    "interferers": ({"power": 0.01}, {"kind": "bursty", "activity": 0.5}),
}


def medium_with(config, *bursts):
    medium = Medium(config)
    for user, samples in bursts:
        medium.add_burst(user, samples)
    return medium


def test_all_off_is_bitwise_identity(each_backend, noise_like, burst):
    x = noise_like(1000)
    got = medium_with(AirConfig.ideal(), (0, burst(x, 10))).render(10, 1000)
    assert got.dtype == np.complex64 and got[0].tobytes() == x.tobytes()


def test_silence_is_zero_without_noise():
    assert not Medium(AirConfig.ideal()).render(-5, 100).any()


def test_users_add_linearly(each_backend, noise_like, burst):
    config = AirConfig(noise_power=0.0, adc_bits=None, dac_bits=None, channel="tdl-c")
    a, b = burst(noise_like(3000, 1), 100), burst(noise_like(2500, 2), 300)
    alone = [medium_with(config, (user, samples)).render(0, 3500) for user, samples in ((0, a), (1, b))]
    together = medium_with(config, (0, a), (1, b)).render(0, 3500)
    assert np.abs(together - alone[0] - alone[1]).max() < 1e-6


def test_link_gain_and_transmit_gain(noise_like, burst):
    config = AirConfig.ideal(links=(LinkConfig(gain_db=-20, delay_samples=0.0),))
    medium = Medium(config)
    truth = medium.add_burst(0, burst(noise_like(100)), tx_gain_db=-6.0)
    assert medium.render(0, 100)[0] == pytest.approx(noise_like(100) * 10 ** (-26 / 20), abs=1e-7)
    assert abs(truth.path_gain) == pytest.approx(10 ** (-26 / 20))


def predicted(truth, x, n):
    """What LinkTruth's formula says arrives in n ticks from the burst's start: complex128 [antennas, n]."""
    size = 2 * x.size  # silence around the burst
    frequency, spectrum = np.fft.fftfreq(size), np.fft.fft(x, size) / size
    arrived = 0
    for tau, gains in zip(truth.tap_delays_samples, truth.tap_gains.T, strict=True):
        positions = np.arange(n) * (1 + truth.clock_ppm * 1e-6) - tau
        path = np.exp(2j * np.pi * np.outer(positions, frequency)) @ spectrum
        arrived = arrived + gains[:, None] * path
    return arrived * np.exp(2j * np.pi * truth.cfo_hz * np.arange(n) / 4e6)


@pytest.mark.parametrize("channel", ["awgn", "rayleigh", "rician", "tdl-a", "tdl-e"])
def test_truth_predicts_what_arrives(each_backend, band_limited, burst, channel):
    config = AirConfig(channel=channel, noise_power=0.0, phase_noise=None, dac_bits=None, adc_bits=None, rx_antennas=2)
    x = band_limited(700, 0.6)
    medium = Medium(config)
    truth = medium.add_burst(1, burst(x, 777_777))
    got, expected = medium.render(777_777, 700), predicted(truth, x, 700)
    assert np.sum(np.abs(got - expected) ** 2) / np.sum(np.abs(expected) ** 2) < 10**-6
    assert medium.truth(777_000, 800)[0] is truth and medium.truth(0, 100) == []


def test_frequency_response_is_that_of_a_tone(burst):
    config = AirConfig.ideal(channel="tdl-a", links=(LinkConfig(delay_samples=3.3),))
    frequency_hz = 412_345.0
    x = np.exp(2j * np.pi * frequency_hz / 4e6 * np.arange(4000)).astype(np.complex64)
    medium = Medium(config)
    truth = medium.add_burst(0, burst(x))
    h = truth.frequency_response(np.array([frequency_hz]), 4e6)
    assert h.shape == (1, 1)
    assert medium.render(0, 4000)[0, 500:3500] == pytest.approx(h[0, 0] * x[500:3500], abs=1e-3)


def test_doppler_moves_the_gain_within_a_burst(band_limited, burst):
    config = AirConfig.ideal(
        channel="rayleigh", coherence="doppler", doppler_hz=200.0, links=(LinkConfig(delay_samples=0.0),)
    )
    x = np.full(40_000, 0.5, np.complex64)
    medium = Medium(config)
    truth = medium.add_burst(0, burst(x))
    got = medium.render(0, 40_000)[0] / 0.5
    assert got[20_000] == pytest.approx(truth.tap_gains[0, 0], abs=2e-3)
    assert abs(got[39_000] - got[1000]) > 0.1


def test_noise_power_over_the_air(each_backend):
    n = 1 << 17
    x = Medium(AirConfig(noise_power=0.02, adc_bits=None)).render(0, n)
    assert np.mean(np.abs(x) ** 2) == pytest.approx(0.02, rel=5 / np.sqrt(n))


def test_converter_clips_and_counts(noise_like, burst):
    config = AirConfig.ideal(adc_bits=12, adc_full_scale=0.1)
    out, clipped = medium_with(config, (0, burst(noise_like(1000)))).render_counted(0, 1000)
    assert clipped > 500 and np.abs(out.real).max() <= 0.1 + 1e-6


def test_the_agc_leaves_headroom(noise_like, burst):
    for channel in ("awgn", "rayleigh"):
        medium = medium_with(AirConfig(channel=channel), *((u, burst(noise_like(20_000, u, 0.1))) for u in (0, 1)))
        assert medium.render_counted(0, 20_000)[1] == 0


@pytest.mark.parametrize("changes", [{}, ROUGH, {"channel": "rayleigh", "coherence": "doppler"}])
def test_any_order_and_any_cut_give_the_same_air(noise_like, burst, changes):
    config = AirConfig(**changes)
    bursts = [(user, burst(noise_like(2000, 10 * user + k), 5000 * k)) for user in (0, 1, 2) for k in (0, 1, 2)]
    whole = medium_with(config, *bursts).render(0, 15_000)
    other = medium_with(config, *reversed(bursts))
    edges = [0, 1, 4999, 5003, 7777, 15_000]
    pieces = [other.render(a, b - a) for a, b in itertools.pairwise(edges)]
    assert np.array_equal(whole, np.concatenate(pieces, axis=1))


def test_a_resumed_run_sees_the_same_air(noise_like, burst):
    config = AirConfig(channel="tdl-a")
    frames = [(0, burst(noise_like(3000, k), 10_000 * k)) for k in range(4)]
    whole = medium_with(config, *frames)
    for k in range(3):
        whole.render(10_000 * k, 10_000)
        whole.forget_before(10_000 * k)
    resumed = medium_with(config, frames[3])
    assert np.array_equal(whole.render(30_000, 10_000), resumed.render(30_000, 10_000))


def test_seeds_differ(noise_like, burst):
    a, b = (medium_with(AirConfig(seed=s), (0, burst(noise_like(500)))).render(0, 500) for s in (1, 2))
    assert not np.array_equal(a, b)


def test_memory_is_let_go(noise_like, burst):
    medium = medium_with(AirConfig(), *((0, burst(noise_like(1000), 2000 * k)) for k in range(5)))
    assert medium.stored_samples >= 5000
    medium.forget_before(6500)
    assert medium.stored_samples < 2500
    assert medium.truth(0, 6000) == []


def test_wrong_bursts_are_refused_in_a_sentence(noise_like):
    with pytest.raises(ConfigurationError, match="samples/s"):
        Medium(AirConfig()).add_burst(0, Samples(noise_like(10)[None], 0, 1e6))
    with pytest.raises(ConfigurationError, match="one channel"):
        Medium(AirConfig()).add_burst(0, Samples(np.zeros((2, 10), np.complex64), 0, 4e6))


def test_numpy_and_numba_give_the_same_air_but_for_rounding(monkeypatch, noise_like, burst):
    from radio import acceleration

    if not acceleration.NUMBA:
        pytest.skip("numba is absent or switched off")
    config = AirConfig(channel="tdl-a", adc_bits=None)
    results = []
    for numba in (True, False):
        monkeypatch.setattr(acceleration, "NUMBA", numba)
        results.append(medium_with(config, (0, burst(noise_like(20_000)))).render(0, 20_000))
    difference = np.mean(np.abs(results[0] - results[1]) ** 2) / np.mean(np.abs(results[0]) ** 2)
    assert difference < 2e-6  # the compiled filter holds its taps where that costs less than -60 dB


def test_numba_can_be_switched_off_by_the_environment():
    code = "from radio import acceleration; from radio.air.medium import Medium; print(acceleration.NUMBA)"
    environment = {**os.environ, "SEMNOMA_HIL_NO_NUMBA": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
