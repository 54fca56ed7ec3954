"""What is known about one user while its burst is being received."""

import math
from dataclasses import dataclass

import numpy as np

from radio.waveform.acquisition.carrier import carrier_bound_hz
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.burst.windows import backoff_samples, symbol_bins
from radio.waveform.channel.coloured_estimation import in_white_noise
from radio.waveform.channel.delay_memory import DelayMemory
from radio.waveform.channel.estimation import delay_limited_estimate, estimate_channel
from radio.waveform.noise.colour import NoiseColour
from radio.waveform.noise.scatter import noise_scatter
from radio.waveform.tracking.moving_channel import MovingChannel
from radio.waveform.tracking.steady import SteadyMean, neighbour_noise, steady_mean
from radio.waveform.tracking.straightening import ramps
from radio.waveform.tracking.tracker import Phasors

CARRIER_MARGIN = 2.0  # the estimator is close to its bound, but not on it
UNSTEADY = 0.05  # by how much more than by chance symbols differ over a training that something moved in
UNSTEADY_DEVIATIONS = 6.0
LEAST_TURN = 0.02  # rad at the band's edges: less of a clock's drift shows in no residual
SMALLEST_CFO_STD_HZ = 3.0  # phase noise moves a carrier by this much within a burst whatever the SNR


