"""Every user's payload followed through the burst, before any of them is separated from the others."""

import numpy as np

from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.reception.motion import moving_channel
from radio.waveform.reception.user import Reception
from radio.waveform.tracking.known_elements import known_phasors
from radio.waveform.tracking.tracker import Track, track


def follow_payload(data: np.ndarray, grid: ResourceGrid, one: Reception, noise_power: float) -> None:
    """Fill in payload_bins, track and, where the channel moves, moving; nothing where the samples end before."""
    if one.header is None or one.header.n_symbols == 0 or one.phasors is None or one.channel is None:
        return
    n_symbols = grid.payload_symbols(one.header.n_symbols)
    one.payload_bins = one.bins(data, grid, one.window_starts(grid, grid.payload_start, n_symbols))
    if one.payload_bins is None:
        return
    one.track = follow(one.payload_bins, grid, one, noise_power)
    if not one.detected:
        return
    one.moving = moving_channel(grid, one, noise_power)
    if one.moving is not None:
        one.track = one.moving.track
        one.channel, one.error_variance = one.moving.values, one.moving.error_variance


def follow(bins: np.ndarray, grid: ResourceGrid, one: Reception, noise_power: float) -> Track:
    """Add the payload's pilots to the known symbols and track."""
    assert one.phasors is not None and one.channel is not None
    n_symbols = bins.shape[1]
    positions, values = grid.pilot_positions(n_symbols)[one.user], grid.pilot_values(one.user, n_symbols)
    lower, upper, energy, seen_power = known_phasors(bins, one.channel, positions, values)
    # Far apart in carrier, the others' payloads fall on these pilots: trust them as far as their power allows.
    pilots = positions.size * len(bins)
    surplus = (seen_power - float(energy.sum())) / pilots
    trust = noise_power / max(surplus, noise_power)
    one.phasors.put(one.symbol_index(grid, grid.payload_start), lower, upper, energy, weight=trust)
    return track(one.phasors, grid, noise_power, one.carrier_std_hz(grid, noise_power))
