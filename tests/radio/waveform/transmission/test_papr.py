"""Peak-to-average power ratio against closed forms, and what clipping with filtering must leave alone."""

import numpy as np
import pytest

from radio.waveform.transmission.papr import clip_and_filter, papr_db

N = 4096
OCCUPIED = 0.5
FREQUENCIES = np.fft.fftfreq(N)


def tones(count):
    return sum(np.exp(2j * np.pi * k * np.arange(N) / N) for k in range(count)).astype(np.complex64)


@pytest.mark.parametrize("count", [1, 2, 3, 16])
def test_tones_in_phase_reach_their_number(count):
    assert papr_db(tones(count)) == pytest.approx(10 * np.log10(count), abs=1e-3)


def test_silence_around_a_burst_is_no_part_of_its_mean():
    sine = np.sin(2 * np.pi * (np.arange(N) + 0.5) * 64 / N).astype(np.complex64)
    padded = np.concatenate([np.zeros(5000, np.complex64), sine, np.zeros(100, np.complex64)])
    assert papr_db(padded) == pytest.approx(papr_db(sine), abs=1e-6) == pytest.approx(10 * np.log10(2), abs=0.02)
    assert papr_db(np.zeros(10, np.complex64)) == 0.0


@pytest.fixture(scope="module")
def multicarrier():
    """Random QPSK on the carriers of half the band: PAPR about 10 dB, nothing outside."""
    rng = np.random.default_rng(8)
    spectrum = np.where(np.abs(FREQUENCIES) <= OCCUPIED / 2, rng.choice([-1, 1], (N, 2)) @ [1, 1j], 0)
    return (np.fft.ifft(spectrum) * 16).astype(np.complex64)


def outside(burst):
    """Share of the power beside the occupied band."""
    spectrum = np.abs(np.fft.fft(burst)) ** 2
    return spectrum[np.abs(FREQUENCIES) > OCCUPIED / 2].sum() / spectrum.sum()


@pytest.mark.parametrize("limit_db", [4.0, 6.0, 8.0])
def test_peaks_come_near_the_limit_and_nothing_leaves_the_band(multicarrier, limit_db):
    before = papr_db(multicarrier)
    clipped = clip_and_filter(multicarrier, limit_db, OCCUPIED)
    assert before > 8.5 and outside(multicarrier) < 1e-9
    assert limit_db - 0.1 < papr_db(clipped) < limit_db + 1.0
    assert outside(clipped) < 1e-9
    if limit_db == 8.0:  # hardly anything is above it: the signal is nearly what it was
        assert np.mean(np.abs(clipped - multicarrier) ** 2) < 1e-3 * np.mean(np.abs(multicarrier) ** 2)


def test_a_burst_below_the_limit_and_silence_stay_as_they_are(multicarrier):
    assert np.allclose(clip_and_filter(multicarrier, papr_db(multicarrier) + 0.1, OCCUPIED), multicarrier, atol=1e-9)
    padded = np.concatenate([np.zeros(500, np.complex64), multicarrier, np.zeros(700, np.complex64)])
    clipped = clip_and_filter(padded, 5.0, OCCUPIED)
    assert not clipped[:500].any() and not clipped[-700:].any() and clipped[500:-700].all()
    nothing = np.zeros(64, np.complex64)
    assert not clip_and_filter(nothing, 5.0, OCCUPIED).any()
