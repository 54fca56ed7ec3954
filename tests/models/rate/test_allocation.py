"""Symbols to blocks, against an integer program solved by SciPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from models.errors import ModelError
from models.rate.allocation import allocate
from models.rate.levels import block_positions, levels_of, spread
from models.rate.map_bits import to_bits

LEVELS = (1, 2, 4, 8, 16)


def exponential_errors(rng, blocks):
    """Errors of blocks that fall with the logarithm of the symbols, more or less steeply."""
    first, slope = rng.uniform(1e-3, 1e-1, blocks), rng.uniform(0.1, 1.5, blocks)
    return first * np.array(LEVELS, float)[:, None] ** -slope


def least_sum(errors, positions, budget):
    """The least sum of squared errors that any allocation reaches, by branch and bound."""
    blocks = errors.shape[1]
    cost = (errors * positions).ravel()
    symbols = (np.array(LEVELS)[:, None] * positions).ravel()
    one_each = np.zeros((blocks, cost.size))
    for block in range(blocks):
        one_each[block, block::blocks] = 1
    found = milp(
        cost,
        constraints=[LinearConstraint(one_each, 1, 1), LinearConstraint(symbols[None], 0, budget)],
        integrality=np.ones(cost.size),
        bounds=Bounds(0, 1),
    )
    assert found.success
    return found.fun


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(1.0, 15.0))
def test_the_allocation_is_all_but_the_best_there_is(seed, mean):
    rng = np.random.default_rng(seed)
    errors, positions = exponential_errors(rng, 24), rng.integers(1, 5, 24)
    budget = int(mean * positions.sum())
    taken = allocate(errors[:, None], LEVELS, positions[None], budget)[0]
    assert (np.array(LEVELS)[taken] * positions).sum() <= budget
    reached = float((np.take_along_axis(errors, taken[None], 0)[0] * positions).sum())
    best = least_sum(errors, positions, budget)
    # Lagrange's method misses at most what one block's step between levels is worth.
    steps = (errors[:-1] - errors[1:]) * positions
    assert best * (1 - 1e-9) <= reached <= best + steps.max()


def test_detail_gets_more_than_a_plain_block():
    errors = np.stack([np.array([4e-2, 1e-4]) / level for level in LEVELS])
    taken = allocate(errors[:, None], LEVELS, np.array([[4, 4]]), budget=4 * (16 + 1))
    assert taken.tolist() == [[4, 0]]


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_a_map_that_costs_is_shorter_for_little_error(seed):
    rng = np.random.default_rng(seed)
    first = 10 ** (-3 + rng.standard_normal((16, 16)).cumsum(axis=1).cumsum(axis=0) / 20 + rng.normal(0, 0.2, (16, 16)))
    errors, positions = first / np.array(LEVELS, float)[:, None, None], np.full((16, 16), 4)
    budget = 4 * 256 * 5
    free, paid = (allocate(errors, LEVELS, positions, budget, uses) for uses in (0.0, 1.0))
    assert (np.array(LEVELS)[paid] * 4).sum() <= budget
    sums = [float(np.take_along_axis(errors, taken[None], 0).sum()) for taken in (free, paid)]
    assert to_bits(paid).size < to_bits(free).size
    assert sums[0] <= sums[1] * (1 + 1e-9) and sums[1] < 1.25 * sums[0]


def test_too_few_symbols_are_refused():
    with pytest.raises(ModelError, match="8 positions need 8 symbols at least, but have 7"):
        allocate(np.ones((5, 1, 2)), LEVELS, np.array([[4, 4]]), 7)


@given(st.integers(1, 9), st.integers(1, 9))
def test_blocks_cover_every_position_once(rows, columns):
    sizes = block_positions(rows, columns)
    assert sizes.sum() == rows * columns
    numbers = np.arange(sizes.size).reshape(sizes.shape)
    assert np.array_equal(np.bincount(spread(numbers, rows, columns).ravel()), sizes.ravel())


def test_levels_end_with_all_that_there_is():
    assert levels_of(48)[-1] == 48 and levels_of(5) == (2, 4, 5)
