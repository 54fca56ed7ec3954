"""Bursts with several pictures of every user, through the receiver and taken apart."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radio.samples import Samples
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader, from_bits, to_bits
from radio.waveform.config import WaveformConfig
from radio.waveform.quality.payload_quality import PayloadQuality
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.reception.several import picture_of
from radio.waveform.transmission.transmitter import BurstTransmitter
from tests.radio.waveform.propagation import noise, propagate

CONFIG, START = WaveformConfig(bits_bytes=12), 600
GRID, PICTURES, USES = ResourceGrid(CONFIG), 3, (500, 300)  # of one picture of each user


def test_a_header_of_one_picture_has_the_bits_that_it_had_before_there_could_be_several():
    """Frame 0x030201, user 1, image of 7x9 pixels, 1000 uses, picture 5, by hand."""
    one, three = (FrameHeader(0x030201, 1, "image", 7, 9, 1000, 5, pictures=pictures) for pictures in (1, 3))
    packed = np.packbits(to_bits(one)).tobytes()
    assert packed[:18] == bytes.fromhex("00030201 01 01 0007 0009 000003e8 00000005".replace(" ", ""))
    assert np.packbits(to_bits(three)).tobytes()[:4] == bytes.fromhex("02030201")
    assert from_bits(to_bits(three)) == three


@pytest.mark.parametrize("wrong", [{"frame": 1 << 24}, {"pictures": 0}, {"pictures": 257}])
def test_what_a_header_has_no_room_for_is_refused(wrong):
    with pytest.raises(ValueError, match="cannot be sent"):
        to_bits(dataclasses.replace(FrameHeader(1, 0, "image", 8, 8, 10, 0), **wrong))


@given(st.integers(0, 4000), st.integers(1, 900), st.integers(1, 8))
def test_the_symbols_of_some_uses_are_those_that_the_map_puts_them_in(first, count, users):
    grid = ResourceGrid(WaveformConfig(users=users))
    places = grid.payload_positions(first + count)[first:] // grid.config.active_subcarriers
    part = grid.symbols_with(first, first + count)
    assert list(range(part.start, part.stop)) == sorted(set(places.tolist()))


qualities = st.lists(st.integers(1, 6), min_size=1, max_size=5)


@given(qualities, st.data())
def test_the_parts_of_a_quality_are_its_own_symbols(lengths, data):
    symbols, rng = sum(lengths), np.random.default_rng(sum(lengths))
    whole = PayloadQuality(
        power=rng.uniform(1, 2, 4), disturbed=rng.uniform(1, 2, symbols), trained_sinr=3.0,
        separated=rng.uniform(0, 9, (2, len(lengths), 4)).astype(np.float32), shares=np.array([0.25, 0.75]),
        lengths=np.array(lengths), hit=rng.random(symbols) < 0.5, erased=rng.random(symbols) < 0.3,
        gain_steps=2, slipped_samples=5,
    )  # fmt: skip
    cut = data.draw(st.integers(0, symbols))
    parts = [whole.part(slice(0, cut)), whole.part(slice(cut, symbols))]
    for name in ("disturbed", "hit", "erased", "sinr", "separated_sinr"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_allclose(joined, getattr(whole, name), rtol=1e-6)
    assert all(part.lengths.sum() == part.disturbed.size and (part.lengths > 0).all() for part in parts)
    assert parts[1].gain_steps == (2 if cut == 0 else 0) and parts[0].slipped_samples == 5


def on_air(rng, snr_db, bits_symbols=20, uses=USES):
    """Samples; symbols and protected bytes of every user's pictures."""
    n = START + GRID.carrying(bits_symbols * PICTURES).burst_length(PICTURES * max(uses)) + 700
    total, symbols, protected = noise(rng, n, 10 ** (-snr_db / 10)), [], []
    for user, k in enumerate(uses):
        symbols.append([noise(rng, k, 1.0)[0].astype(np.complex64) for _ in range(PICTURES)])
        protected.append([rng.bytes(place + user) if bits_symbols else b"" for place in range(PICTURES)])
        header = FrameHeader(7, user, "image", 8, 8, PICTURES * k, 40 + user, bits_symbols, PICTURES)
        burst = BurstTransmitter(CONFIG, user).modulate(np.concatenate(symbols[user]), header, protected[user])
        total[0] += propagate(burst, n, delay=0.3 + user, cfo_hz=20.0, phase=user, start=START)
    return Samples(total.astype(np.complex64), 0, CONFIG.sample_rate_hz), symbols, protected


