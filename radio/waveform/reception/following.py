"""Every user's payload followed through the burst, before any of them is separated from the others."""

from dataclasses import replace

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.quality.disturbance import disturbance
from radio.waveform.quality.suspicion import FOLLOWED_DEVIATIONS, is_heard, restless, suspect
from radio.waveform.reception.damage import follow_damage
from radio.waveform.reception.laying import Course, Followed, lay, lay_moving
from radio.waveform.reception.motion import moves, moving_channel
from radio.waveform.reception.user import Reception

EXPLAINED = 1.5  # of the expected disturbance
STEP_PRICE = 8.0  # log-likelihood that a step's place and size bring by themselves


def follow_payload(
    data: np.ndarray,
    grid: ResourceGrid,
    one: Reception,
    found: list[Reception],
    noise_power: float,
    silent: frozenset[int] = frozenset(),
    leaked: float | None = None,
) -> Followed | None:
    """One user's payload; None when there is none, or the samples end before half of it has come (see `lay`).

    silent: users whose payload has been cancelled. leaked: power of the others' payloads beside their
    subcarriers; None: all of it.
    """
    if one.header is None or one.header.n_symbols == 0 or one.phasors is None or one.channel is None:
        return None
    course = Course.undisturbed(grid.payload_symbols(one.header.n_symbols))
    laid = lay(data, grid, one, noise_power, course)
    if laid is None:
        return None
    course = replace(course, gone=np.arange(laid.starts.size) >= laid.starts.size - laid.beyond)
    if leaked is None:
        leaked = sum(leaked_power(one, other, grid) for other in found if other.user not in silent)
    expected = noise_power + leaked
    seen = disturbance(laid.pilots, expected, course.gone)
    heard = is_heard(laid.pilots)
    stood, may_move = Followed(laid, seen, course, heard, leaked), one.detected and laid.beyond == 0
    moved = (
        _moved(data, grid, one, stood, noise_power) if may_move and (one.unsteady or moves(grid, one, laid)) else None
    )
    if seen.hit.any() or suspect(laid.pilots, expected):
        laid, seen, course = follow_damage(data, grid, one, noise_power, expected, laid, seen, course)
        heard = heard or is_heard(laid.pilots, FOLLOWED_DEVIATIONS)
    damaged = Followed(laid, seen, course, heard, leaked)
    if moved is None and may_move and restless(stood.laid.pilots, expected) and not _explained(damaged, expected):
        moved = _moved(data, grid, one, stood, noise_power)
    if moved is None or _explained(damaged, expected) or likelihood(damaged) > likelihood(moved):
        return damaged
    return moved


def _moved(
    data: np.ndarray, grid: ResourceGrid, one: Reception, stood: Followed, noise_power: float
) -> Followed | None:
    """The payload through a channel that moves; None where training and pilots speak for one that stands."""
    moving = moving_channel(data, grid, one, stood.laid.track, noise_power)
    if moving is None:
        return None
    laid = lay_moving(data, grid, one, moving)
    seen = disturbance(laid.pilots, noise_power + stood.leaked, stood.course.gone)
    return Followed(laid, seen, stood.course, is_heard(laid.pilots), stood.leaked, moving)


def _explained(damaged: Followed, expected: float) -> bool:
    """Whether hits or slips were found that leave no more of the other symbols than noise.

    Steps of the gain do not settle it: enough of them follow any fade.
    """
    seen, course = damaged.seen, damaged.course
    if (course.gain != 1).any() or seen.hit.all() or not (seen.hit.any() or course.late_samples.any()):
        return False
    return float(np.mean(seen.power[~seen.hit])) < EXPLAINED * expected


def likelihood(followed: Followed) -> float:
    """Logarithm of the pilots' likelihood, but for a constant, less the price of what was fitted to them.

    A step of the receiver's gain takes the noise along, so that it counts as it arrived.
    """
    seen, course = followed.seen, followed.course
    arrived = np.maximum(seen.power, 1e-30) * np.maximum(course.gain, 1e-6) ** 2
    return -followed.laid.pilots.dimensions * float(np.sum(np.log(arrived))) - STEP_PRICE * course.gain_steps


def leaked_power(one: Reception, other: Reception, grid: ResourceGrid) -> float:
    """Power of another user's payload that falls beside its subcarriers where one's carrier is undone."""
    if other is one or other.channel is None:
        return 0.0
    seen = one.white(other.channel)
    power = float(np.vdot(seen, seen).real) / seen.size
    return power * float(1 - np.sinc((other.cfo_hz - one.cfo_hz) / grid.config.subcarrier_spacing_hz) ** 2)
