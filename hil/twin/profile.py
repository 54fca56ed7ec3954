"""Which of the air's multipath profiles explains the measured channels best, and with which delay spread.

Least-squares channels h of a user over slots and antennas are taken as complex Gaussian, h ~ CN(0, P R(s) + v I), with
the frequency correlation of a profile of delays d_l and powers p_l at delay spread s (3GPP TR 38.901, section 7.7.2)

    R(f1, f2) = sum_l p_l exp(-j 2 pi (f1 - f2) (t0 + d_l s)),

in an orthonormal basis of the delays that a cyclic prefix holds. The user's delay t0 and power P, the profile and s
maximise the likelihood over all users together. A single path is one candidate; a spread must pay for itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from radio.air.tdl import DelayProfile, delay_profile
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.windows import backoff_samples
from radio.waveform.channel.delay_basis import delay_basis
from radio.waveform.config import WaveformConfig

PROFILES = ("tdl-a", "tdl-b", "tdl-c", "tdl-d", "tdl-e")
SMALLEST_SPREAD = 0.02  # samples: of a path 30 dB down, its tail would be told from noise at 40 dB only
SPREADS = 36
COARSE_STEP = 0.25  # samples
AROUND = np.arange(-48, 13)  # steps: first paths are rarely the strongest
FINE_STEPS = (0.02, 0.002)
LOG_STEP = 0.03  # over which the likelihood's curvature is taken, logarithm of the spread
POWERS = 10 ** (np.arange(-6.0, 6.1, 0.25) / 10)  # relative to the measured mean
HEARD = 1e-3  # of the noise: weaker directions of a channel change nothing
MODEL_FLOOR = 10 ** (-3.5)  # phase noise, imbalance and interpolation keep channels from being exact
SPREAD_FLOOR = 0.03  # relative uncertainty, however sharp the likelihood: rooms are no exact profiles
SPREAD_GAIN = 10.0  # rise of the log likelihood that a spread must bring over a single path


@dataclass(frozen=True)
class ProfileFit:
    """name: 'flat' or a TDL's. spread_s: RMS delay spread, 0 for flat, and its relative uncertainty.

    delays_samples: of every user's first path from the expected tick. margin: log likelihood over flat.
    """

    name: str
    spread_s: float
    relative_uncertainty: float
    delays_samples: list[float]
    margin: float


@dataclass(frozen=True)
class _User:
    """scatter: complex128 [delays, r, r], sum of outer products of the channels shifted back by each delay; energies:
    float [delays], their traces."""

    scatter: np.ndarray
    energies: np.ndarray
    count: int
    power: float
    variance: float


def single_path(
    channels: Sequence[np.ndarray], variances: Sequence[float], config: WaveformConfig
) -> tuple[ProfileFit, bool]:
    """The best single path per user, and whether it leaves nothing over but what noise accounts for."""
    search = _Search(channels, variances, config)
    _, delays = search.refined(None, 0.0, search.best(None, 0.0, search.users(search.everywhere))[1])
    early = backoff_samples(search.grid)
    return ProfileFit("flat", 0.0, 0.0, [delay - early for delay in delays], 0.0), search.explained(delays)


def fit_profile(channels: Sequence[np.ndarray], variances: Sequence[float], config: WaveformConfig) -> ProfileFit:
    """channels: per user complex128 [bursts, antennas, active], see `UserView.channel`; variances: of their errors."""
    search = _Search(channels, variances, config)
    flat, flat_delays = search.refined(None, 0.0, search.best(None, 0.0, search.users(search.everywhere))[1])
    # Grids that hold the single path's own delay: where one path dominates, a profile must meet it exactly.
    coarse = search.users([delay + COARSE_STEP * AROUND for delay in flat_delays])
    best = ProfileFit("flat", 0.0, 0.0, flat_delays, 0.0)
    spreads = np.geomspace(SMALLEST_SPREAD, config.cp_samples / 4, SPREADS)
    for name in PROFILES:
        profile = delay_profile(name)
        rough = [search.best(profile, s, coarse) for s in spreads]
        around = int(np.argmax([value for value, _ in rough]))
        spread, uncertainty, value, delays = search.spread(profile, float(spreads[around]), rough[around][1])
        if value - flat > max(best.margin, SPREAD_GAIN):
            best = ProfileFit(name, spread / config.sample_rate_hz, uncertainty, delays, value - flat)
    early = backoff_samples(search.grid)
    delays = [delay - early for delay in best.delays_samples]
    return ProfileFit(best.name, best.spread_s, best.relative_uncertainty, delays, best.margin)


class _Search:
    """Likelihoods of profiles over delays of every user, coarse and fine."""

    def __init__(self, channels: Sequence[np.ndarray], variances: Sequence[float], config: WaveformConfig) -> None:
        self.grid = ResourceGrid(config)
        self._basis = delay_basis(config).astype(np.complex128)
        self._steps = self.grid.frequencies_hz / config.sample_rate_hz
        self._channels, self._variances = channels, variances
        self.everywhere = [np.arange(-4.0, config.cp_samples / 2, COARSE_STEP)] * len(channels)

    def users(self, delays: Sequence[np.ndarray]) -> list[tuple[np.ndarray, "_User"]]:
        """Per user its grid of delays, float [d], and the statistics on it."""
        every = zip(self._channels, self._variances, delays, strict=True)
        return [(d, _statistics(rows, v, self._basis, self._steps, d)) for rows, v, d in every]

    def best(
        self, profile: DelayProfile | None, spread: float, users: Sequence[tuple[np.ndarray, "_User"]]
    ) -> tuple[float, list[float]]:
        """Largest log likelihood summed over users, and each one's delay in samples from its window."""
        return _likelihood(users, _correlation(profile, spread, self._basis, self._steps))

    def refined(self, profile: DelayProfile | None, spread: float, delays: list[float]) -> tuple[float, list[float]]:
        """The same from delays known to COARSE_STEP, found to a thousandth of a sample."""
        value = -np.inf
        for step in FINE_STEPS:
            value, delays = self.best(profile, spread, self.users([d + step * np.arange(-12, 13) for d in delays]))
        return value, delays

    def explained(self, delays: list[float]) -> bool:
        """Whether single paths at these delays leave nothing over but what noise and the model's floor account for."""
        path = self._basis.conj().T @ np.ones(len(self._steps))
        path /= np.linalg.norm(path)
        left, expected = 0.0, 0.0
        for _, user in self.users([np.array([delay]) for delay in delays]):
            scatter = user.scatter[0]
            left += float(np.trace(scatter).real - (path.conj() @ scatter @ path).real)
            expected += user.count * user.variance * (path.size - 1)
        return left < expected

    def spread(
        self, profile: DelayProfile, around: float, delays: list[float]
    ) -> tuple[float, float, float, list[float]]:
        """Most likely spread near one, in samples, its relative uncertainty, its log likelihood, its delays."""

        def loss(log_spread: float) -> float:
            return -self.refined(profile, float(np.exp(log_spread)), delays)[0]

        middle = float(np.log(around))
        found = minimize_scalar(loss, bounds=(middle - 0.4, middle + 0.4), method="bounded", options={"xatol": 0.005})
        curve = (loss(found.x - LOG_STEP) + loss(found.x + LOG_STEP) - 2 * found.fun) / LOG_STEP**2
        uncertainty = max(SPREAD_FLOOR, 1 / np.sqrt(max(curve, 1e-6)))
        value, refined = self.refined(profile, float(np.exp(found.x)), delays)
        return float(np.exp(found.x)), min(float(uncertainty), 1.0), value, refined


