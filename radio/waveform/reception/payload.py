"""A user's payload: follow its phase and timing, undo them, take its view of the superposition."""

from dataclasses import dataclass, replace

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.quality.disturbance import Disturbance, disturbance
from radio.waveform.quality.payload_quality import PayloadQuality
from radio.waveform.quality.suspicion import FOLLOWED_DEVIATIONS, is_heard, suspect
from radio.waveform.reception.damage import follow_damage
from radio.waveform.reception.laying import Course, lay
from radio.waveform.reception.separation import KindOfUse, features_by_power, views_by_power
from radio.waveform.reception.user import Reception
from radio.waveform.tracking.tracker import Track


@dataclass(frozen=True)
class Payload:
    """features: complex64 [k]; track: phase and timing; starts: FFT windows, sample indices.

    delay_samples, phase_rad, gain: float [symbols], what was undone in these windows. quality: what the pilots show.
    """

    features: np.ndarray
    track: Track
    starts: np.ndarray
    delay_samples: np.ndarray
    phase_rad: np.ndarray
    gain: np.ndarray
    quality: PayloadQuality


def receive_payload(
    data: np.ndarray,
    grid: ResourceGrid,
    one: Reception,
    found: list[Reception],
    noise_power: float,
    silent: frozenset[int] = frozenset(),
    powers: np.ndarray | None = None,
) -> Payload | None:
    """One user's payload; None when the samples end before half of it has come (see `lay`).

    silent: users whose payload has been cancelled. powers: see `BurstReceiver.receive`.
    """
    assert one.header is not None
    course = Course.undisturbed(grid.payload_symbols(one.header.n_symbols))
    laid = lay(data, grid, one, noise_power, course)
    if laid is None:
        return None
    course = replace(course, gone=np.arange(laid.starts.size) >= laid.starts.size - laid.beyond)
    leaked = sum(_leaked(one, other, grid) for other in found if other.user not in silent)
    expected = noise_power + leaked
    seen = disturbance(laid.pilots, expected, course.gone)
    heard = is_heard(laid.pilots)
    if seen.hit.any() or suspect(laid.pilots, expected):
        laid, seen, course = follow_damage(data, grid, one, noise_power, expected, laid, seen, course)
        heard = heard or is_heard(laid.pilots, FOLLOWED_DEVIATIONS)
    kinds = _views(one, found, seen.power, leaked, noise_power, grid, silent, powers)
    user, k = [f.user for f in found].index(one.user), one.header.n_symbols
    features = features_by_power(laid.bins, kinds, user, grid, laid.delay_samples, laid.phase_rad, k)
    if grid.config.scramble:
        features = features * grid.scramble_signs(features.size)
    quality = _quality(one, kinds, seen, course, heard, noise_power)
    return Payload(features, laid.track, laid.starts, laid.delay_samples, laid.phase_rad, course.gain, quality)


def _views(
    one: Reception,
    found: list[Reception],
    disturbed: np.ndarray,
    leaked: float,
    noise_power: float,
    grid: ResourceGrid,
    silent: frozenset[int],
    powers: np.ndarray | None,
) -> list[KindOfUse]:
    """Weights of one user against disturbance float64 [symbols]; others count only where their payloads last."""
    assert one.header is not None
    k, sent = one.header.n_symbols, np.ones((len(found), 1))
    if powers is not None:  # a payload of another length does not share its parts with this one
        everywhere = np.ones(powers.shape[1])
        alike = [f.header is not None and f.header.n_symbols == k for f in found]
        sent = np.stack([powers[f.user] if same else everywhere for f, same in zip(found, alike, strict=True)])
    lengths = [grid.payload_symbols(f.header.n_symbols) if f.header else disturbed.size for f in found]
    lengths = [0 if f.user in silent else length for f, length in zip(found, lengths, strict=True)]
    channels = np.stack([f.channel for f in found if f.channel is not None])
    user = [f.user for f in found].index(one.user)
    return views_by_power(channels, lengths, user, disturbed, sent, k, leaked, noise_power)


def _leaked(one: Reception, other: Reception, grid: ResourceGrid) -> float:
    """Power of another user's payload that falls beside its subcarriers where one's carrier is undone."""
    if other is one or other.channel is None:
        return 0.0
    power = float(np.vdot(other.channel, other.channel).real) / other.channel.size
    return power * float(1 - np.sinc((other.cfo_hz - one.cfo_hz) / grid.config.subcarrier_spacing_hz) ** 2)


def _quality(
    one: Reception, kinds: list[KindOfUse], seen: Disturbance, course: Course, heard: bool, noise_power: float
) -> PayloadQuality:
    assert one.channel is not None
    return PayloadQuality(
        power=np.asarray(np.sum(np.abs(one.channel) ** 2, axis=0, dtype=np.float64)),
        disturbed=seen.power,
        noise_power=noise_power,
        separated=np.stack([kind.view.sinr for kind in kinds]),
        shares=np.array([kind.share for kind in kinds]),
        lengths=kinds[0].view.lengths,
        hit=seen.hit,
        erased=seen.erased,
        heard=heard,
        gain_steps=int(np.count_nonzero(np.diff(course.gain, prepend=1.0))),
        slipped_samples=int(np.abs(np.diff(course.late_samples[~seen.erased], prepend=0)).sum()),
    )
