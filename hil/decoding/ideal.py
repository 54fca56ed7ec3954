"""The reference of a run: the ideal baseband channel with perfect channel knowledge.

Symbols, gains, noise level and resource elements are the same, without waveform, offsets, converters and
estimation: y = sum_j g_j x_j + n per channel use, then the same LMMSE view.
"""

from dataclasses import dataclass, replace

import numpy as np

from hil.bus.messages import CsiReport, Link, UserCsi
from hil.config import RunConfig
from hil.session.responses import response_bytes
from hil.session.slot import Slot
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.quality.payload_quality import PayloadQuality
from radio.waveform.separation.still import KindOfUse, features_by_power, still_views

NOISE_STREAM = 0x1DEA1  # keeps this noise apart from every other use of the run's seed


@dataclass(frozen=True)
class IdealAir:
    """received: complex128 [antennas, symbols, active]; channels: complex128 [users, antennas, active] and lengths,
    OFDM symbols, of `users`; uses: their channel uses; powers: theirs, see `BurstReceiver.receive`."""

    config: RunConfig
    grid: ResourceGrid
    users: list[int]
    received: np.ndarray
    channels: np.ndarray
    lengths: list[int]
    uses: list[int]
    noise_power: float
    silent: frozenset[int] = frozenset()
    powers: np.ndarray | None = None

    def heard(self) -> "IdealReception":
        """Every user's features but those of the silent ones."""
        features, qualities = {}, {}
        lengths = [0 if user in self.silent else n for user, n in zip(self.users, self.lengths, strict=True)]
        for place, user in enumerate(self.users):
            if user in self.silent:
                continue
            still = np.zeros(self.lengths[place])
            seen = self.received[:, : self.lengths[place]].astype(np.complex64)
            disturbed, k = np.full(still.size, self.noise_power), self.uses[place]
            kinds = still_views(self.channels, lengths, place, disturbed, k, self.powers)
            features[user] = features_by_power(seen, kinds, place, self.grid, still, still, k)
            qualities[user] = self._quality(place, kinds, disturbed)
        left = [place for place, user in enumerate(self.users) if user not in self.silent]
        users = [self.users[place] for place in left]
        report = _perfect_report(users, self.channels[left], self.noise_power)
        return IdealReception(features, report, qualities, self)

    def _quality(self, place: int, kinds: list[KindOfUse], disturbed: np.ndarray) -> PayloadQuality:
        nothing = np.zeros(disturbed.size, bool)
        return PayloadQuality(
            power=np.sum(np.abs(self.channels[place]) ** 2, axis=0),
            disturbed=disturbed,
            trained_sinr=float(np.mean(np.sum(np.abs(self.channels[place]) ** 2, axis=0))) / self.noise_power,
            separated=np.stack([kind.view.sinr for kind in kinds]),
            shares=np.array([kind.share for kind in kinds]),
            lengths=kinds[0].view.lengths,
            hit=nothing,
            erased=nothing,
        )

    def without(self, user: int, symbols: np.ndarray) -> "IdealAir":
        """The air once symbols complex64 [k], of a decoded picture, are taken out with the true channel."""
        place = self.users.index(user)
        elements = self.grid.map_payload(symbols)
        received = self.received.copy()
        received[:, : len(elements)] -= self.channels[place][:, None] * elements
        return replace(self, received=received, silent=self.silent | {user})

    def by_power(self) -> list[int]:
        """Users, strongest first."""
        powers = np.mean(np.abs(self.channels) ** 2, axis=(1, 2))
        return [self.users[place] for place in np.argsort(-powers, kind="stable")]


@dataclass(frozen=True)
class IdealReception:
    """features: complex64 [k] by user; csi: a perfect report; qualities: of the payloads, by user; air: what they were
    taken from.
    """

    features: dict[int, np.ndarray]
    csi: CsiReport
    qualities: dict[int, PayloadQuality]
    air: IdealAir


def ideal_features(config: RunConfig, slot: Slot, powers: np.ndarray | None = None) -> IdealReception | None:
    """Features of every user of a slot, or None where the true channel is not known (real radios).

    powers: see `BurstReceiver.receive`. Gains are those at the start of the burst (its middle for Doppler fading), as
    the air's truth defines them.
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
    uses = [slot.symbols[user].size for user in users]
    sent = None if powers is None else powers[users]
    return IdealAir(config, grid, users, received, channels, lengths, uses, noise_power, powers=sent).heard()


def frequency_response(link: Link, grid: ResourceGrid, sample_rate_hz: float) -> np.ndarray:
    """H(f) of a simulated link on the active subcarriers: complex128 [antennas, active]."""
    gains = np.array(link.tap_gains) @ [1, 1j]
    turns = np.outer(link.tap_delays_samples, grid.frequencies_hz) / sample_rate_hz
    return np.asarray(gains @ np.exp(-2j * np.pi * turns))


def _perfect_report(users: list[int], channels: np.ndarray, noise_power: float) -> CsiReport:
    powers = np.mean(np.abs(channels) ** 2, axis=(1, 2))
    total = float(powers.sum())
    gains = np.sqrt(powers / powers.mean())
    entries = [
        UserCsi(
            user,
            0.0,
            0.0,
            float(gain),
            float(np.angle(channel.sum())),
            0.0,
            response=response_bytes(channel, noise_power),
        )
        for user, gain, channel in zip(users, gains, channels, strict=True)
    ]
    snr_db = 10 * np.log10(max(total, 1e-30) / noise_power)
    return CsiReport(0, None, 0, 0, float(snr_db), entries)
