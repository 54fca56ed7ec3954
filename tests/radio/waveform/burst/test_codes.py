"""Gold sequence, convolutional code, CRC and header against published values and definitions."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radio.waveform.burst import bits as bits_code
from radio.waveform.burst import coded
from radio.waveform.burst import header as header_code
from radio.waveform.burst.convolutional import BITS_CODE, HEADER_CODE, ConvolutionalCode
from radio.waveform.burst.gold import gold_bits, gold_qpsk
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import BITS_TAIL

headers = st.builds(
    FrameHeader,
    st.integers(0, 2**24 - 1),
    st.integers(0, 255),
    st.sampled_from(["probe", "image"]),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 84).map(lambda steps: 2 * steps),
    st.integers(1, 256),
)


def gold_by_definition(c_init, length):
    """TS 38.211, 5.2.1, one bit at a time."""
    x1 = [1] + [0] * 30
    x2 = [(c_init >> i) & 1 for i in range(31)]
    for n in range(1600 + length):
        x1.append((x1[n + 3] + x1[n]) % 2)
        x2.append((x2[n + 3] + x2[n + 2] + x2[n + 1] + x2[n]) % 2)
    return [(x1[n + 1600] + x2[n + 1600]) % 2 for n in range(length)]


@pytest.mark.parametrize("c_init", [0, 1, 0x2A5C00, 2**31 - 1])
def test_gold_sequence_follows_the_specification(c_init):
    np.testing.assert_array_equal(gold_bits(c_init, 300), gold_by_definition(c_init, 300))


def test_gold_sequences_have_unit_power_and_little_in_common():
    first, second = gold_qpsk(1, 4096), gold_qpsk(2, 4096)
    np.testing.assert_allclose(np.abs(first), 1, atol=1e-6)
    assert abs(np.vdot(first, second)) / 4096 < 5 / np.sqrt(4096)


@pytest.mark.parametrize("code", [HEADER_CODE, BITS_CODE])
def test_impulse_response_is_the_generators(code, each_backend):
    """One 1 among zeros gives the published generators (octal), most significant bit first."""
    published = {7: (0o171, 0o133), 13: (0o12477, 0o15573, 0o11145, 0o16727)}[code.constraint]
    coded = code.encode(np.array([1], np.uint8)).reshape(-1, code.outputs)
    assert tuple(int("".join(map(str, output)), 2) for output in coded.T) == published


def test_protected_bits_end_where_the_configuration_counts():
    assert BITS_CODE.tail_bits == BITS_TAIL


@pytest.mark.parametrize(("outputs", "distance"), [(2, 15), (4, 33)])
def test_some_wrong_bits_of_the_long_code_are_corrected(outputs, distance, each_backend):
    """Half the free distance, less one; of the first two generators alone as well."""
    rng = np.random.default_rng(outputs)
    for _ in range(10):
        sent = rng.integers(0, 2, 60, dtype=np.uint8)
        soft = 1.0 - 2.0 * BITS_CODE.encode(sent).reshape(-1, BITS_CODE.outputs)
        soft[:, outputs:] = 0
        heard = np.argwhere(soft)
        wrong = heard[rng.choice(len(heard), (distance - 1) // 2, replace=False)]
        soft[tuple(wrong.T)] *= -1
        np.testing.assert_array_equal(BITS_CODE.decode(soft.reshape(-1)), sent)


def test_free_distance_is_ten():
    """The published free distance of the (171, 133) code: no shorter non-zero code word exists."""
    weights = [
        HEADER_CODE.encode(np.array([int(b) for b in f"{pattern:08b}"], np.uint8)).sum() for pattern in range(1, 256)
    ]
    assert min(weights) == 10


@given(st.lists(st.integers(0, 1), min_size=1, max_size=120))
@settings(max_examples=40)
def test_four_wrong_bits_anywhere_are_corrected(bits):
    """Half the free distance, less one, is guaranteed."""
    sent = np.array(bits, np.uint8)
    soft = 1.0 - 2.0 * HEADER_CODE.encode(sent)
    rng = np.random.default_rng(len(bits))
    soft[rng.choice(soft.size, 4, replace=False)] *= -1
    np.testing.assert_array_equal(HEADER_CODE.decode(soft), sent)


def test_noise_at_two_decibels_is_corrected(each_backend):
    """At Eb/N0 of 5 dB (rate 1/2, 2 dB a bit) the published error rate of this code is below 1e-5 a bit."""
    rng = np.random.default_rng(4)
    for _ in range(20):
        bits = rng.integers(0, 2, 200, dtype=np.uint8)
        signs = 1 - 2 * HEADER_CODE.encode(bits).astype(np.float32)
        soft = signs + np.float32(10 ** (-2 / 20) / np.sqrt(2)) * rng.standard_normal(signs.size).astype(np.float32)
        np.testing.assert_array_equal(HEADER_CODE.decode(soft), bits)


@pytest.mark.parametrize("constraint", [3, 4])
def test_a_list_is_what_exhaustive_search_finds_in_order(constraint, each_backend):
    """Every word of a small code, by its correlation with what was received."""
    code = ConvolutionalCode(constraint, {3: (0o7, 0o5), 4: (0o15, 0o17, 0o13)}[constraint])
    rng = np.random.default_rng(constraint)
    words = np.array(list(itertools.product([0, 1], repeat=6)), np.uint8)
    for _ in range(5):
        soft = rng.standard_normal(code.word_bits(6)).astype(np.float32)
        order = np.argsort([-float(soft @ (1 - 2.0 * code.encode(word))) for word in words])
        np.testing.assert_array_equal(list(code.decode_list(soft, 100)), words[order])
        np.testing.assert_array_equal(list(code.decode_list(soft, 5)), words[order[:5]])


def test_the_crc_chooses_among_the_words_of_a_list():
    """64 bytes at an Eb/N0 where the likeliest word of the long code is wrong about once in three times."""
    rng, likeliest, listed = np.random.default_rng(3), 0, 0
    for _ in range(40):
        content = rng.bytes(64)
        noise = (rng.standard_normal((1200, 2)) @ [1, 1j]).astype(np.complex64)
        heard = bits_code.modulate(content, 64, 1200) + noise * np.float32(0.97)
        found = coded.demodulate(heard, bits_code.n_bits(64), BITS_CODE)
        likeliest += bits_code.unframed(found) == content
        listed += bits_code.demodulate(heard, 64) == content
    assert 20 < likeliest < 35
    assert listed >= likeliest + 5


def test_both_codes_are_read_without_numba():
    """As an installation without the extra `fast` does it: not one function is compiled."""
    code = (
        "from radio.waveform.burst import bits; sent = bytes(range(64));"
        "print(bits.demodulate(bits.modulate(sent, 64, 1200), 64) == sent)"
    )
    environment = {**os.environ, "SEMNOMA_HIL_NO_NUMBA": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "True", done.stderr


def test_crc_matches_the_published_check_value():
    assert header_code.crc16(b"123456789") == 0x31C3  # CRC-16/XMODEM


@given(headers)
@settings(max_examples=30)
def test_a_header_survives_modulation(header):
    assert header_code.demodulate(header_code.modulate(header, 1200)) == header


@given(headers, st.data())
@settings(max_examples=60)
def test_damaged_bits_never_pass_as_another_header(header, data):
    bits = header_code.to_bits(header)
    flips = data.draw(st.sets(st.integers(0, bits.size - 1), min_size=1, max_size=3))
    bits[list(flips)] ^= 1
    assert header_code.from_bits(bits) is None  # the CRC's distance is 4 at this length


def test_silence_noise_and_not_numbers_are_no_header():
    rng = np.random.default_rng(1)
    assert header_code.demodulate(np.zeros(1200, np.complex64)) is None
    assert header_code.demodulate(np.full(1200, np.nan, np.complex64)) is None
    noise = rng.standard_normal((40, 1200)) + 1j * rng.standard_normal((40, 1200))
    assert all(header_code.demodulate(row.astype(np.complex64)) is None for row in noise)


def test_fields_out_of_range_are_refused():
    with pytest.raises(ValueError, match="cannot be sent"):
        header_code.to_bits(FrameHeader(2**32, 0, "image", 1, 1, 1, 1))