@pytest.mark.parametrize("bits_symbols", [0, 20])
def test_every_picture_has_its_own_symbols_bits_and_quality(bits_symbols):
    samples, symbols, protected = on_air(np.random.default_rng(3), 25.0, bits_symbols)
    frame = BurstReceiver(CONFIG).receive(samples, START)
    for place in range(PICTURES):
        for user, one in enumerate(picture_of(frame, GRID, place, PICTURES).users):
            assert one.header == FrameHeader(7 + place, user, "image", 8, 8, USES[user], 40 + user, bits_symbols)
            others = [np.abs(np.corrcoef(one.features, sent)[0, 1]) for sent in symbols[user]]
            assert np.argmax(others) == place and others[place] > 0.6  # superposed on one antenna
            assert one.protected == (protected[user][place] if bits_symbols else None)
            first, behind = place * USES[user], (place + 1) * USES[user]
            count = -(-behind // GRID.payload_per_symbol) - first // GRID.payload_per_symbol
            assert one.quality.disturbed.size == count and one.quality.heard


def test_symbols_that_are_gone_are_their_own_pictures_loss():
    """Nothing but noise in the middle third of the payload: the first and the last picture have all of theirs."""
    rng, k = np.random.default_rng(4), 20 * GRID.payload_per_symbol
    samples, _, _ = on_air(rng, 25.0, 0, (k, k))
    begin = START + GRID.payload_start + 20 * GRID.symbol_samples
    lost = noise(rng, 20 * GRID.symbol_samples, 10**-2.5)
    samples.data[:, begin : begin + lost.shape[1]] = lost
    frame = BurstReceiver(CONFIG).receive(samples, START)
    erased = [picture_of(frame, GRID, place, PICTURES).users[0].quality.erased_share for place in range(PICTURES)]
    assert erased == [0, 1, 0]


@pytest.mark.parametrize(("pictures", "n_symbols"), [(2, 900), (4, 900), (3, 901)])
def test_another_number_of_pictures_than_was_granted_is_said(pictures, n_symbols):
    samples, _, _ = on_air(np.random.default_rng(5), 25.0, 0)
    frame = BurstReceiver(CONFIG).receive(samples, START)
    header = dataclasses.replace(frame.users[1].header, pictures=pictures, n_symbols=n_symbols)
    frame = dataclasses.replace(frame, users=(frame.users[0], dataclasses.replace(frame.users[1], header=header)))
    first, other = picture_of(frame, GRID, 0, PICTURES).users
    assert first.features.size == USES[0] and other.features.size == 0
    assert f"{n_symbols} symbols of {pictures} pictures instead of 3" in other.reason


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.integers(0, 2), st.integers(1, 60))
def test_a_burst_that_the_transmitter_makes_is_as_long_as_the_grid_says(pictures, bits, k):
    header = FrameHeader(1, 0, "image", 8, 8, pictures * k, 0, 2 * bits, pictures)
    protected = [b"a"] * pictures if bits else b""
    burst = BurstTransmitter(CONFIG, 0).modulate(np.ones(pictures * k, np.complex64), header, protected)
    symbols = -(-pictures * k // GRID.payload_per_symbol) + 2 * bits * pictures
    assert burst.size == GRID.payload_start + symbols * (CONFIG.fft_size + CONFIG.cp_samples)
    assert GRID.carrying(2 * bits * pictures).overhead(pictures * k) == pytest.approx(GRID.payload_start / burst.size)


def test_as_many_protected_texts_as_pictures_are_needed():
    header = FrameHeader(1, 0, "image", 8, 8, 20, 0, 20, 2)
    with pytest.raises(ValueError, match="1 protected texts for a burst of 2 pictures"):
        BurstTransmitter(CONFIG, 0).modulate(np.ones(20, np.complex64), header, [b"x"])
