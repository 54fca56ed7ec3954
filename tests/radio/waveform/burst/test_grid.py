"""The resource grid: every element has one owner, every mapping comes back, lengths add up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.transmission.transmitter import BurstTransmitter

configs = st.builds(
    lambda log_size, users, pilots, shift: WaveformConfig(
        fft_size=2**log_size,
        active_subcarriers=(2**log_size * 25 // 32) // 2 * 2,
        cp_samples=2 ** (log_size - 3),
        users=users,
        pilots_per_user=pilots,
        pilot_shift=shift,
        header_symbols=8,
    ),
    st.integers(7, 11),
    st.integers(1, 4),
    st.integers(2, 6),
    st.integers(0, 64),
)


@given(configs, st.integers(1, 3000))
@settings(max_examples=30)
def test_mapping_is_invertible_and_leaves_pilots_free(config, k):
    grid = ResourceGrid(config)
    symbols = np.arange(1, k + 1).astype(np.complex64)
    elements = grid.map_payload(symbols)
    np.testing.assert_array_equal(grid.demap_payload(elements, k), symbols)
    assert np.count_nonzero(elements) == k
    for positions in grid.pilot_positions(len(elements)):
        assert not np.take_along_axis(elements, positions, axis=1).any()


@given(configs, st.integers(1, 40))
@settings(max_examples=20)
def test_no_two_users_share_a_pilot(config, n_symbols):
    positions = ResourceGrid(config).pilot_positions(n_symbols)
    for symbol in positions.transpose(1, 0, 2).reshape(n_symbols, -1):
        assert len(set(symbol)) == symbol.size and symbol.max() < config.active_subcarriers


@pytest.mark.parametrize(("shift", "before"), [(1, 0), (5, 0), (0, 4), (7, 4)])
def test_the_comb_moves_by_the_configured_subcarriers(shift, before):
    """Two users with eight pilots each in 200 subcarriers: teeth twelve apart, by turns."""
    grid = ResourceGrid(WaveformConfig(pilot_shift=shift), before)
    for user, positions in enumerate(grid.pilot_positions(30)):
        for m, row in enumerate(positions):
            assert row.tolist() == [24 * i + 12 * user + shift * (m - before) % 12 for i in range(8)]
    assert ResourceGrid(WaveformConfig()).pilot_positions(3)[1, 2, 0] == 14


@given(configs, st.integers(1, 3000), st.integers(1, 3000))
@settings(max_examples=20)
def test_a_use_lies_where_its_number_says_whatever_the_payloads_length(config, one, other):
    grid = ResourceGrid(config)
    both = min(one, other)
    np.testing.assert_array_equal(grid.payload_positions(one)[:both], grid.payload_positions(other)[:both])


def test_uses_are_spread_over_the_band():
    grid = ResourceGrid(WaveformConfig())
    positions = grid.payload_positions(32768)
    carriers = positions % 200
    # Neighbours in the code are far apart in frequency: mean distance of random pairs is a third of the band.
    assert np.abs(np.diff(carriers)).mean() > 55
    # So are those of one channel of a code: of 16 channels each is all over the band within two or three symbols.
    for channel in range(16):
        assert np.histogram(carriers[channel : 16 * 24 : 16], bins=4, range=(0, 200))[0].min() > 0


def test_dc_and_guards_are_empty_and_powers_are_as_stated():
    config = WaveformConfig()
    rng = np.random.default_rng(1)
    k = ResourceGrid(config).payload_per_symbol * 40
    symbols = ((rng.standard_normal(k) + 1j * rng.standard_normal(k)) / np.sqrt(2)).astype(np.complex64)
    transmitter = BurstTransmitter(config, 0)
    burst = transmitter.modulate(symbols, FrameHeader(0, 0, "image", 1, 1, k, 0))
    payload = burst[transmitter.grid.payload_start :].reshape(-1, 288)[:, 32:]
    bins = np.fft.fft(payload, axis=1) / 16
    power = np.mean(np.abs(bins) ** 2, axis=0)
    assert power[0] < 1e-10 and power[101:156].max() < 1e-10
    assert power[transmitter.grid.bins].mean() == pytest.approx(0.5, rel=0.02)  # 1 / users


def test_a_user_is_silent_in_the_others_slots():
    config = WaveformConfig(users=3)
    grid = ResourceGrid(config)
    burst = BurstTransmitter(config, 1).modulate(np.zeros(0, np.complex64), FrameHeader(0, 1, "probe", 0, 0, 0, 0))
    assert burst.size == grid.burst_length(0)
    assert not burst[: grid.preamble_slot_samples].any()
    assert burst[grid.preamble_slot_samples : 2 * grid.preamble_slot_samples].all()
    assert not burst[2 * grid.preamble_slot_samples : grid.sounding_start(1)].any()
    assert not burst[grid.header_start(2) :].any()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"fft_size": 200}, "power of two"),
        ({"active_subcarriers": 201}, "even"),
        ({"cp_samples": 257}, "cp_samples"),
        ({"pilots_per_user": 60}, "pilots"),
        ({"pilot_shift": -1}, "pilot_shift"),
        ({"pilot_shift": 65}, "pilot_shift"),
        ({"users": 9}, "users"),
    ],
)
def test_impossible_numerology_is_refused(change, word):
    with pytest.raises(ValidationError, match=word):
        WaveformConfig(**change)


def test_clipping_bounds_the_papr():
    rng = np.random.default_rng(2)
    symbols = ((rng.standard_normal(8000) + 1j * rng.standard_normal(8000)) / np.sqrt(2)).astype(np.complex64)
    header = FrameHeader(0, 0, "image", 1, 1, 8000, 0)
    plain = BurstTransmitter(WaveformConfig(), 0)
    clipped = BurstTransmitter(WaveformConfig(clip_papr_db=7.0), 0)
    before = plain.papr_db(plain.modulate(symbols, header))
    after = clipped.papr_db(clipped.modulate(symbols, header))
    assert before > 9.0 and after < 8.0
