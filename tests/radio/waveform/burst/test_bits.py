"""Protected bits: their frame, their code against the union bound of its published spectrum, their place in a burst."""

import math
import zlib
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from radio.waveform.burst import bits as code
from radio.waveform.burst.gold import gold_bits
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader, from_bits, to_bits
from radio.waveform.config import WaveformConfig
from radio.waveform.transmission.transmitter import BurstTransmitter

CONFIG = WaveformConfig(bits_bytes=64)
GENERATORS, CONSTRAINT = (0o12477, 0o15573, 0o11145, 0o16727), 13  # published, of free distance 33
WEIGHTS = 60  # of paths that count


@cache
def spectrum():
    """How many paths leave the zero state once and come back, by weight: counted over the shift register."""
    states = 1 << (CONSTRAINT - 1)
    registers = np.arange(2 * states)
    weights = sum(np.bitwise_count(registers & generator) & 1 for generator in GENERATORS)
    paths = np.zeros((states, WEIGHTS))  # by state, newest bit in the most significant place, and weight so far
    paths[states // 2, weights[states]] = 1
    back = np.zeros(WEIGHTS)
    while paths.any():
        following = np.zeros_like(paths)
        for weight in range(len(GENERATORS) + 1):
            chosen = registers[weights == weight]
            moved = paths[chosen % states, : WEIGHTS - weight]
            np.add.at(following[:, weight:], chosen >> 1, moved)
        back += following[0]
        following[0] = 0
        paths = following
    return back


def union_bound(n_bits, eb_n0_db):
    """Of the frame error rate of the terminated code, soft decisions, white noise."""
    eb_n0 = 10 ** (eb_n0_db / 10)
    pairs = (
        paths * 0.5 * math.erfc(math.sqrt(weight / len(GENERATORS) * eb_n0)) for weight, paths in enumerate(spectrum())
    )
    return n_bits * sum(pairs)


def test_the_published_free_distance():
    assert np.flatnonzero(spectrum())[0] == 33


@given(st.data())
def test_what_is_framed_is_unframed(data):
    capacity = data.draw(st.integers(1, 256))
    content = data.draw(st.binary(max_size=capacity))
    bits = code.framed(content, capacity)
    assert bits.size == code.n_bits(capacity) and code.unframed(bits) == content


@given(st.data())
def test_what_is_damaged_is_refused(data):
    """CRC-32 finds every burst of errors of up to 32 bits (its degree)."""
    bits = code.framed(data.draw(st.binary(max_size=40)), 40).copy()
    first = data.draw(st.integers(0, bits.size - 32))
    errors = np.array(data.draw(st.lists(st.integers(0, 1), min_size=32, max_size=32)), np.uint8)
    bits[first : first + 32] ^= errors
    assert (code.unframed(bits) is None) == errors.any()


def test_nothing_and_noise_are_no_frame():
    rng = np.random.default_rng(1)
    assert code.demodulate(np.zeros(1000, np.complex64), 64) is None
    assert code.demodulate(np.full(1000, np.nan, np.complex64), 64) is None
    for _ in range(20):
        assert code.demodulate((rng.standard_normal((1000, 2)) @ [1, 1j]).astype(np.complex64), 64) is None


def test_more_than_the_capacity_is_a_sentence():
    with pytest.raises(ValueError, match="65 bytes do not fit into protected bits of 64 bytes"):
        code.framed(bytes(65), 64)


@settings(max_examples=20)
@given(st.binary(max_size=64), st.integers(0, 2**32 - 1))
def test_half_of_what_was_repeated_is_enough(content, seed):
    """Without noise; where nothing was heard (0) nothing is said."""
    sent = code.modulate(content, 64, 1840)
    np.testing.assert_allclose(np.abs(sent), 1, atol=1e-6)
    heard = sent * (np.random.default_rng(seed).permutation(sent.size) < 1100)
    assert code.demodulate(heard, 64) == content


def lost_share(uses, eb_n0_db, frames, seed, length=64):
    """Of frames of `length` of 64 bytes in white noise; Eb/N0 as if they were 64 bytes."""
    rng, noise_power = np.random.default_rng(seed), uses / code.n_bits(64) / 10 ** (eb_n0_db / 10)
    lost = 0
    for _ in range(frames):
        content = rng.bytes(length)
        noise = rng.standard_normal((uses, 2)) @ [1, 1j] * math.sqrt(noise_power / 2)
        lost += code.demodulate(code.modulate(content, 64, uses) + noise, 64) != content
    return lost / frames


def test_frame_errors_in_white_noise_follow_the_union_bound():
    """Repeated twice: repetition costs nothing but energy. No code of this rate gets along with 1 dB less."""
    bound, frames = union_bound(code.n_bits(64), 2.2), 400
    assert lost_share(2 * 1128, 2.2, frames, 3) < bound + 3 * math.sqrt(bound / frames)
    assert lost_share(2 * 1128, -1.2, 50, 5) == 1  # Shannon's limit


def test_few_bytes_need_little():
    """15 of 64 bytes: with the energy at which 64 bytes are always lost, a quarter's union bound holds."""
    frames = 200
    energy_db = -1.5 + 10 * math.log10(code.n_bits(64) / code.n_bits(16))
    few = lost_share(1400, -1.5, frames, 4, length=15)
    assert few * frames <= max(3, 3 * frames * union_bound(code.n_bits(16), energy_db))
    assert lost_share(1400, -1.5, frames, 4) > 0.9


def test_the_energy_asked_for_suffices():
    assert union_bound(code.n_bits(64), code.NEEDED_EB_N0_DB) < 1e-3


def test_symbols_follow_the_snr():
    needed = [code.symbols_for(CONFIG, snr_db) for snr_db in (-40, -4, 0, 3, 6, 20, 60)]
    assert needed == sorted(needed, reverse=True) and all(n % 2 == 0 for n in needed)
    assert needed[0] == needed[1] and needed[-1] == needed[-2]
    for n in needed:
        assert n * CONFIG.bits_uses_per_symbol >= CONFIG.bits_uses_needed
    energy = needed[2] * CONFIG.bits_uses_per_symbol / code.n_bits(64)
    assert 10 * np.log10(energy) > code.NEEDED_EB_N0_DB
    assert code.symbols_for(WaveformConfig(), 0.0) == 0


def test_a_user_in_eight_needs_as_much_as_one_of_two():
    """In channel uses: each is as loud in its block as all users together."""
    eight = WaveformConfig(users=8, bits_bytes=64)
    uses = code.symbols_for(eight, 0.0) * eight.bits_uses_per_symbol
    assert uses == pytest.approx(code.symbols_for(CONFIG, 0.0) * CONFIG.bits_uses_per_symbol, rel=0.05)


def test_a_capacity_without_room_is_a_sentence():
    with pytest.raises(ValidationError, match=r"waveform\.bits_bytes is 256, but each of 8 users has room for no more"):
        WaveformConfig(users=8, active_subcarriers=34, fft_size=64, pilots_per_user=2, header_symbols=8, bits_bytes=256)


@given(st.integers(0, 84), st.sampled_from(["probe", "image", "content"]))
def test_the_header_tells_their_length(steps, kind):
    header = FrameHeader(5, 1, kind, 32, 48, 700, 3, 2 * steps)
    assert from_bits(to_bits(header)) == header


@pytest.mark.parametrize("symbols", [3, 170, -2])
def test_a_length_that_no_header_holds_is_refused(symbols):
    with pytest.raises(ValueError, match="cannot be sent"):
        to_bits(FrameHeader(5, 1, "image", 32, 48, 700, 3, symbols))


@pytest.mark.parametrize("changes", [{}, {"users": 8}, {"users": 3, "pilots_per_user": 4, "active_subcarriers": 190}])
def test_everybody_has_subcarriers_of_its_own_in_all_parts_of_the_band(changes):
    config = WaveformConfig(bits_bytes=16, **changes)
    grid, symbols = ResourceGrid(config, 16), 20
    pilots = grid.pilot_positions(symbols)
    places = np.stack([grid.bits_positions(user) for user in range(config.users)])
    for m in range(16):
        taken = np.concatenate([places[:, m].ravel(), pilots[:, m].ravel()])
        assert np.unique(taken).size == taken.size and taken.max() < config.active_subcarriers
    for user in range(config.users):
        quarters = np.histogram(places[user], 4, (0, config.active_subcarriers))[0]
        assert quarters.min() > 0.6 * quarters.mean()


def burst(config, bits_symbols, protected=b""):
    rng = np.random.default_rng(1)
    symbols = (rng.standard_normal((3000, 2)) @ [1, 1j] / np.sqrt(2)).astype(np.complex64)
    header = FrameHeader(7, 1, "image", 8, 8, 3000, 1, bits_symbols)
    return BurstTransmitter(config, 1).modulate(symbols, header, protected)


def test_without_bits_a_burst_is_the_same_and_with_them_its_picture_is():
    plain, grid = burst(WaveformConfig(), 0), ResourceGrid(CONFIG, 14)
    np.testing.assert_array_equal(burst(CONFIG, 0), plain)
    with_bits = burst(CONFIG, 14, b"a cat")
    assert with_bits.size == grid.burst_length(3000) == plain.size + 14 * grid.symbol_samples
    training = grid.header_start(0)
    np.testing.assert_array_equal(with_bits[:training], plain[:training])
    np.testing.assert_array_equal(
        with_bits[grid.payload_start :][14 * grid.symbol_samples :], plain[grid.payload_start :]
    )


def test_bits_are_as_loud_as_the_picture():
    grid = ResourceGrid(CONFIG, 14)
    payload = burst(CONFIG, 14, b"a cat")[grid.payload_start :]
    bits, picture = np.split(payload, [14 * grid.symbol_samples])
    assert np.mean(np.abs(bits) ** 2) == pytest.approx(np.mean(np.abs(picture) ** 2), rel=0.1)


def test_bits_without_room_are_refused():
    with pytest.raises(ValueError, match="no room for 5 protected bytes"):
        burst(CONFIG, 0, b"a cat")


def test_behind_the_end_of_the_data_there_are_only_zeros():
    """Bytes with a right CRC that nobody frames so (ISO/IEC 7816-4: 80, then 00 to the end)."""
    for padded, expected in ((b"abc\x80\x00\x00", b"abc"), (b"abc\x80\x00\x01", None), (b"abcdef", None)):
        whole = padded + zlib.crc32(padded).to_bytes(4, "big")
        whitened = np.unpackbits(np.frombuffer(whole, np.uint8)) ^ gold_bits(0x1B175, 8 * len(whole))
        assert code.unframed(whitened) == expected
