"""Reading a user's header, and learning from it once it is read.

A header whose checksum is right is as good as a known sequence: its symbols join the preamble and the sounding, which
doubles what the channel is measured from and stretches the baseline that the carrier is measured over.
"""

from functools import lru_cache

import numpy as np

from radio.waveform import header as header_code
from radio.waveform.carrier import gram_of_delays, likelihood_peak
from radio.waveform.config import WaveformConfig
from radio.waveform.grid import ResourceGrid
from radio.waveform.known_elements import known_phasors
from radio.waveform.reception import Reception
from radio.waveform.tracking import Phasors, clock_offset

MAX_PAYLOAD_SYMBOLS = 1 << 20
SEARCHED_DEVIATIONS = 5.0  # of the carrier measured so far


def read_header(data: np.ndarray, grid: ResourceGrid, one: Reception, noise_power: float) -> None:
    """Fill in header, read and header_bins; header stays None when it cannot be read and nobody told it."""
    assert one.channel is not None
    starts = one.window_starts(grid, grid.header_start(one.user), grid.config.header_symbols)
    one.header_bins = one.bins(data, grid, starts)
    if one.header_bins is None:
        return
    matched = np.conj(one.channel)[:, None] * one.header_bins / np.float32(noise_power)
    matched = matched[0] if len(matched) == 1 else matched.sum(axis=0)
    header = header_code.demodulate(matched.reshape(-1))
    one.read = header is not None
    one.header = header or one.told
    if one.header and grid.payload_symbols(one.header.n_symbols) > MAX_PAYLOAD_SYMBOLS:
        one.header = None


def learn_from_header(grid: ResourceGrid, one: Reception, noise_power: float) -> None:
    """Sharpen carrier, observations and noise power with the symbols of the header that was read."""
    config = grid.config
    if one.header_bins is None or not one.read or one.header is None:
        return
    width_hz = SEARCHED_DEVIATIONS * one.carrier_std_hz(grid, noise_power)
    boost = grid.training_boost
    seen = one.header_bins * np.conj(_symbols(grid, one)) / boost**2
    starts = one.window_starts(grid, grid.header_start(one.user), config.header_symbols)
    observations, times = np.concatenate([one.observations, seen], axis=1), np.concatenate([one.times, starts])
    step_hz = 0.02 * config.sample_rate_hz / float(times[-1] - times[0])
    gram = gram_of_delays(observations, config)
    residual_hz = likelihood_peak(gram, times / config.sample_rate_hz, width_hz, step_hz)

    def turned(bins: np.ndarray, at: np.ndarray) -> np.ndarray:
        turns = residual_hz / config.sample_rate_hz * (at - one.phase_origin(grid))
        return bins * np.exp(-2j * np.pi * turns).astype(np.complex64)[None, :, None]

    one.cfo_hz += residual_hz
    one.observations, one.times = turned(observations, times), times
    one.header_bins = turned(one.header_bins, starts)
    start_tracking(grid, one)
    if one.phasors is not None:
        one.clock = clock_offset(one.phasors, grid.symbol_samples / config.sample_rate_hz, noise_power)
    one.take_mean(grid)


def start_tracking(grid: ResourceGrid, one: Reception) -> None:
    """Give the tracker what sounding and header say about phase and timing; fill in evm_db."""
    assert one.channel is not None
    if one.header is None or one.header_bins is None:
        return
    config = grid.config
    n_symbols = one.symbol_index(grid, grid.payload_start) + grid.payload_symbols(one.header.n_symbols)
    one.phasors = Phasors.empty(grid, n_symbols, one.channel_symbol(grid))
    training = grid.training(one.user)
    if one.observations.shape[1] >= len(training):
        sounding = training[config.preamble_repeats :]
        seen = one.observations[:, config.preamble_repeats : len(training)] * sounding
        *sums, _ = known_phasors(seen, one.channel, grid.whole_band(len(sounding)), sounding)
        one.phasors.put(0, *sums)
    symbols = _symbols(grid, one)
    lower, upper, energy, seen_power = known_phasors(
        one.header_bins, one.channel, grid.whole_band(config.header_symbols), symbols
    )
    one.phasors.put(one.symbol_index(grid, grid.header_start(one.user)), lower, upper, energy)
    expected_power = max(float(energy.sum()), 1e-30)
    error = seen_power - 2 * float((lower + upper).real.sum()) + expected_power  # sum |y - g x|^2
    one.evm_db = float(10 * np.log10(max(error / expected_power, 1e-30)))


def _symbols(grid: ResourceGrid, one: Reception) -> np.ndarray:
    """The header as it was sent, boosted: complex64 [header_symbols, active]."""
    assert one.header is not None
    return _modulated(one.header, grid.config, float(grid.training_boost))


@lru_cache(maxsize=8)  # one frame of all users
def _modulated(header: header_code.FrameHeader, config: WaveformConfig, boost: float) -> np.ndarray:
    symbols, active = config.header_symbols, config.active_subcarriers
    modulated = header_code.modulate(header, symbols * active).reshape(symbols, active)
    modulated *= np.float32(boost)
    modulated.setflags(write=False)
    return modulated
