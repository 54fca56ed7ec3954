"""A payload's SINR as it came out of the receiver, and that of one who knows channels, noise and oscillators' law."""

from dataclasses import dataclass

import numpy as np

from radio.air.channel import Channel
from radio.air.config import AirConfig
from radio.air.truth import LinkTruth
from radio.waveform.burst.grid import ResourceGrid


@dataclass(frozen=True)
class Disturbed:
    """What comes on top of the air. direction: complex [antennas] of an interferer of unit power in all the band, or
    None; linewidth_hz: of the receiver's oscillator, a Wiener process; gain_step: (sample, amplitude) from where on the
    receiver is louder, or None."""

    direction: np.ndarray | None
    linewidth_hz: float
    gain_step: tuple[int, float] | None

    def applied(self, samples: np.ndarray, sample_rate_hz: float, rng: np.random.Generator) -> np.ndarray:
        """complex64 [antennas, n]."""
        seen = samples.astype(complex)
        if self.direction is not None:
            white = rng.standard_normal((samples.shape[1], 2)) @ np.array([1, 1j]) / np.sqrt(2)
            seen += self.direction[:, None] * white
        if self.linewidth_hz > 0:
            step = np.sqrt(2 * np.pi * self.linewidth_hz / sample_rate_hz)
            seen *= np.exp(1j * np.cumsum(step * rng.standard_normal(samples.shape[1])))
        if self.gain_step is not None:
            seen[:, self.gain_step[0] :] *= self.gain_step[1]
        return seen.astype(np.complex64)


def sent_powers(users: int, parted: bool) -> np.ndarray:
    """float [users, parts]: everybody everywhere, or each on a part of its own."""
    return users * np.eye(users) if parted else np.ones((users, 1))


def payload_error(features: np.ndarray, symbols: np.ndarray, power: float) -> float:
    """Mean |estimate - symbol|^2 where something was sent, of symbols of unit power that are sent with `power`."""
    own = symbols != 0
    return float(np.mean(np.abs(features[own] - symbols[own]) ** 2)) / power


def channel_through(
    air: AirConfig, grid: ResourceGrid, truth: LinkTruth, ticks: np.ndarray, block_samples: int
) -> np.ndarray:
    """True response complex128 [antennas, ticks, active] to a unit-power symbol, the carrier's turning left out."""
    gains = truth.path_gain * Channel(air, truth.user).gains(truth.burst_start_tick, ticks, block_samples)
    if gains.shape[2] == 1:
        gains = np.repeat(gains, ticks.size, axis=2)
    turns = np.outer(truth.tap_delays_samples, grid.frequencies_hz) / air.sample_rate_hz
    return np.einsum("alt,lf->atf", gains, np.exp(-2j * np.pi * turns)) * float(grid.amplitude)


def payload_bound(
    channels: np.ndarray, user: int, powers: np.ndarray, covariance: np.ndarray, grid: ResourceGrid, linewidth_hz: float
) -> float:
    """Least mean error of a unit-power symbol of `user` where it sends: of LMMSE with all that is given.

    1 - p g^H (sum_j p_j g_j g_j^H + R)^-1 g (Kay 1993, 12.5). channels: complex [users, antennas, times, active];
    powers: as of `sent_powers`; covariance: complex [antennas, antennas]. Phase noise adds what its Wiener process
    moves within an FFT window, q / 6 with q = 2 pi linewidth T, other subcarriers' power (Armada 2001), and what
    Kalman's smoother leaves of the common phase that a user's pilots show, q R / sqrt(q^2 + 4 q R) with q over a
    symbol (Sarkka 2013, 8.2).
    """
    errors = []
    for part in np.flatnonzero(powers[user]):
        g = np.sqrt(powers[:, part])[:, None, None, None] * channels
        g = g.transpose(2, 3, 1, 0)
        inner = np.einsum("mfau,mfbu->mfab", g, g.conj()) + covariance
        own = g[..., user]
        kept = np.einsum("mfa,mfa->mf", own.conj(), np.linalg.solve(inner, own[..., None])[..., 0]).real
        errors.append(float(np.mean(1 - kept)))
    error = float(np.mean(errors))
    if linewidth_hz <= 0:
        return error
    config = grid.config
    turn = 2 * np.pi * linewidth_hz / config.sample_rate_hz
    noise = float(np.trace(covariance).real) / len(covariance)
    energy = config.pilots_per_user * config.users * float(np.mean(np.sum(np.abs(channels[user]) ** 2, axis=0)))
    seen, q = noise / (2 * energy), turn * grid.symbol_samples
    smoothed = q * seen / np.sqrt(q * q + 4 * q * seen)
    return 1 - (1 - error) / (1 + (1 - error) * (turn * config.fft_size / 6 + smoothed))
