"""Every user's payload followed, and steps of the receiver's gain, which all users have in common.

A step is sudden: it lies between two samples, and the symbol that it falls into is whole again once the samples behind
it are scaled. The user who shows it in its pilots says how large it is, the samples' power says where, and the pilots
of all users together whether it was one: a fade of one user would be another's damage.
"""

import math
from dataclasses import replace

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.reception.following import follow_payload, likelihood
from radio.waveform.reception.laying import Followed
from radio.waveform.reception.user import Reception

LEVEL_SYMBOLS = 2  # on either side of a step, over which the power before and after it is measured

AllFollowed = dict[int, Followed | None]


def follow_payloads(
    data: np.ndarray, grid: ResourceGrid, found: list[Reception], noise_power: float, silent: frozenset[int]
) -> AllFollowed:
    """By user, see `follow_payload`; where the gain stepped, in samples whose gain does not."""
    followed: AllFollowed = {
        one.user: follow_payload(data, grid, one, found, noise_power, silent - {one.user}) for one in found
    }
    steps = _steps(data, grid, followed)
    if not steps:
        return followed
    gain = np.ones(data.shape[1], np.float32)
    for place, ratio in steps:
        gain[place:] *= np.float32(ratio)
    level: AllFollowed = {
        one.user: _with_gain(
            follow_payload(data / gain, grid, one, found, noise_power, silent - {one.user}), gain, grid
        )
        for one in found
    }
    return level if _together(level) > _together(followed) else followed


def _steps(data: np.ndarray, grid: ResourceGrid, followed: AllFollowed) -> list[tuple[int, float]]:
    """Sample at which each step lies, and the gain's ratio there, as the user who is likeliest to show any has them."""
    best: list[tuple[int, float]] = []
    clearest = 0.0
    for one in followed.values():
        if one is None or one.moving is not None:
            continue
        gain = one.course.gain
        if one.course.gain_steps == 0:
            continue
        at = 1 + np.flatnonzero((np.diff(gain) != 0) & ~one.course.gone[1:] & ~one.course.gone[:-1])
        clear = float(np.sum(np.abs(np.diff(np.log(gain))) * np.mean(one.laid.pilots.energy)))
        if at.size and clear > clearest:
            clearest = clear
            best = [(_place(data, grid, int(one.laid.starts[m])), float(gain[m] / gain[m - 1])) for m in at]
    return best


def _place(data: np.ndarray, grid: ResourceGrid, start: int) -> int:
    """The likeliest sample at which the power of complex Gaussian samples steps, within a symbol of `start`."""
    span = grid.symbol_samples
    first, last = max(start - span, 0), min(start + span, data.shape[1])
    power = np.sum(np.abs(data[:, max(first - LEVEL_SYMBOLS * span, 0) : last + LEVEL_SYMBOLS * span]) ** 2, axis=0)
    lead = first - max(first - LEVEL_SYMBOLS * span, 0)
    inner = power[lead : lead + last - first]
    before, after = (
        max(float(np.mean(part)), 1e-30) if part.size else 1e-30 for part in (power[:lead], power[lead + inner.size :])
    )
    antennas = len(data)
    gained = np.cumsum(antennas * math.log(after / before) + inner * (antennas / after - antennas / before))
    return first + int(np.argmax(np.concatenate([[0.0], gained])))


def _with_gain(one: Followed | None, gain: np.ndarray, grid: ResourceGrid) -> Followed | None:
    """Followed in samples over `gain`, told as they arrived."""
    if one is None:
        return None
    middles = np.minimum(one.laid.starts + grid.config.fft_size // 2, gain.size - 1)
    return replace(one, course=replace(one.course, gain=one.course.gain * gain[middles]))


def _together(followed: AllFollowed) -> float:
    return sum(likelihood(one) for one in followed.values() if one is not None)
