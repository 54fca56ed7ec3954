"""Samples that were lost or doubled within a burst: its timing jumps, for all symbols that follow.

With the phase of each symbol unknown, a timing t explains a symbol's products p_k at subcarriers f_k as far as

    L(m, t) = 2 |sum_k p_k exp(j 2 pi f_k t / N)| / noise

The likeliest course of t is found by dynamic programming (Viterbi 1967): it may stay, drift by a step of the grid, or
jump, which costs more. A clock drifts, and its track is not touched here; only jumps of whole samples are returned.
"""

from functools import lru_cache

import numpy as np

from radio import acceleration
from radio.waveform.quality.pilots import PilotView

STEPS_PER_SAMPLE = 4
REACH_SAMPLES = 5  # a user's pilots, evenly spaced, repeat themselves after about ten samples
DRIFT_COST = 4.0  # of a step of the grid from one symbol to the next, in log-likelihood
JUMP_COST = 14.0
LONGEST_JUMP_SAMPLES = 3
LEAST_ALIKE = 0.8  # share of a slipped symbol's channel that is the last one's
SMALLEST_JUMP = 3  # steps; less is a clock that drifts


def slips(view: PilotView, fft_size: int, noise_power: float) -> np.ndarray:
    """int [symbols]: whole samples by which symbols come later than their windows say, since the burst's training.

    view: of windows that nothing but the training's clock has moved, phase arbitrary. Not more than REACH_SAMPLES are
    told at once.
    """
    turns, lowest = _turns(fft_size, int(np.abs(view.numbers).max()))
    found = np.abs(np.einsum("mp,mpt->mt", view.products, turns[view.numbers - lowest]))
    energy = np.maximum(view.energy, 1e-30)
    left = np.maximum(view.power - found.max(axis=1) ** 2 / energy, 0) / max(view.dimensions - 1, 1)
    likelihood = 2 * found / np.maximum(left, noise_power)[:, None]
    course = _likeliest(likelihood, DRIFT_COST, LONGEST_JUMP_SAMPLES * STEPS_PER_SAMPLE)
    jumps = np.diff(course, prepend=likelihood.shape[1] // 2)
    jumps[np.abs(jumps) < SMALLEST_JUMP] = 0
    return np.cumsum(np.round(jumps / STEPS_PER_SAMPLE).astype(int))


def training_slips(observations: np.ndarray, fft_size: int, noise_power: float) -> np.ndarray:
    """int [m]: whole samples by which each of complex64 [antennas, m, active] comes later than the last of them.

    observations: the channel seen in known symbols; noise_power: of their values.
    """
    turns = _whole_turns(fft_size, observations.shape[2] // 2)
    last = observations[:, -1].conj()
    products = observations[0] * last[0]
    for antenna in range(1, len(observations)):
        products += observations[antenna] * last[antenna]
    found = np.abs(products @ turns)
    middle = found.shape[1] // 2
    if (found.argmax(axis=1) == middle).all():
        return np.zeros(observations.shape[1], int)
    power = max(float(np.vdot(observations, observations).real) / observations.size - noise_power, 1e-30)
    likelihood = 2 * found / (2 * noise_power + noise_power**2 / power)  # both factors are noisy
    course = _likeliest(likelihood[::-1], np.inf, LONGEST_JUMP_SAMPLES)[::-1]
    # What slipped is the same channel at another time; one whose paths moved meanwhile is another channel.
    own = np.maximum(np.sum(np.abs(observations) ** 2, axis=(0, 2)) - noise_power * last.size, 1e-30)
    alike = found[np.arange(course.size), course] ** 2 / np.maximum(own * own[-1], 1e-30)
    slipped = course != middle
    if slipped.any() and (float(alike[slipped].mean()) < LEAST_ALIKE or not _sudden(observations, course, turns)):
        return np.zeros(course.size, int)
    return np.asarray(course - middle)


def _sudden(observations: np.ndarray, course: np.ndarray, turns: np.ndarray) -> bool:
    """Whether every jump shows between the two symbols that it lies between, where a channel that moves has hardly
    moved: they are more alike with it than without.

    observations: complex64 [antennas, m, active]; course: int [m], into the columns of turns complex64 [active, t].
    """
    for m in np.flatnonzero(np.diff(course)).tolist():
        jump, middle = course[m] - course[m + 1], turns.shape[1] // 2
        if abs(jump) <= middle:
            alike = np.abs(np.sum(observations[:, m] * observations[:, m + 1].conj(), axis=0) @ turns)
            if alike[middle + jump] <= alike[middle]:
                return False
    return True


@lru_cache(maxsize=4)
def _turns(fft_size: int, half: int) -> tuple[np.ndarray, int]:
    """exp(j 2 pi f t / N) of subcarriers f from -half to half and every t: complex64 [f, t], and the first f."""
    steps = np.arange(-REACH_SAMPLES * STEPS_PER_SAMPLE, REACH_SAMPLES * STEPS_PER_SAMPLE + 1)
    cycles = np.outer(np.arange(-half, half + 1), steps / STEPS_PER_SAMPLE / fft_size)
    return np.exp(2j * np.pi * cycles).astype(np.complex64), -half


@lru_cache(maxsize=4)
def _whole_turns(fft_size: int, half: int) -> np.ndarray:
    """Those of `_turns` by whole samples, without the carrier's own subcarrier: complex64 [2 half, t]."""
    return np.ascontiguousarray(np.delete(_turns(fft_size, half)[0][:, ::STEPS_PER_SAMPLE], half, axis=0))


def _likeliest(likelihood: np.ndarray, drift_cost: float, longest_jump: int) -> np.ndarray:
    """int [symbols]: the course of states with the most likelihood float64 [symbols, states]; it begins in the middle,
    or a jump away from it."""
    states = likelihood.shape[1]
    apart = np.abs(np.subtract.outer(np.arange(states), np.arange(states)))
    cost = np.where(apart == 0, 0.0, np.where(apart <= longest_jump, JUMP_COST, np.inf))
    cost[apart == 1] = min(drift_cost, JUMP_COST)
    follow = _course_compiled if acceleration.NUMBA else _course
    return np.asarray(follow(likelihood, cost))


def _course(likelihood: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """`_likeliest` with the cost of every pair of states, float64 [to, from]."""
    symbols, states = likelihood.shape
    total = -cost[states // 2]
    came = np.empty((symbols, states), np.int64)
    for m in range(symbols):
        values = total - cost
        came[m] = values.argmax(axis=1)
        total = values[np.arange(states), came[m]] + likelihood[m]
    course = np.empty(symbols, np.int64)
    course[-1] = int(total.argmax())
    for m in range(symbols - 1, 0, -1):
        course[m - 1] = came[m, course[m]]
    return course


@acceleration.compiled
def _course_compiled(likelihood: np.ndarray, cost: np.ndarray) -> np.ndarray:
    symbols, states = likelihood.shape
    total, after = -cost[states // 2], np.empty(states)
    came = np.empty((symbols, states), np.int64)
    for m in range(symbols):
        for to in range(states):
            best, value = 0, total[0] - cost[to, 0]
            for i in range(1, states):
                if total[i] - cost[to, i] > value:
                    best, value = i, total[i] - cost[to, i]
            came[m, to], after[to] = best, value + likelihood[m, to]
        total[:] = after
    course = np.empty(symbols, np.int64)
    course[-1] = int(np.argmax(total))
    for m in range(symbols - 1, 0, -1):
        course[m - 1] = came[m, course[m]]
    return course
