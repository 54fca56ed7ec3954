"""Reading a user's header, and learning from it once it is read.

A header whose checksum is right is as good as a known sequence: its symbols join the preamble and the sounding, which
doubles what the channel is measured from and stretches the baseline that the carrier is measured over.
"""

import math

import numpy as np

from radio import acceleration
from radio.waveform.acquisition.carrier_likelihood import carrier_residual_hz, turn_symbols
from radio.waveform.burst import header as header_code
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.quality.slips import training_slips
from radio.waveform.reception.user import Reception
from radio.waveform.tracking.known_elements import band_phasors, band_phasors_compiled
from radio.waveform.tracking.straightening import ramps
from radio.waveform.tracking.tracker import Phasors, clock_offset

MAX_PAYLOAD_SYMBOLS = 1 << 20
SEARCHED_DEVIATIONS = 5.0  # of the carrier measured so far


def read_header(data: np.ndarray, grid: ResourceGrid, one: Reception, noise_power: float) -> None:
    """Fill in header, read and header_bins; header stays None when it cannot be read and nobody told it."""
    assert one.channel is not None
    starts = one.window_starts(grid, grid.header_start(one.user), grid.config.header_symbols)
    one.header_bins = one.bins(data, grid, starts)
    if one.header_bins is None:
        return
    weigh, seen = _weighed_compiled if acceleration.NUMBA else _weighed, one.white(one.header_bins)
    scale, symbols = np.float32(1 / noise_power), grid.config.header_symbols
    matched = weigh(one.white(one.channel), seen, scale)
    header = header_code.demodulate(matched)
    if header is None:
        header = header_code.demodulate_turned(matched.reshape(symbols, -1))
    if header is None:  # a channel that moves is no longer what it was on the whole
        latest = weigh(one.white(one.latest_channel(grid, noise_power)), seen, scale)
        header = header_code.demodulate_turned(latest.reshape(symbols, -1))
    one.read = header is not None
    one.header = header or one.told
    if one.header and _payload_symbols(grid, one.header) > MAX_PAYLOAD_SYMBOLS:
        one.header = None


def _payload_symbols(grid: ResourceGrid, header: header_code.FrameHeader) -> int:
    return grid.carrying(header.all_bits_symbols).payload_symbols(header.n_symbols)


def learn_from_header(grid: ResourceGrid, one: Reception, noise_power: float) -> None:
    """Sharpen carrier, observations and noise power with the symbols of the header that was read."""
    config = grid.config
    if one.header_bins is None or not one.read or one.header is None:
        return
    width_hz = SEARCHED_DEVIATIONS * one.carrier_std_hz(grid, noise_power)
    starts = one.window_starts(grid, grid.header_start(one.user), config.header_symbols)
    times = np.concatenate([one.times, starts])
    join = _joined_compiled if acceleration.NUMBA else _joined
    one.observations = join(one.observations, one.header_bins, _symbols(grid, one), 1 / grid.training_boost**2)
    step_hz = 0.02 * config.sample_rate_hz / float(times[-1] - times[0])
    residual_hz = carrier_residual_hz(one.observations, config, times, width_hz, step_hz)
    one.cfo_hz, one.times, elapsed = one.cfo_hz + residual_hz, times, times - one.phase_origin(grid)
    turn_symbols(one.observations, residual_hz / config.sample_rate_hz, elapsed)
    turn_symbols(one.header_bins, residual_hz / config.sample_rate_hz, elapsed[-starts.size :])
    _straighten_slips(grid, one)
    start_tracking(grid, one)
    if one.phasors is not None:
        one.clock = clock_offset(one.phasors, grid.symbol_samples / config.sample_rate_hz, noise_power)
    one.take_mean(grid)


def _straighten_slips(grid: ResourceGrid, one: Reception) -> None:
    """Where samples were lost or doubled within the training, all of it as if it had come as late as its end."""
    assert one.header_bins is not None
    noise_power = one.noise_power(grid) / float(grid.training_boost) ** 2
    late = training_slips(one.observations, grid.config.fft_size, noise_power)
    if late.any():
        undone = ramps(late, np.zeros(late.size), grid)
        one.observations = one.observations * undone
        one.header_bins = one.header_bins * undone[-one.header_bins.shape[1] :]
        one.take_mean(grid)


def start_tracking(grid: ResourceGrid, one: Reception) -> None:
    """Give the tracker what sounding and header say about phase and timing; fill in evm_db."""
    assert one.channel is not None
    if one.header is None or one.header_bins is None:
        return
    config = grid.config
    n_symbols = one.symbol_index(grid, grid.payload_start) + grid.payload_symbols(one.header.n_symbols)
    one.phasors = Phasors.empty(grid, n_symbols, one.channel_symbol(grid))
    heard = one.observations.shape[1] >= grid.known_symbols(with_header=False)
    put = _put_known_compiled if acceleration.NUMBA else _put_known
    error, expected = put(
        one.phasors.lower,
        one.phasors.upper,
        one.phasors.energy,
        one.white(one.observations),
        config.preamble_repeats,
        config.sounding_symbols if heard else 0,
        float(grid.training_boost) ** 2,
        one.white(one.header_bins),
        one.symbol_index(grid, grid.header_start(one.user)),
        one.white(one.channel),
        _symbols(grid, one),
    )
    one.evm_db = 10 * math.log10(max(error / expected, 1e-30))


