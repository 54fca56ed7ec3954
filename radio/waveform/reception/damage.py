"""What happened to a payload on its way, found in its pilots and followed: slips, gain steps, symbols that were hit."""

from dataclasses import replace

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.quality.disturbance import Disturbance, disturbance
from radio.waveform.quality.gain_steps import gain_course
from radio.waveform.quality.slips import slips
from radio.waveform.reception.laying import Course, Laid, lay, untracked_pilots
from radio.waveform.reception.user import Reception

SLIP_ROUNDS = 24  # each follows up to `REACH_SAMPLES` more


def follow_damage(
    data: np.ndarray,
    grid: ResourceGrid,
    one: Reception,
    noise_power: float,
    expected: float,
    laid: Laid,
    seen: Disturbance,
    course: Course,
) -> tuple[Laid, Disturbance, Course]:
    """The payload laid anew where slips, gain steps or hits explain what its pilots show; as it was where they do not.

    expected: power that disturbs an undisturbed payload; seen: of `laid`, which is as course says.
    """

    def better(tried: Course) -> bool:
        nonlocal laid, seen, course
        again = lay(data, grid, one, noise_power, tried)
        if again is None:
            return False
        then = disturbance(again.pilots, expected, tried.gone)
        if np.mean(1 / then.power) < np.mean(1 / seen.power):
            return False
        laid, seen, course = again, then, tried
        return True

    for _ in range(SLIP_ROUNDS):
        pilots = untracked_pilots(data, grid, one, course.late_samples)
        moved = slips(pilots, grid.config.fft_size, expected) if pilots else np.zeros(1, int)
        if not moved.any() or not better(replace(course, late_samples=course.late_samples + moved)):
            break
    gain = gain_course(laid.pilots)
    gone = course.gone | (gain == 0)
    if (gain[~gone] != 1).any():
        better(replace(course, gain=np.where(gone, 1.0, gain)))
    if (gone != course.gone).any():
        course = replace(course, gone=gone)
        seen = disturbance(laid.pilots, expected, gone)
    if seen.hit.any():  # the symbols that were hit have pulled at the others' phase
        better(replace(course, trusted=np.where(seen.hit, np.minimum(1, expected / seen.power), 1.0)))
    return laid, seen, course
