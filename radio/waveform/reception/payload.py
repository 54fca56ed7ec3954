"""A user's payload: follow its phase and timing, undo them, take its view of the superposition."""

from dataclasses import dataclass

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.quality.disturbance import Disturbance
from radio.waveform.quality.payload_quality import LEAST_POWER, PayloadQuality
from radio.waveform.reception.bits import take_bits
from radio.waveform.reception.elements import BLOCK_SYMBOLS
from radio.waveform.reception.laying import Course, Followed
from radio.waveform.reception.user import Reception
from radio.waveform.separation.moving import moving_view
from radio.waveform.separation.still import KindOfUse, View, features_by_power, view_of, views_by_power
from radio.waveform.tracking.tracker import Track


@dataclass(frozen=True)
class Payload:
    """features: complex64 [k]; track: phase and timing; starts: FFT windows of the picture's symbols, sample indices.

    delay_samples, phase_rad, gain: float [symbols], what was undone in these windows. quality: what the pilots show.
    protected: of every picture, see `ReceivedUser`; none for bursts without.
    """

    features: np.ndarray
    track: Track
    starts: np.ndarray
    delay_samples: np.ndarray
    phase_rad: np.ndarray
    gain: np.ndarray
    quality: PayloadQuality
    protected: tuple[bytes | None, ...]


def take_payload(
    grid: ResourceGrid,
    one: Reception,
    followed: Followed | None,
    found: list[Reception],
    noise_power: float,
    silent: frozenset[int] = frozenset(),
    powers: np.ndarray | None = None,
) -> Payload | None:
    """One user's payload; None where it was not followed (see `follow_payload`).

    silent: users whose payload has been cancelled. powers: see `BurstReceiver.receive`.
    """
    assert one.header is not None
    if followed is None:
        return None
    protected = take_bits(grid, one, followed) if grid.bits_symbols else ()
    followed = followed.behind(grid.bits_symbols)
    laid, seen, course = followed.laid, followed.seen, followed.course
    kinds = _views(one, found, seen.power, followed.leaked, noise_power, grid, silent, powers)
    user, k = [f.user for f in found].index(one.user), one.header.n_symbols
    features = features_by_power(laid.bins, kinds, user, grid, laid.delay_samples, laid.phase_rad, k)
    if grid.config.scramble:
        features = features * grid.scramble_signs(features.size)
    quality = _quality(one, kinds, seen, course, followed.heard, noise_power)
    starts, delay, phase = laid.starts, laid.delay_samples, laid.phase_rad
    return Payload(features, laid.track, starts, delay, phase, course.gain, quality, protected)


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
    if powers is not None:
        sent = powers[[f.user for f in found]]
    lengths = [grid.picture_symbols(f.header.n_symbols) if f.header else disturbed.size for f in found]
    lengths = [0 if f.user in silent else length for f, length in zip(found, lengths, strict=True)]
    user = [f.user for f in found].index(one.user)
    moving = any(f.moving is not None for f in found)
    before = grid.bits_symbols // BLOCK_SYMBOLS
    gains = [
        one.white(f.channel if not moving else f.gains if f.moving is None else f.gains[:, before:])
        for f in found
        if f.channel is not None
    ]

    def view(amplitudes: np.ndarray, leaked: float) -> View:
        loud = [gain * amplitude for gain, amplitude in zip(gains, amplitudes, strict=True)]
        if moving:
            return moving_view(loud, BLOCK_SYMBOLS, lengths, user, disturbed, leaked, noise_power)
        return view_of(np.stack(loud), lengths, user, disturbed, leaked, noise_power)

    return views_by_power(view, user, sent, k, leaked)


def _quality(
    one: Reception, kinds: list[KindOfUse], seen: Disturbance, course: Course, heard: bool, noise_power: float
) -> PayloadQuality:
    assert one.channel is not None
    told = float(np.sum(np.mean(np.abs(one.gains) ** 2, axis=(1, 2), dtype=np.float64)))
    return PayloadQuality(
        power=np.asarray(np.sum(np.mean(np.abs(one.white(one.gains)) ** 2, axis=1), axis=0, dtype=np.float64)),
        disturbed=seen.power,
        trained_sinr=told / max(noise_power, LEAST_POWER),
        separated=np.stack([kind.view.sinr for kind in kinds]),
        shares=np.array([kind.share for kind in kinds]),
        lengths=kinds[0].view.lengths,
        hit=seen.hit,
        erased=seen.erased,
        heard=heard,
        gain_steps=course.gain_steps,
        slipped_samples=course.slipped_samples(seen.erased),
    )