def _statistics(rows: np.ndarray, variance: float, basis: np.ndarray, steps: np.ndarray, delays: np.ndarray) -> _User:
    flat = rows.reshape(-1, rows.shape[-1])
    shifts = np.exp(2j * np.pi * np.outer(delays, steps))
    seen = (flat[None] * shifts[:, None]) @ basis.conj()  # [delays, bursts * antennas, r]
    power = max(float(np.mean(np.abs(flat) ** 2)) - variance, 1e-30)
    scatter = seen.transpose(0, 2, 1) @ seen.conj()
    energies = np.einsum("drr->d", scatter).real
    return _User(scatter, energies, len(flat), power, variance + MODEL_FLOOR * power)


def _correlation(profile: DelayProfile | None, spread: float, basis: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """complex128 [r, r]: covariance of unit-power channels of a profile (None: one path) in the basis."""
    delays = np.zeros(1) if profile is None else profile.delays * spread
    powers = np.ones(1) if profile is None else profile.powers
    paths = basis.conj().T @ np.exp(-2j * np.pi * np.outer(steps, delays))
    return np.asarray((paths * powers) @ paths.conj().T)


def _likelihood(users: Sequence[tuple[np.ndarray, _User]], correlation: np.ndarray) -> tuple[float, list[float]]:
    values, vectors = np.linalg.eigh(correlation)
    values = np.maximum(values, 0.0)
    total, places = 0.0, []
    for delays, user in users:
        heard = POWERS[-1] * user.power * values > HEARD * user.variance  # of the others only noise is left
        seen = user.scatter @ vectors[:, heard]
        energies = np.sum(vectors[:, heard].conj() * seen, axis=1).real
        eigen = POWERS[:, None] * user.power * values[heard] + user.variance
        noise = user.energies - energies.sum(axis=1)
        unheard = values.size - np.count_nonzero(heard)
        constant = user.count * (np.log(eigen).sum(axis=1) + unheard * np.log(user.variance))
        table = -constant[:, None] - (1 / eigen) @ energies.T - noise / user.variance
        step, place = np.unravel_index(int(np.argmax(table)), table.shape)
        shift, _ = _peak(table[step], int(place))
        total += float(table[step, place])
        places.append(float(delays[place] + shift * (delays[1] - delays[0])))
    return total, places


def _peak(values: np.ndarray, i: int) -> tuple[float, float]:
    """Vertex of the parabola around values[i], -0.5 to 0.5 steps away, and its standard deviation in steps."""
    if not 0 < i < values.size - 1:
        return 0.0, 1.0
    before, peak, after = values[i - 1 : i + 2]
    curve = before - 2 * peak + after
    if curve >= 0:
        return 0.0, 1.0
    return float(np.clip(0.5 * (before - after) / curve, -0.5, 0.5)), float(1 / np.sqrt(-curve))


def degrees_of_freedom(name: str, spread_s: float, config: WaveformConfig) -> float:
    """(sum w)^2 / sum w^2 over the eigenvalues w of the profile's frequency correlation: 1 for a flat channel."""
    if name == "flat":
        return 1.0
    steps = ResourceGrid(config).frequencies_hz / config.sample_rate_hz
    basis = delay_basis(config).astype(np.complex128)
    eigen = np.linalg.eigvalsh(_correlation(delay_profile(name), spread_s * config.sample_rate_hz, basis, steps))
    return float(eigen.sum() ** 2 / np.sum(eigen**2))
