"""A user's multipath: tap delays and gains as functions of absolute ticks, for every configured channel."""

import numpy as np

from radio.air.channel_names import BUILT_IN, installed_profile
from radio.air.config import AirConfig, LinkConfig
from radio.air.fading import block_gains, doppler_gains
from radio.air.randomness import Purpose, stream
from radio.air.tdl import delay_profile


def link_config(config: AirConfig, user: int) -> LinkConfig:
    """The user's path with its delay drawn where the configuration leaves it open."""
    link = config.links[user] if user < len(config.links) else LinkConfig()
    if link.delay_samples is not None:
        return link
    delay = float(stream(config.seed, Purpose.LINK_DELAY, user).uniform(1.0, 5.0))
    return link.model_copy(update={"delay_samples": delay})


class Channel:
    """Fading of one user towards every antenna, unit mean power in sum over taps; or its fixed paths as configured.

    delays_samples: float64 [L], excess delays in ticks. powers: float64 [L], mean power of each, sum 1 where it fades.
    moves: whether gains change within a burst.
    """

    def __init__(self, config: AirConfig, user: int) -> None:
        self._config = config
        self._user = user
        self.powers = np.ones(1)
        self._k_factor = 0.0
        self.delays_samples = np.zeros(1)
        paths = link_config(config, user).paths
        self._fixed = np.array([10 ** (path.gain_db / 20) * np.exp(1j * np.deg2rad(path.phase_deg)) for path in paths])
        if paths:
            self.delays_samples = np.array([path.delay_samples for path in paths])
            self.powers = np.abs(self._fixed) ** 2
        elif config.channel not in ("awgn", "rayleigh", "rician"):
            tabulated = config.channel in BUILT_IN
            profile = delay_profile(config.channel) if tabulated else installed_profile(config.channel)
            self.delays_samples = profile.delays * config.delay_spread_s * config.sample_rate_hz
            self.powers = profile.powers
            self._k_factor = profile.k_factor
        elif config.channel == "rician":
            self._k_factor = 10 ** (config.k_factor_db / 10)
        self._fades = config.channel != "awgn" and not paths
        self.moves = self._fades and config.coherence == "doppler" and config.doppler_hz > 0

    def gains(self, burst_start_tick: int, ticks: np.ndarray, block_samples: int) -> np.ndarray:
        """complex128 [antennas, L, ticks]; a burst keeps the block that it starts in at all ticks."""
        c = self._config
        amplitudes = np.sqrt(self.powers)[:, None]
        n_taps = amplitudes.size
        gains = np.empty((c.rx_antennas, n_taps, ticks.size), complex)
        for antenna in range(c.rx_antennas):
            if not self._fades:
                gains[antenna] = self._antenna_phase(antenna)
                if self._fixed.size:
                    gains[antenna] *= self._fixed[:, None]
            elif c.coherence == "doppler":
                times_s = ticks / c.sample_rate_hz
                doppler = (times_s, c.doppler_hz, n_taps, self._k_factor)
                gains[antenna] = amplitudes * doppler_gains(c.seed, self._user, antenna, *doppler)
            else:
                block = burst_start_tick // block_samples
                drawn = block_gains(c.seed, self._user, antenna, block, n_taps, self._k_factor)
                gains[antenna] = amplitudes * drawn[:, None]
        return gains

    def carrier_phase_rad(self, burst_start_tick: int) -> float:
        """Phase of the transmitter's carrier against the receiver's at the burst's first tick."""
        if not self._config.random_phase:
            return 0.0
        rng = stream(self._config.seed, Purpose.CARRIER_PHASE, self._user, burst_start_tick)
        return float(rng.uniform(0, 2 * np.pi))

    def _antenna_phase(self, antenna: int) -> complex:
        """Without fading the antennas differ by a fixed phase: the direction that the user is in."""
        if antenna == 0 or not self._config.random_phase:
            return 1.0
        rng = stream(self._config.seed, Purpose.ANTENNA_PHASE, self._user, antenna)
        return complex(np.exp(2j * np.pi * rng.uniform()))
