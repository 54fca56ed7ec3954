"""A map of levels as bits, as symbols and back; and symbols in unequal numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.errors import ModelError
from models.rate import map_bits
from models.rate.packing import packed, unpacked
from models.rate.plan import Plan, best_plan, even_plan, read_plan
from models.rate.prefix import COARSE, EVEN, FINE, MODES, WORD_USES, MapLost, prefix_symbols, read_bits, read_mode

LEVELS = (1, 2, 4, 8, 12, 16, 24, 32, 48)
maps = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.integers(0, len(LEVELS) - 1))
)


def noisy(symbols, snr_db, seed):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((symbols.size, 2)) @ [1, 1j] * np.sqrt(10 ** (-snr_db / 10) / 2)
    return (symbols + noise).astype(np.complex64)


@given(maps, st.lists(st.integers(0, 1), max_size=40))
def test_a_map_comes_back_from_its_bits_whatever_follows(indices, fill):
    bits = np.concatenate((map_bits.to_bits(indices), np.array(fill, np.uint8)))
    assert np.array_equal(map_bits.from_bits(bits, *indices.shape, levels=len(LEVELS)), indices)


@given(arrays(np.uint8, st.integers(0, 200), elements=st.integers(0, 1)))
def test_any_bits_are_a_map_or_one_error(bits):
    try:
        indices = map_bits.from_bits(bits, 4, 5, len(LEVELS))
    except ModelError:
        return
    assert indices.shape == (4, 5) and indices.min() >= 0 and indices.max() < len(LEVELS)


def test_a_smooth_map_takes_few_bits():
    smooth = np.add.outer(np.arange(16) // 4, np.arange(16) // 8)
    assert map_bits.to_bits(smooth).size < 1.5 * smooth.size


@settings(max_examples=20)
@given(st.sampled_from([COARSE, FINE]), st.integers(1, 900), st.integers(0, 2**32 - 1))
def test_bits_arrive_at_the_least_sinr_of_their_mode(mode, n_bits, seed):
    bits = np.random.default_rng(seed).integers(0, 2, n_bits).astype(np.uint8)
    symbols = prefix_symbols(mode, bits)
    assert symbols.size == mode.uses(n_bits) and np.mean(np.abs(symbols) ** 2) == pytest.approx(1, rel=1e-5)
    received = noisy(np.concatenate((symbols, np.ones(300))), mode.least_sinr_db, seed)
    assert read_mode(received) is mode
    read, uses = read_bits(mode, received)
    assert uses == symbols.size and np.array_equal(read[:n_bits], bits)


@pytest.mark.parametrize("mode", MODES)
def test_the_word_is_heard_far_below_the_noise(mode):
    word = prefix_symbols(mode, np.zeros(1, np.uint8))[:WORD_USES]
    heard = [read_mode(noisy(word, -4, seed)) for seed in range(500)]
    assert sum(one is not mode for one in heard) <= 2


def test_a_map_in_noise_is_said_to_be_lost():
    symbols = prefix_symbols(FINE, np.ones(600, np.uint8))
    lost = 0
    for seed in range(200):
        received = noisy(symbols, -8, seed)
        with pytest.raises(MapLost):
            read_bits(FINE, received)
        lost += 1
    assert lost == 200


@given(st.integers(1, 6), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_symbols_come_back_to_their_places(channels, positions, seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, channels + 1, positions)
    latent = (rng.standard_normal((channels, positions, 2)) @ [1, 1j]).astype(np.complex64)
    back = unpacked(packed(latent, counts), counts, channels)
    for position, count in enumerate(counts):
        assert np.array_equal(back[:count, position], latent[:count, position]) and not back[count:, position].any()


def errors_of(sharpness):
    """A picture of 256x256 pixels: blocks at the left with little detail, at the right with much."""
    first = np.tile(10 ** np.linspace(-4, -4 + sharpness, 16), (16, 1))
    return first / np.array(LEVELS, float)[:, None, None]


def test_a_picture_of_unlike_parts_is_sent_unevenly_and_read_so():
    plan = best_plan(errors_of(3.0), LEVELS, 32, 32, 16, 10.0)
    counts = plan.counts.reshape(32, 32)
    assert not plan.even and counts[:, -2:].mean() > 2 * counts[:, :2].mean()
    total = 32 * 32 * 16
    assert plan.counts.sum() + plan.prefix.size <= total
    rng = np.random.default_rng(3)
    latent = (rng.standard_normal((48, 1024, 2)) @ [1, 1j]).astype(np.complex64)
    sent = plan.symbols(latent, total)
    assert np.mean(np.abs(sent) ** 2) == pytest.approx(1, abs=0.02)
    read, rest = read_plan(noisy(sent, 7, 5), LEVELS, 32, 32, channels=16)
    assert np.array_equal(read.counts, plan.counts) and np.array_equal(read.prefix, plan.prefix)
    arrived, own = read.latent(rest, 48), read.counts
    for position in (0, 500, 1023):
        assert np.corrcoef(arrived[: own[position], position], latent[: own[position], position])[0, 1].real > 0.8
        assert not arrived[own[position] :, position].any()


def test_a_picture_of_like_parts_is_sent_evenly():
    assert best_plan(errors_of(0.0), LEVELS, 32, 32, 16, 10.0).even


def test_nothing_is_planned_where_its_map_would_not_arrive():
    plan = best_plan(errors_of(3.0), LEVELS, 32, 32, 16, COARSE.least_sinr_db - 0.1)
    assert plan.even and plan.prefix.size == EVEN.uses(0)


def test_small_pictures_have_no_word():
    plan = even_plan(4, 4, 16)
    assert plan.prefix.size == 0
    read, rest = read_plan(np.ones(256, np.complex64), LEVELS, 4, 4, channels=16)
    assert read.even and rest.size == 256


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 32), st.floats(-5, 30), st.integers(0, 2**32 - 1))
def test_any_picture_is_planned_and_read(rows, columns, channels, sinr_db, seed):
    rng = np.random.default_rng(seed)
    blocks = -(-rows // 2), -(-columns // 2)
    errors = 10 ** rng.uniform(-4, -1, blocks) / np.array(LEVELS, float)[:, None, None]
    plan = best_plan(errors, LEVELS, rows, columns, channels, sinr_db)
    total = rows * columns * channels
    latent = (rng.standard_normal((48, rows * columns, 2)) @ [1, 1j]).astype(np.complex64)
    sent = plan.symbols(latent, total)
    read, _ = read_plan(sent, LEVELS, rows, columns, channels)
    assert sent.size == total and np.array_equal(read.counts, plan.counts) and read.even == plan.even


def test_a_plan_of_silence_is_refused():
    with pytest.raises(ModelError, match="mean power 0"):
        Plan(np.ones(4, np.int64), np.zeros(0, np.complex64)).symbols(np.zeros((2, 4), np.complex64), 4)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 4))
def test_what_is_planned_fits_whatever_its_map_takes(seed, roughness):
    """Maps whose length changes with what is left for them, which is what the longest of them took."""
    rng = np.random.default_rng(seed)
    errors = 10 ** (-3 + roughness * rng.standard_normal((16, 16)).cumsum(axis=1) / 8)
    plan = best_plan(errors / np.array(LEVELS, float)[:, None, None], LEVELS, 32, 32, 8, 10.0)
    sent = plan.symbols(np.ones((48, 1024), np.complex64), 1024 * 8)
    assert plan.counts.sum() + plan.prefix.size <= sent.size or plan.even
    assert np.array_equal(read_plan(sent, LEVELS, 32, 32, 8)[0].counts, plan.counts)


def test_a_picture_whose_map_is_too_long_is_sent_in_another_way():
    """4000x3000 pixels of noise in every block: more than the 255 segments that the first can tell of."""
    rng = np.random.default_rng(6)
    errors = 10 ** rng.uniform(-4, -1, (188, 250)) / np.array(LEVELS, float)[:, None, None]
    plan = best_plan(errors, LEVELS, 375, 500, 16, 20.0)
    assert plan.prefix.size <= COARSE.uses(0) + 255 * 256
    sent = plan.symbols(np.ones((48, 375 * 500), np.complex64), 375 * 500 * 16)
    assert np.array_equal(read_plan(sent, LEVELS, 375, 500, 16)[0].counts, plan.counts)
