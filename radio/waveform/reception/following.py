"""Every user's payload followed through the burst, before any of them is separated from the others."""

from dataclasses import replace

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.quality.disturbance import Disturbance, disturbance
from radio.waveform.quality.suspicion import FOLLOWED_DEVIATIONS, is_heard, suspect
from radio.waveform.reception.damage import follow_damage
from radio.waveform.reception.laying import Course, Followed, lay, lay_moving
from radio.waveform.reception.motion import moves, moving_channel
from radio.waveform.reception.user import Reception

EXPLAINED = 1.5  # of the expected disturbance
MOTION_GAIN = 1.1  # by which a moving channel must explain a payload better than a damaged one


def follow_payload(
    data: np.ndarray,
    grid: ResourceGrid,
    one: Reception,
    found: list[Reception],
    noise_power: float,
    silent: frozenset[int] = frozenset(),
) -> Followed | None:
    """One user's payload; None when there is none, or the samples end before half of it has come (see `lay`).

    silent: users whose payload has been cancelled.
    """
    if one.header is None or one.header.n_symbols == 0 or one.phasors is None or one.channel is None:
        return None
    course = Course.undisturbed(grid.payload_symbols(one.header.n_symbols))
    laid = lay(data, grid, one, noise_power, course)
    if laid is None:
        return None
    course = replace(course, gone=np.arange(laid.starts.size) >= laid.starts.size - laid.beyond)
    leaked = sum(_leaked(one, other, grid) for other in found if other.user not in silent)
    expected = noise_power + leaked
    seen = disturbance(laid.pilots, expected, course.gone)
    heard = is_heard(laid.pilots)
    moving = None
    if one.detected and laid.beyond == 0 and (one.unsteady or moves(grid, one, laid)):
        moving = moving_channel(data, grid, one, laid.track, noise_power)
    moved = None
    if moving is not None:
        again = lay_moving(data, grid, one, moving)
        moved = Followed(again, disturbance(again.pilots, expected, course.gone), course, True, leaked, moving)
    if seen.hit.any() or suspect(laid.pilots, expected):
        laid, seen, course = follow_damage(data, grid, one, noise_power, expected, laid, seen, course)
        heard = heard or is_heard(laid.pilots, FOLLOWED_DEVIATIONS)
    if moved is None or _explained(seen, course, expected):
        return Followed(laid, seen, course, heard, leaked)
    if _disturbance(seen, course) > MOTION_GAIN * _disturbance(moved.seen, moved.course):
        return replace(moved, heard=is_heard(moved.laid.pilots))
    return Followed(laid, seen, course, heard, leaked)


def _explained(seen: Disturbance, course: Course, expected: float) -> bool:
    """Whether damage was found that leaves no more of the other symbols than noise."""
    damaged = bool(seen.hit.any() or (course.gain != 1).any() or course.late_samples.any())
    if not damaged or seen.hit.all():
        return False
    return float(np.mean(seen.power[~seen.hit])) < EXPLAINED * expected


def _disturbance(seen: Disturbance, course: Course) -> float:
    """Geometric mean over the symbols, as they arrived."""
    return float(np.exp(np.mean(np.log(np.maximum(seen.power, 1e-30) * np.maximum(course.gain, 1e-6) ** 2))))


def _leaked(one: Reception, other: Reception, grid: ResourceGrid) -> float:
    """Power of another user's payload that falls beside its subcarriers where one's carrier is undone."""
    if other is one or other.channel is None:
        return 0.0
    seen = one.white(other.channel)
    power = float(np.vdot(seen, seen).real) / seen.size
    return power * float(1 - np.sinc((other.cfo_hz - one.cfo_hz) / grid.config.subcarrier_spacing_hz) ** 2)
