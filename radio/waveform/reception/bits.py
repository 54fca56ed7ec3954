"""A user's protected bits out of its payload's first symbols, where it has subcarriers to itself."""

import numpy as np

from radio.waveform.burst import bits as bits_code
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.reception.laying import Followed
from radio.waveform.reception.user import Reception
from radio.waveform.tracking.straightening import ramps


def take_bits(grid: ResourceGrid, one: Reception, followed: Followed) -> tuple[bytes | None, ...]:
    """Those of each of the burst's pictures: None where they are lost, or the configuration has none (then the header
    tells of another system's)."""
    assert one.header is not None
    pictures, capacity = one.header.pictures, grid.config.bits_bytes
    if not capacity or one.header.all_bits_symbols != grid.bits_symbols:
        return (None,) * pictures
    matched = matched_bits(grid, one, followed).reshape(pictures, -1)
    return tuple(bits_code.demodulate(own, capacity) for own in matched)


def matched_bits(grid: ResourceGrid, one: Reception, followed: Followed) -> np.ndarray:
    """conj(g) y over what disturbs each symbol, antennas combined: complex64 [bits_symbols, uses]; 0 where erased."""
    n, laid, seen = grid.bits_symbols, followed.laid, followed.seen
    assert one.channel is not None
    if one.moving is None:
        white = one.white(one.channel)
        channel = np.broadcast_to(white[:, None], (len(white), n, white.shape[1]))
    else:
        channel = one.white(one.moving.each()[:, :n])
    straight = np.sum(np.conj(channel) * laid.bins[:, :n], axis=0)
    straight = straight * ramps(laid.delay_samples[:n], laid.phase_rad[:n], grid)
    weight = np.where(seen.erased[:n], 0.0, 1 / seen.power[:n]).astype(np.float32)
    return np.asarray(np.take_along_axis(straight, grid.bits_positions(one.user), axis=1) * weight[:, None])
