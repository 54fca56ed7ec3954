"""Users on channel uses of their own whose carriers are apart: what leaks from one to the other is taken out again.

In the samples with one user's carrier undone another's subcarriers lie between, and a part of their power falls on
everybody's elements. As no more users send on an element than there are antennas, all symbols are still determined:
each user's estimate is taken out of the samples of the others, which are then estimated anew (Gauss and Seidel's
iteration on the joint least mean square problem; parallel: Huang and Letaief 2005).
"""

from dataclasses import replace

import numpy as np

from radio.samples import Samples
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.reception.cancellation import cancel_payload
from radio.waveform.reception.following import follow_payload, leaked_power
from radio.waveform.reception.frame import Alignment
from radio.waveform.reception.laying import Followed
from radio.waveform.reception.payload import Payload, take_payload
from radio.waveform.reception.user import Reception

ROUNDS = 12
SETTLED = 0.05  # of the error that an estimate states: by less it need not change any more
WORTH_WHILE = 0.05  # of the noise power that leaks
MOST_LEAKAGE = 0.7  # of a user's power, half a subcarrier: beyond, estimates do not settle

Payloads = dict[int, Payload | None]


def take_payloads(
    data: np.ndarray,
    grid: ResourceGrid,
    found: list[Reception],
    followed: dict[int, Followed | None],
    noise_power: float,
    silent: frozenset[int],
    powers: np.ndarray | None,
) -> Payloads:
    """By user of those found whose header is known, see `take_payload`.

    Of protected bits, in which users have subcarriers of their own, nothing is taken out.
    """
    known = [one for one in found if one.header is not None]

    def taken(one: Reception, seen: Followed | None) -> Payload | None:
        return take_payload(grid, one, seen, found, noise_power, silent - {one.user}, powers)

    payloads = {one.user: taken(one, followed[one.user]) for one in known}
    sending = [one for one in known if payloads[one.user] is not None and one.user not in silent]
    if not _worth_while(len(data), grid, sending, followed, noise_power, powers):
        return payloads
    pictures = grid.carrying(0)
    for _ in range(ROUNDS):
        settled = True
        for one in sending:
            others = [other for other in sending if other is not one]
            cleaned, left = Samples(data, 0, grid.config.sample_rate_hz), 0.0
            for other in others:
                payload = payloads[other.user]
                assert payload is not None
                cleaned = cancel_payload(
                    cleaned, pictures, other.user, alignment(grid, other, payload), payload.features
                )
                left += leaked_power(one, other, grid) / (1 + 10 ** (payload.quality.separated_sinr_db / 10))
            again = follow_payload(cleaned.data, grid, one, found, noise_power, silent - {one.user}, left)
            before, after = payloads[one.user], taken(one, _honest(again, noise_power + left))
            if after is None or before is None:
                return payloads
            payloads[one.user] = replace(after, protected=before.protected)
            settled &= _change(before, after) < SETTLED
        if settled:
            break
    return payloads


def _honest(seen: Followed | None, least: float) -> Followed | None:
    """No less disturbed than by noise and what is left of the others: on its pilots a user is cleaned too well, as the
    others' estimates hold its own noise."""
    if seen is None:
        return None
    return replace(seen, seen=replace(seen.seen, power=np.maximum(seen.seen.power, least)))


def _change(before: Payload, after: Payload) -> float:
    """Mean square by which the symbols changed, over their stated error."""
    moved = float(np.mean(np.abs(after.features - before.features) ** 2, dtype=np.float64))
    return moved * (1 + 10 ** (after.quality.separated_sinr_db / 10))


def alignment(grid: ResourceGrid, one: Reception, payload: Payload, start_tick: int = 0) -> Alignment:
    """start_tick: of sample 0."""
    assert one.channel is not None
    return Alignment(
        payload.starts + start_tick,
        one.cfo_hz,
        one.phase_origin(grid) + start_tick,
        payload.delay_samples,
        payload.phase_rad,
        one.channel if one.moving is None else one.moving.each()[:, -payload.starts.size :],
        payload.gain,
    )


def _worth_while(
    antennas: int,
    grid: ResourceGrid,
    sending: list[Reception],
    followed: dict[int, Followed | None],
    noise_power: float,
    powers: np.ndarray | None,
) -> bool:
    """Whether something leaks, every channel use is determined, and nothing else happened to anybody's payload."""
    if len(sending) < 2:
        return False
    powers = np.ones((grid.config.users, 1)) if powers is None else powers
    if (np.count_nonzero(powers[[one.user for one in sending]], axis=0) > antennas).any():
        return False
    for one in sending:
        seen = followed[one.user]
        if seen is None or seen.laid.beyond or (seen.course.gain != 1).any() or seen.course.late_samples.any():
            return False
    leaks = [(leaked_power(a, b, grid), b) for a in sending for b in sending if a is not b]
    if any(leak > MOST_LEAKAGE * float(np.mean(np.abs(b.gains) ** 2)) for leak, b in leaks):
        return False
    return max(leak for leak, _ in leaks) > WORTH_WHILE * noise_power