def _put_known(
    lower: np.ndarray,
    upper: np.ndarray,
    energy: np.ndarray,
    observations: np.ndarray,
    first: int,
    soundings: int,
    gain: float,
    header_bins: np.ndarray,
    header_at: int,
    channel: np.ndarray,
    symbols: np.ndarray,
) -> tuple[float, float]:
    """Write the phasors of sounding and header; the header's sum |y - g x|^2 and sum |g x|^2.

    lower, upper, energy: of `Phasors`. The sounding is in observations complex64 [antennas, m, active] from `first` on,
    its values divided out: gain, their power, is still theirs. channel: complex64 [antennas, active]; symbols x:
    complex64 [header symbols, active].
    """
    known = np.ones((soundings, channel.shape[1]), np.complex64)
    a, b, e, _ = band_phasors(observations, first, channel, known)
    lower[:soundings], upper[:soundings], energy[:soundings] = gain * a, gain * b, gain * e
    a, b, e, seen = band_phasors(header_bins, 0, channel, symbols)
    part = slice(header_at, header_at + len(symbols))
    lower[part], upper[part], energy[part] = a, b, e
    expected = max(float(e.sum()), 1e-30)
    return seen - 2 * float((a + b).real.sum()) + expected, expected


@acceleration.compiled
def _put_known_compiled(
    lower: np.ndarray,
    upper: np.ndarray,
    energy: np.ndarray,
    observations: np.ndarray,
    first: int,
    soundings: int,
    gain: float,
    header_bins: np.ndarray,
    header_at: int,
    channel: np.ndarray,
    symbols: np.ndarray,
) -> tuple[float, float]:
    known = np.ones((soundings, channel.shape[1]), np.complex64)
    a, b, e, _ = band_phasors_compiled(observations, first, channel, known)
    for m in range(soundings):
        lower[m], upper[m], energy[m] = gain * a[m], gain * b[m], gain * e[m]
    a, b, e, seen = band_phasors_compiled(header_bins, 0, channel, symbols)
    expected = error = 0.0
    for m in range(e.size):
        lower[header_at + m], upper[header_at + m], energy[header_at + m] = a[m], b[m], e[m]
        expected += e[m]
        error -= 2 * (a[m] + b[m]).real
    expected = max(expected, 1e-30)
    return error + seen + expected, expected


def _weighed(channel: np.ndarray, bins: np.ndarray, scale: np.float32) -> np.ndarray:
    """scale sum_antennas conj(g) y: complex64 [symbols * active] of [antennas, active], [antennas, symbols, active]."""
    return np.asarray((np.conj(channel)[:, None] * bins).sum(axis=0).reshape(-1) * scale)


@acceleration.compiled
def _weighed_compiled(channel: np.ndarray, bins: np.ndarray, scale: np.float32) -> np.ndarray:
    antennas, symbols, active = bins.shape
    out = np.zeros((symbols, active), np.complex64)
    for antenna in range(antennas):
        for m in range(symbols):
            for i in range(active):
                g, y = channel[antenna, i], bins[antenna, m, i]
                out[m, i] += scale * complex(g.real * y.real + g.imag * y.imag, g.real * y.imag - g.imag * y.real)
    return out.reshape(-1)


def _joined(observations: np.ndarray, bins: np.ndarray, symbols: np.ndarray, scale: np.float32) -> np.ndarray:
    """observations complex64 [antennas, m, active], then scale conj(symbols) bins, complex64 [antennas, h, active]."""
    return np.concatenate([observations, bins * np.conj(symbols) * scale], axis=1)


@acceleration.compiled
def _joined_compiled(observations: np.ndarray, bins: np.ndarray, symbols: np.ndarray, scale: np.float32) -> np.ndarray:
    antennas, before, active = observations.shape
    out = np.empty((antennas, before + symbols.shape[0], active), np.complex64)
    for antenna in range(antennas):
        out[antenna, :before] = observations[antenna]
        for m in range(symbols.shape[0]):
            for i in range(active):
                x, y = symbols[m, i], bins[antenna, m, i]
                z = complex(x.real * y.real + x.imag * y.imag, x.real * y.imag - x.imag * y.real)
                out[antenna, before + m, i] = scale * z
    return out


def _symbols(grid: ResourceGrid, one: Reception) -> np.ndarray:
    """The header as it was sent, boosted: complex64 [header_symbols, active]."""
    assert one.header is not None
    return grid.header(one.header)
