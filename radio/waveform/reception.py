"""What is known about one user while its burst is being received."""

from dataclasses import dataclass

import numpy as np

from radio.waveform.carrier import carrier_bound_hz
from radio.waveform.channel_estimation import delay_limited_estimate, estimate_channel
from radio.waveform.grid import ResourceGrid
from radio.waveform.header import FrameHeader
from radio.waveform.straightening import ramps
from radio.waveform.tracking import Phasors
from radio.waveform.windows import backoff_samples, symbol_bins

CARRIER_MARGIN = 2.0  # the estimator is close to its bound, but not on it
SMALLEST_CFO_STD_HZ = 3.0  # phase noise moves a carrier by this much within a burst whatever the SNR


@dataclass
class Reception:
    """One user on its way through the receiver, filled in step by step.

    origin: sample index of its burst's first sample. cfo_hz: undone in everything below, with phase zero at the
    user's first preamble symbol. observations: complex64 [antennas, m, active], its channel as seen in m known
    symbols (boost divided out), whose windows start at times [m] (sample indices). noise_power: of a channel use of
    the payload, from their differences. clock: relative
    offset of the transmitter's sample clock, once known. told: header known from a control channel. channel:
    complex64 [antennas, active], measured around sample channel_time. read: the header came from the burst.
    header_bins: complex64 [antennas, header symbols, active].
    """

    user: int
    origin: int
    cfo_hz: float
    observations: np.ndarray
    times: np.ndarray
    noise_power: float
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

    def phase_origin(self, grid: ResourceGrid) -> int:
        return self.origin + grid.preamble_start(self.user)

    def window_starts(self, grid: ResourceGrid, part_start: int, n_symbols: int) -> np.ndarray:
        """int [n_symbols]: FFT windows of a part of the burst, as sample indices."""
        first = self.origin + part_start + grid.config.cp_samples - backoff_samples(grid)
        return first + np.arange(n_symbols) * grid.symbol_samples

    def bins(self, data: np.ndarray, grid: ResourceGrid, starts: np.ndarray) -> np.ndarray | None:
        """complex64 [antennas, symbols, active] with the carrier undone, or None when the samples end before."""
        if starts.size == 0 or starts[0] < 0 or starts[-1] + grid.config.fft_size > data.shape[1]:
            return None
        return symbol_bins(data, grid, starts, self.cfo_hz, self.phase_origin(grid))

    def clock_corrected(self, grid: ResourceGrid) -> np.ndarray:
        """The observations with the clock's drift undone: all as if seen at their mean time."""
        if self.clock == 0:
            return self.observations
        drift = -self.clock * (self.times - self.times.mean())
        return np.asarray(self.observations * ramps(drift, np.zeros(drift.size), grid))

    def learn_channel_quickly(self, grid: ResourceGrid, noise_power: float) -> None:
        """Channel good enough to read the header with."""
        training_noise = noise_power / float(grid.training_boost) ** 2
        self.channel = delay_limited_estimate(self.observations, grid.config, training_noise)
        self.channel_time = float(self.times.mean())

    def learn_channel(self, grid: ResourceGrid, noise_power: float) -> None:
        """Channel and its error from all observations."""
        seen = self.clock_corrected(grid)
        training_noise = noise_power / float(grid.training_boost) ** 2
        self.channel, self.error_variance = estimate_channel(seen, grid.config, training_noise)
        self.channel_time = float(self.times.mean())

    def channel_symbol(self, grid: ResourceGrid) -> float:
        """channel_time on the tracker's axis."""
        first = self.window_starts(grid, grid.sounding_start(self.user), 1)[0]
        return float((self.channel_time - first) / grid.symbol_samples)

    def symbol_index(self, grid: ResourceGrid, part_start: int) -> int:
        """Place of a part on the tracker's axis, which starts with the user's sounding."""
        return (part_start - grid.sounding_start(self.user)) // grid.symbol_samples

    def carrier_std_hz(self, grid: ResourceGrid, noise_power: float) -> float:
        """Error to expect of cfo_hz, from the bound of the symbols that it was measured in."""
        assert self.channel is not None
        config, gain = grid.config, float(grid.training_boost) ** 2
        snr = gain * float(np.mean(np.abs(self.channel) ** 2)) * len(self.channel) / noise_power
        bound_hz = carrier_bound_hz(self.times / config.sample_rate_hz, snr, config.active_subcarriers)
        return CARRIER_MARGIN * bound_hz + SMALLEST_CFO_STD_HZ