@dataclass
class Reception:
    """One user on its way through the receiver, filled in step by step.

    origin: sample index of its burst's first sample. cfo_hz: undone in everything below, with phase zero at the
    user's first preamble symbol. observations: complex64 [antennas, m, active], its channel as seen in m known
    symbols (boost divided out), whose windows start at times [m] (sample indices). clock: relative offset of the
    transmitter's sample clock, once known. seen: mean of the observations with the clock's drift undone. told: header
    known from a control channel. channel: complex64 [antennas, active], measured around sample channel_time. read:
    the header came from the burst. header_bins: complex64 [antennas, header symbols, active]. moving: where
    the channel went if it did not stand. unsteady: something moved during the training. colour: of the noise in its
    subcarriers, None where it is white. clear: `seen` as in white noise, and that noise's variance.
    """

    user: int
    origin: int
    cfo_hz: float
    observations: np.ndarray
    times: np.ndarray
    seen: SteadyMean
    clock: float = 0.0
    detected: bool = True
    told: FrameHeader | None = None
    channel: np.ndarray | None = None
    channel_time: float = 0.0
    error_variance: float = 0.0
    header: FrameHeader | None = None
    read: bool = False
    header_bins: np.ndarray | None = None
    phasors: Phasors | None = None
    evm_db: float | None = None
    moving: MovingChannel | None = None
    unsteady: bool = False
    colour: NoiseColour | None = None
    clear: tuple[np.ndarray, float] = (np.zeros(0), 0.0)

    @property
    def gains(self) -> np.ndarray:
        """Channel complex64 [antennas, blocks, active] through the payload; one block where it stands."""
        assert self.channel is not None
        return self.channel[:, None] if self.moving is None else self.moving.gains

    def white(self, values: np.ndarray) -> np.ndarray:
        """complex64 [antennas, ..., active], seen with this user's carrier undone, where its noise is white."""
        return values if self.colour is None else self.colour.whitened(values)

    def take_motion(self, moving: MovingChannel) -> None:
        """The channel as a motion through the whole burst explains it."""
        self.moving, self.channel, self.error_variance = moving, moving.values, moving.error_variance

    def phase_origin(self, grid: ResourceGrid) -> int:
        return self.origin + grid.preamble_start(self.user)

    def window_starts(self, grid: ResourceGrid, part_start: int, n_symbols: int) -> np.ndarray:
        """int [n_symbols]: FFT windows of a part of the burst, as sample indices."""
        return self._first_window(grid, part_start) + grid.symbol_steps(n_symbols)

    def _first_window(self, grid: ResourceGrid, part_start: int) -> int:
        return self.origin + part_start + grid.config.cp_samples - backoff_samples(grid)

    def _mean_time(self) -> float:
        return int(self.times.sum()) / self.times.size

    def bins(self, data: np.ndarray, grid: ResourceGrid, starts: np.ndarray) -> np.ndarray | None:
        """complex64 [antennas, symbols, active] with the carrier undone, or None when the samples end before."""
        if starts.size == 0 or starts[0] < 0 or starts[-1] + grid.config.fft_size > data.shape[1]:
            return None
        return symbol_bins(data, grid, starts, self.cfo_hz, self.phase_origin(grid))

    def white_bins(self, data: np.ndarray, grid: ResourceGrid, starts: np.ndarray) -> np.ndarray | None:
        """`bins` in which the noise is white."""
        bins = self.bins(data, grid, starts)
        return None if bins is None else self.white(bins)

    def noise_looks(self, grid: ResourceGrid) -> tuple[np.ndarray, float, int]:
        """What the known symbols show of the noise (see `noise_colour`)."""
        drift = self.clock * (self._mean_time() - self.times)
        turned = np.abs(drift).max() * np.pi * grid.config.active_subcarriers / grid.config.fft_size
        seen = self.observations
        if turned > LEAST_TURN:
            seen = seen * ramps(drift, np.zeros(drift.size), grid)
        scatter, looks = noise_scatter(seen, self._neighbours(grid), self.unsteady, self.colour)
        return scatter, looks, self.subcarriers_off(grid)

    def subcarriers_off(self, grid: ResourceGrid) -> int:
        """By how many subcarriers the carrier is above the receiver's."""
        return round(self.cfo_hz / grid.config.subcarrier_spacing_hz)

    def take_mean(self, grid: ResourceGrid) -> None:
        """Fill in seen: all observations as at their mean time."""
        self.seen = steady_mean(self.observations, self.clock * (self._mean_time() - self.times), grid)

    def noise_power(self, grid: ResourceGrid) -> float:
        """Of a channel use of the payload, from what differs between the observations; between neighbours alone where
        more than noise differs over all of them: a channel that moves, a phase that wanders."""
        near = self._neighbours(grid)
        local = neighbour_noise(self.observations, near)
        allowed = 1 + UNSTEADY + UNSTEADY_DEVIATIONS / math.sqrt(max(int(near.sum()) * self.seen.values.size, 1))
        self.unsteady = 0 < local * allowed < self.seen.noise_power
        return float(grid.training_boost) ** 2 * (local if self.unsteady else self.seen.noise_power)

    def _neighbours(self, grid: ResourceGrid) -> np.ndarray:
        """bool [m - 1]: whether an observation and the next one are neighbours in time."""
        return np.asarray(np.diff(self.times) <= 1.5 * grid.symbol_samples)

    def learn_channel_quickly(self, grid: ResourceGrid, noise_power: float) -> None:
        """Channel good enough to read the header with."""
        self.channel = delay_limited_estimate(self.seen.values, grid.config, self._variance(grid, noise_power))
        self.channel_time = self._mean_time()

    def latest_channel(self, grid: ResourceGrid, noise_power: float) -> np.ndarray:
        """As of `learn_channel_quickly`, complex64 [antennas, active], from the latest observations alone."""
        seen = self.observations[:, -grid.config.sounding_symbols :]
        variance = noise_power / float(grid.training_boost) ** 2 / seen.shape[1]
        return delay_limited_estimate(np.ascontiguousarray(seen.mean(axis=1)), grid.config, variance)

    def learn_channel(self, grid: ResourceGrid, noise_power: float) -> None:
        """Channel and its error from all observations."""
        variance = self._variance(grid, noise_power)
        self.clear = self.seen.values, variance
        if self.colour is not None:
            self.clear = in_white_noise(self.seen.values, grid.config, variance, self.colour)
        self.channel, self.error_variance = estimate_channel(self.clear[0], grid.config, self.clear[1])
        self.channel_time = self._mean_time()

    def remember(self, grid: ResourceGrid, memory: DelayMemory, expected_tick: int, start_tick: int) -> None:
        """Better the channel by what earlier bursts told, and tell the next ones. start_tick: of sample 0."""
        assert self.channel is not None
        offset = start_tick + self.origin - backoff_samples(grid) - expected_tick
        better = memory.refine(self.user, expected_tick, offset, self.channel, *self.clear)
        if better is not None:
            self.channel, self.error_variance = better

    def _variance(self, grid: ResourceGrid, noise_power: float) -> float:
        """Of the noise in the mean of the observations."""
        return noise_power / float(grid.training_boost) ** 2 / self.seen.symbols

    def channel_symbol(self, grid: ResourceGrid) -> float:
        """channel_time on the tracker's axis."""
        first = self._first_window(grid, grid.sounding_start(self.user))
        return float((self.channel_time - first) / grid.symbol_samples)

    def symbol_index(self, grid: ResourceGrid, part_start: int) -> int:
        """Place of a part on the tracker's axis, which starts with the user's sounding."""
        return (part_start - grid.sounding_start(self.user)) // grid.symbol_samples

    def carrier_std_hz(self, grid: ResourceGrid, noise_power: float) -> float:
        """Error to expect of cfo_hz, from the bound of the symbols that it was measured in."""
        assert self.channel is not None
        config, gain = grid.config, float(grid.training_boost) ** 2
        snr = gain * float(np.vdot(self.channel, self.channel).real) / config.active_subcarriers / noise_power
        bound_hz = carrier_bound_hz(self.times / config.sample_rate_hz, snr, config.active_subcarriers)
        return CARRIER_MARGIN * bound_hz + SMALLEST_CFO_STD_HZ
