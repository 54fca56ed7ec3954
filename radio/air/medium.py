"""The air without sockets: bursts go in, the receiver's samples come out."""

from dataclasses import dataclass

import numpy as np

from radio.air.buffers import Buffers
from radio.air.config import AirConfig, Channel
from radio.air.converter import convert
from radio.air.dc_offset import add_dc
from radio.air.interference import add_interference
from radio.air.iq_imbalance import imbalance
from radio.air.link import Link
from radio.air.oscillator import RECEIVER_NODE
from radio.air.phase_noise import phase_noise
from radio.air.thermal_noise import ThermalNoise
from radio.air.truth import LinkTruth
from radio.errors import ConfigurationError
from radio.samples import Samples

__all__ = ["LinkTruth", "Medium"]

_TYPICAL_BURST_POWER = 0.1  # OFDM that peaks near full scale


@dataclass
class _Burst:
    """arrived is filled on first use: complex64 [antennas, m] from start_tick on; `data` is then released."""

    user: int
    start_tick: int
    end_tick: int
    data: np.ndarray | None
    block_samples: int
    truth: LinkTruth
    arrived: np.ndarray | None = None


class Medium:
    """Sums all users' bursts at one receiver. Not thread-safe; the server calls it from one thread."""

    def __init__(self, config: AirConfig) -> None:
        self.config = config
        self.block_samples = config.block_samples
        self._links: dict[int, Link] = {}
        self._bursts: list[_Burst] = []
        self._stored_samples = 0
        self._buffers = Buffers()
        self._noise = [ThermalNoise(config.seed, antenna) for antenna in range(config.rx_antennas)]
        self._phase_noise = phase_noise(config, RECEIVER_NODE)
        self._full_scale = _adc_full_scale(config)

    @property
    def stored_samples(self) -> int:
        """Samples of all bursts that are still stored."""
        return self._stored_samples

    def add_burst(self, user: int, burst: Samples, tx_gain_db: float = 0.0) -> LinkTruth:
        """Put a burst (one channel) on the air. ConfigurationError for another rate or channel count."""
        if burst.sample_rate_hz != self.config.sample_rate_hz:
            raise ConfigurationError(
                f"A burst at {burst.sample_rate_hz:g} samples/s does not fit an air at {self.config.sample_rate_hz:g}."
            )
        if burst.data.shape[0] != 1:
            raise ConfigurationError(f"A user transmits on one channel, not {burst.data.shape[0]}.")
        data = np.ascontiguousarray(burst.data[0], np.complex64)
        truth = self._link(user).truth(burst.start_tick, data.size, tx_gain_db, self.block_samples)
        # What arrives ends later than what was sent: the interpolator's tail, and at most 1000 ppm of drift.
        end_tick = burst.end_tick + int(np.ceil(truth.tap_delays_samples.max() + data.size * 1e-3)) + 32
        record = _Burst(user, burst.start_tick, end_tick, data, self.block_samples, truth)
        self._bursts.append(record)
        self._stored_samples += end_tick - burst.start_tick
        return truth

    def render(self, start_tick: int, n_samples: int) -> np.ndarray:
        """complex64 [antennas, n_samples] as the receiver's converters give it, in receiver-input units."""
        return self.render_counted(start_tick, n_samples)[0]

    def render_counted(self, start_tick: int, n_samples: int) -> tuple[np.ndarray, int]:
        """`render`, and how many I or Q values the converters clipped."""
        c = self.config
        out = np.zeros((c.rx_antennas, n_samples), np.complex64)
        end_tick = start_tick + n_samples
        for burst in self._overlapping(start_tick, end_tick):
            arrived = self._arrived(burst)
            first = max(start_tick, burst.start_tick)
            last = min(end_tick, burst.start_tick + arrived.shape[1])
            if first < last:
                piece = arrived[:, first - burst.start_tick : last - burst.start_tick]
                out[:, first - start_tick : last - start_tick] += piece
        clipped = 0
        for antenna, row in enumerate(out):
            add_interference(row, c, antenna, start_tick)
            self._noise[antenna].add_to(row, start_tick, c.noise_power)
            seen = add_dc(imbalance(row, c.rx_iq_imbalance), c.rx_dc_offset)
            if seen is not row:
                row[:] = seen
            clipped += convert(row, c.adc_bits, self._full_scale)
        return out, clipped

    def truth(self, start_tick: int, n_samples: int) -> list[LinkTruth]:
        """Ground truth of every burst that touches the ticks, by start tick and user."""
        return [burst.truth for burst in self._overlapping(start_tick, start_tick + n_samples)]

    def forget_before(self, tick: int) -> None:
        """Release bursts that have arrived completely before tick."""
        kept = []
        for burst in self._bursts:
            if burst.end_tick > tick:
                kept.append(burst)
            elif burst.arrived is not None:
                self._buffers.give(burst.arrived)
        if len(kept) < len(self._bursts):
            self._bursts = kept
            self._stored_samples = sum(burst.end_tick - burst.start_tick for burst in kept)

    def warm_up(self) -> None:
        """Compile the hot loops, so that the first frame does not wait for it."""
        channels: tuple[Channel, ...] = ("awgn", "tdl-a")
        for channel in channels:
            config = AirConfig(channel=channel, sample_rate_hz=self.config.sample_rate_hz)
            medium = Medium(config)
            medium.add_burst(0, Samples(np.ones((1, 256), np.complex64), 0, config.sample_rate_hz))
            medium.render(0, 128)

    def _overlapping(self, start_tick: int, end_tick: int) -> list[_Burst]:
        found = [b for b in self._bursts if b.start_tick < end_tick and b.end_tick > start_tick]
        return sorted(found, key=lambda b: (b.start_tick, b.user))  # sums must not depend on who was first

    def _arrived(self, burst: _Burst) -> np.ndarray:
        if burst.arrived is None:
            assert burst.data is not None
            link = self._link(burst.user)
            burst.arrived = link.propagate(burst.data, burst.start_tick, burst.truth.path_gain, burst.block_samples)
            burst.data = None
        return burst.arrived

    def _link(self, user: int) -> Link:
        if user not in self._links:
            self._links[user] = Link(self.config, user, self._phase_noise, self._buffers)
        return self._links[user]


def _adc_full_scale(config: AirConfig) -> float:
    """Amplitude at which the receive converter clips: as configured, or what an AGC would choose."""
    if config.adc_full_scale is not None:
        return config.adc_full_scale
    gains_db = [link.gain_db for link in config.links] or [0.0, 0.0]
    users_power = _TYPICAL_BURST_POWER * sum(10 ** (gain_db / 10) for gain_db in gains_db)
    total = users_power + config.noise_power + sum(i.power for i in config.interferers)
    return float(np.sqrt(total) * 10 ** (config.agc_headroom_db / 20))
