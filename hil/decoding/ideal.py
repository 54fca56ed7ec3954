"""The reference of a run: the ideal baseband channel with perfect channel knowledge.

Symbols, gains, noise level and resource elements are the same, without waveform, offsets, converters and
estimation: y = sum_j g_j x_j + n per channel use, then the same LMMSE view.
"""

from dataclasses import dataclass

import numpy as np

from hil.bus.messages import CsiReport, Link, UserCsi
from hil.config import RunConfig
from hil.session.feedback import side_information
from hil.session.slot import Slot
from models.side_information import SideInformation
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.reception.separation import separate

NOISE_STREAM = 0x1DEA1  # keeps this noise apart from every other use of the run's seed


@dataclass(frozen=True)
class IdealReception:
    """features: complex64 [k] by user; side: perfect side information."""

    features: dict[int, np.ndarray]
    side: SideInformation


def ideal_features(config: RunConfig, slot: Slot) -> IdealReception | None:
    """Features of every user of a slot, or None where the true channel is not known (real radios).

    Gains are those at the start of the burst (its middle for Doppler fading), as the air's truth defines them.
    """
    users = sorted(set(slot.links) & set(slot.symbols))
    if not users or any(slot.symbols[user].size == 0 for user in users):
        return None
    grid = ResourceGrid(config.waveform)
    amplitude = config.radio.tx_amplitude * float(grid.amplitude)
    scale = config.radio.tx_amplitude  # results are scale-free; this keeps powers near one
    channels = np.stack(
        [amplitude / scale * frequency_response(slot.links[u], grid, config.sample_rate_hz) for u in users]
    )
    noise_power = max(slot.links[users[0]].noise_power / scale**2, 1e-12)
    elements = [grid.map_payload(slot.symbols[user]) for user in users]
    lengths = [len(element) for element in elements]
    antennas, active = channels.shape[1:]
    received = np.zeros((antennas, max(lengths), active), np.complex128)
    for channel, element in zip(channels, elements, strict=True):
        received[:, : len(element)] += channel[:, None] * element
    rng = np.random.default_rng([config.seed, NOISE_STREAM, slot.grant.frame or 0])
    noise = rng.standard_normal((*received.shape, 2)) @ [1, 1j]
    received += np.sqrt(noise_power / 2) * noise
    features = {}
    for place, user in enumerate(users):
        still = np.zeros(lengths[place])
        seen = received[:, : lengths[place]].astype(np.complex64)
        k = slot.symbols[user].size
        features[user] = separate(seen, channels, lengths, place, noise_power, grid, still, still, k)
    return IdealReception(features, _perfect_side(config, users, channels, noise_power))


def frequency_response(link: Link, grid: ResourceGrid, sample_rate_hz: float) -> np.ndarray:
    """H(f) of a simulated link on the active subcarriers: complex128 [antennas, active]."""
    gains = np.array(link.tap_gains) @ [1, 1j]
    turns = np.outer(link.tap_delays_samples, grid.frequencies_hz) / sample_rate_hz
    return np.asarray(gains @ np.exp(-2j * np.pi * turns))


def _perfect_side(config: RunConfig, users: list[int], channels: np.ndarray, noise_power: float) -> SideInformation:
    powers = np.mean(np.abs(channels) ** 2, axis=(1, 2))
    total = float(powers.sum())
    gains = np.sqrt(powers / powers.mean())
    entries = [
        UserCsi(user, 0.0, 0.0, float(gain), float(np.angle(channel.sum())), 0.0)
        for user, gain, channel in zip(users, gains, channels, strict=True)
    ]
    snr_db = 10 * np.log10(max(total, 1e-30) / noise_power)
    return side_information(CsiReport(0, None, 0, 0, float(snr_db), entries), config.users)
