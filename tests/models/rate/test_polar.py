"""The polar code against its definition and against what is known of channels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.rate import polar


def test_the_transform_is_the_kronecker_power():
    kernel, matrix = np.array([[1, 0], [1, 1]]), np.ones((1, 1), int)
    for _ in range(9):
        matrix = np.kron(matrix, kernel)
    bits = np.random.default_rng(1).integers(0, 2, (3, 200)).astype(np.uint8)
    inputs = np.zeros((3, 512), int)
    inputs[:, polar.free_places(200)] = bits
    assert np.array_equal(polar.encode(bits), inputs @ matrix % 2)


@settings(max_examples=25)
@given(st.integers(1, 480), st.integers(0, 2**32 - 1))
def test_what_arrives_unharmed_is_read(bits, seed):
    sent = np.random.default_rng(seed).integers(0, 2, (2, bits)).astype(np.uint8)
    assert np.array_equal(polar.decode(1 - 2 * polar.encode(sent).astype(np.float32), bits), sent)


def lost_share(bits, snr_db, words=400):
    """Of code words, QPSK on white noise at a symbol SNR."""
    rng = np.random.default_rng([bits, words])
    sent = rng.integers(0, 2, (words, bits)).astype(np.uint8)
    noise = rng.standard_normal((words, polar.LENGTH)) * np.sqrt(10 ** (-snr_db / 10) / 2)
    received = (1 - 2.0 * polar.encode(sent)) / np.sqrt(2) + noise
    return float((polar.decode(received.astype(np.float32), bits) != sent).any(axis=1).mean())


@pytest.mark.parametrize(("bits", "capacity_db"), [(128, -3.82), (256, 0.19)])
def test_words_arrive_above_capacity_and_not_below(bits, capacity_db):
    """capacity_db: where QPSK carries 0.5 or 1 bit a use (Proakis, Digital Communications, 5th ed., section 6.8);
    successive cancellation at 512 bits is known to need some 3 to 4 dB more (Arikan 2009, figure 7)."""
    assert lost_share(bits, capacity_db - 0.5) > 0.9
    assert lost_share(bits, capacity_db + 4.5) < 0.005
