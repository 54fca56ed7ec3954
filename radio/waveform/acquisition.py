"""Finding one user's preamble: a bank of matched filters over carrier offsets, combined over the repeats.

For every carrier hypothesis f and start d the samples are correlated with one preamble symbol, which gives c_f(d + m N)
for the M = `preamble_repeats` repeats. Over a whole window their energies are added (non-coherently, so that half a
subcarrier of error costs little):

    T(d, f) = sum_antennas sum_m |c_f(d + m N)|^2 / (E_s P(d + m N)),   P(d): mean power of N samples from d on

(each repeat over its own power, so that something that begins or ends under the preamble is not taken for it).
Near a place that another user's burst has shown, few cells are left, and the repeats can be added coherently, which
hears a user several dB weaker:

    T(d, f) = sum_antennas |sum_m c_f(d + m N) exp(-j 2 pi f m N / f_s)|^2 / (M E_s P)
              + the same of the sounding,   P: mean power under the preamble

A loud preamble shows by its repetition where about it is and how far between two subcarriers (see `gate`), which leaves
few cells as well; what is not found that way clearly is searched everywhere.

Under noise alone the terms are independent Exp(1), so that T is Gamma(M * antennas) or Gamma(2 * antennas), and the
threshold follows from the wanted probability of false alarm over all cells searched (a constant-false-alarm-rate test).
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.special

from radio.waveform.carrier import likelihood_peak
from radio.waveform.config import WaveformConfig
from radio.waveform.folding import fold
from radio.waveform.fourier import transform
from radio.waveform.gate import HOP, repetition
from radio.waveform.grid import MAX_USERS, ResourceGrid
from radio.waveform.ofdm import to_time
from radio.waveform.windows import symbol_bins

HYPOTHESES_PER_SUBCARRIER = 2
SILENCE = 1e-5  # of the mean power searched; below it the correlations' own rounding would look like a signal
LOUD = 64.0  # repetition metric, Exp(1) under noise, and below a tenth of this in most places without a preamble
CLEAR = 0.15  # of what a preamble without noise gives; another user's, matched with this one, gives up to 0.08
STEADY = 0.7  # see `_carrier_of_repeats`: a carrier that is off by 4 % of a subcarrier
DEVIATIONS = 5.0  # allowed for a carrier that noise makes uncertain
LEAKAGE = 0.01  # subcarriers: allowed for what a tone or a DC offset as loud as the preamble does to it
NEAR_STARTS_PER_SAMPLE = 2
NEAR_CARRIERS_PER_CELL = 3  # a cell: one over the length of the preamble
NEAR_FALSE_ALARM = 4e-4  # for a user that is absent while others are there
NEAR_SCALLOPS = 4.0  # how much likelier the finer grid makes a false alarm than its independent cells (measured)


@dataclass(frozen=True)
class Acquisition:
    """start: sample index of the first preamble symbol on the strongest path; cfo_hz: within plus and minus reach_hz.

    energy: about what the matched filters took from the samples; statistic and threshold: see above.
    """

    start: int
    cfo_hz: float
    reach_hz: float
    energy: float
    statistic: float
    threshold: float


def acquire(samples: np.ndarray, grid: ResourceGrid, user: int, first: int, last: int) -> Acquisition | None:
    """Search starts first..last (inclusive) of complex64 [antennas, n]; None when nothing crosses the threshold.

    Starts whose preamble is not wholly inside the samples are not searched.
    """
    region, first, starts = _region(samples, grid, first, last)
    if starts <= 0:
        return None
    loud = _acquire_loud(region, grid, user, first, starts)
    if loud:
        return loud
    config, n, repeats = grid.config, grid.config.fft_size, grid.config.preamble_repeats
    offsets_hz = _offsets_hz(config)
    power_below = config.active_subcarriers * _local_power(region, n)
    statistic = np.zeros((len(offsets_hz), starts), np.float32)
    for correlation in _correlations(region, grid, user):
        relative = _power(correlation)
        relative /= power_below
        for m in range(repeats):
            statistic += relative[:, m * n : m * n + starts]
    threshold = _threshold(config.false_alarm_probability, repeats * len(samples), statistic.size)
    hypothesis, start = divmod(int(np.argmax(statistic)), starts)
    found = float(statistic[hypothesis, start])
    if found <= threshold:
        return None
    energy = found * float(power_below[start : start + repeats * n : n].mean())
    reach_hz = 0.5 * config.subcarrier_spacing_hz
    return Acquisition(first + start, float(offsets_hz[hypothesis]), reach_hz, energy, found, threshold)


def _acquire_loud(region: np.ndarray, grid: ResourceGrid, user: int, first: int, starts: int) -> Acquisition | None:
    """`acquire` near the place of the region that repeats most, coherent over the repeats; None unless it is clear."""
    config, n, repeats = grid.config, grid.config.fft_size, grid.config.preamble_repeats
    metric, products = repetition(region, config)
    place = int(np.argmax(metric)) if metric.size else 0
    if not metric.size or metric[place] < LOUD:
        return None
    part = float(np.angle(products[place])) / (2 * np.pi)  # of a subcarrier
    begin, end = max(0, place * HOP - n // 2), min(starts, place * HOP + n // 2 + 1)
    near = region[:, begin : end - 1 + repeats * n]
    length = end - begin - 1 + n
    summed = fold(near, n, repeats, length, part)
    size = scipy.fft.next_fast_len(length)
    templates = _templates(config, user, size)[_whole_hypotheses(config)]
    energy = np.zeros((len(templates), end - begin), np.float32)
    bank = transform(len(templates), size, inverse=True)
    for antenna in scipy.fft.fft(summed, size, axis=1, norm="forward"):
        np.multiply(antenna, templates, out=bank.source)
        energy += _power(bank.run()[:, : end - begin])
    energy /= repeats
    hypothesis, start = divmod(int(np.argmax(energy)), end - begin)
    under = near[:, start : start + repeats * n]
    power = max(float(np.sum(_power(under), dtype=np.float64)) / under.size, 1e-30)
    found = float(energy[hypothesis, start]) / (config.active_subcarriers * power)
    threshold = _threshold(config.false_alarm_probability, len(region), energy.size)
    if found < max(CLEAR * repeats * n, threshold) or start in (0, end - begin - 1):
        return None
    cfo_hz = float(_whole_subcarriers(config)[hypothesis] + part) * config.subcarrier_spacing_hz
    steady, residual_hz, deviation_hz = _carrier_of_repeats(under, grid, user, cfo_hz)
    if steady < STEADY:  # something else repeats as well, and its carrier was taken for the preamble's
        return None
    reach_hz = DEVIATIONS * deviation_hz + LEAKAGE * config.subcarrier_spacing_hz
    start, found_energy = first + begin + start, float(energy[hypothesis, start])
    return Acquisition(start, cfo_hz + residual_hz, reach_hz, found_energy, found, threshold)


def _carrier_of_repeats(under: np.ndarray, grid: ResourceGrid, user: int, cfo_hz: float) -> tuple[float, float, float]:
    """The repeats, each matched: |mean|^2 over their mean power, 1 for a right carrier without noise; the carrier's
    correction in Hz, and the standard deviation that noise leaves of it. under: complex64 [antennas, M N]."""
    config, n, repeats = grid.config, grid.config.fft_size, grid.config.preamble_repeats
    starts = np.arange(repeats) * n
    matched = symbol_bins(under, grid, starts, cfo_hz, 0) @ grid.preamble(user).conj()  # [antennas, repeats]
    power = float(np.vdot(matched, matched).real) / matched.size
    steady = float(np.sum(_power(matched.mean(axis=1)))) / len(matched) / max(power, 1e-30)
    gram = np.asarray(matched.T @ matched.conj(), complex)
    width_hz = config.subcarrier_spacing_hz / (2 * repeats)
    residual_hz = likelihood_peak(gram, starts / config.sample_rate_hz, width_hz, width_hz / 16)
    # Rife and Boorstyn's bound for M values at this SNR; what is not steady counts as noise.
    snr = len(matched) * steady / max(1 - steady, 1e-3)
    deviation = np.sqrt(6 / (snr * repeats * (repeats**2 - 1))) / (2 * np.pi)
    return steady, residual_hz, float(deviation) * config.subcarrier_spacing_hz


def acquire_near(samples: np.ndarray, grid: ResourceGrid, user: int, first: int, last: int) -> Acquisition | None:
    """`acquire` for few starts, coherent over the repeats, with the sounding, on a finer grid of starts and carriers.

    The sounding tells a start from one that is whole repeats wrong.
    """
    config, n, repeats = grid.config, grid.config.fft_size, grid.config.preamble_repeats
    region, first, starts = _region(samples, grid, first, last)
    if starts <= 0:
        return None
    dimensions = len(samples)
    energy = _combined_energy(region, config, user, np.arange(repeats) * n, starts)
    gap = grid.sounding_start(user) + config.cp_samples - grid.preamble_start(user)
    places = np.arange(config.sounding_symbols) * grid.symbol_samples
    end = first + gap + starts - 1 + int(places[-1]) + n
    if end <= samples.shape[1]:
        energy += _combined_energy(samples[:, first + gap : end], config, MAX_USERS + user, places, starts)
        dimensions *= 2
    power = np.repeat(_local_power(region, n * repeats), NEAR_STARTS_PER_SAMPLE)[: energy.shape[2]]
    statistic = energy / (config.active_subcarriers * power)
    cells = statistic.size / (NEAR_STARTS_PER_SAMPLE * NEAR_CARRIERS_PER_CELL)
    threshold = _threshold(NEAR_FALSE_ALARM / NEAR_SCALLOPS, dimensions, cells)
    part, whole, place = np.unravel_index(int(np.argmax(energy)), energy.shape)
    found = float(statistic[part, whole, place])
    if found <= threshold:
        return None
    subcarriers = _whole_subcarriers(config)[whole] + _parts(config)[part]
    start = first + round(int(place) / NEAR_STARTS_PER_SAMPLE)
    cfo_hz, reach_hz = subcarriers * config.subcarrier_spacing_hz, 0.5 * config.subcarrier_spacing_hz / repeats
    return Acquisition(start, float(cfo_hz), reach_hz, float(energy[part, whole, place]), found, threshold)


def _combined_energy(
    region: np.ndarray, config: WaveformConfig, sequence: int, places: np.ndarray, starts: int
) -> np.ndarray:
    """Energy of symbols at places [m] from each start, added coherently, over m: float32 [parts, wholes, delays].

    The carrier is _whole_subcarriers + _parts; delays are in 1 / NEAR_STARTS_PER_SAMPLE from the region's beginning.
    sequence: see `_templates`.
    """
    n, length = config.fft_size, starts - 1 + config.fft_size
    parts, whole = _parts(config), _whole_subcarriers(config)
    turn = np.exp(-2j * np.pi / n * parts[:, None] * np.arange(length)).astype(np.complex64)
    templates = _templates(config, sequence, length)[_whole_hypotheses(config)]
    energy = np.zeros((parts.size, whole.size, NEAR_STARTS_PER_SAMPLE * (starts - 1) + 1), np.float32)
    for antenna in region:
        spectra = np.zeros((parts.size, whole.size, length), np.complex64)
        for place in places:
            spectrum = scipy.fft.fft(antenna[place : place + length] * turn, axis=1)
            phases = np.exp(-2j * np.pi / n * place * (parts[:, None] + whole)).astype(np.complex64)
            spectra += spectrum[:, None] * phases[:, :, None]
        spectra *= templates
        middle, size = (length + 1) // 2, length * NEAR_STARTS_PER_SAMPLE
        padded = np.zeros((parts.size, whole.size, size), np.complex64)
        padded[..., :middle], padded[..., size - length + middle :] = spectra[..., :middle], spectra[..., middle:]
        kept = scipy.fft.ifft(padded, axis=2, overwrite_x=True)[..., : energy.shape[2]] * NEAR_STARTS_PER_SAMPLE
        energy += _power(kept) / places.size
    return energy


def _parts(config: WaveformConfig) -> np.ndarray:
    """float64 [p]: carriers between two subcarriers that are tried, in subcarriers, from -0.5."""
    count = NEAR_CARRIERS_PER_CELL * config.preamble_repeats
    return np.arange(count) / count - 0.5


def _whole_hypotheses(config: WaveformConfig) -> slice:
    """Those of `_offsets_hz` that are whole subcarriers."""
    return slice(_offsets_hz(config).size // 2 % HYPOTHESES_PER_SUBCARRIER, None, HYPOTHESES_PER_SUBCARRIER)


@lru_cache(maxsize=8)
def _whole_subcarriers(config: WaveformConfig) -> np.ndarray:
    """int [w]."""
    return np.round(_offsets_hz(config)[_whole_hypotheses(config)] / config.subcarrier_spacing_hz).astype(int)


def repeats_wrong(samples: np.ndarray, grid: ResourceGrid, user: int, hit: Acquisition) -> int:
    """-1, 0 or 1: by how many repeats the hit's start should be moved.

    A start that is one repeat wrong still sees all repeats but one; the sounding is not there for it.
    """
    config, n = grid.config, grid.config.fft_size
    gap = grid.sounding_start(user) + config.cp_samples - grid.preamble_start(user)
    shifts, tried = (-1, 0, 1), config.preamble_repeats + 2
    repeats = hit.start + n * np.arange(-1, config.preamble_repeats + 1)
    sounded = [hit.start + s * n + gap + np.arange(config.sounding_symbols) * grid.symbol_samples for s in shifts]
    starts = np.concatenate([repeats, *sounded])
    inside = (starts >= 0) & (starts + n <= samples.shape[1])
    matched = np.zeros((len(samples), starts.size, 2), np.complex64)
    matched[:, inside] = symbol_bins(samples, grid, starts[inside], hit.cfo_hz, 0) @ _conjugate_sequences(config, user)
    energies = _power(matched).sum(axis=0)
    known = energies[tried:, 1].reshape(len(shifts), -1).sum(axis=1)
    known += [energies[1 + s : 1 + s + config.preamble_repeats, 0].sum() for s in shifts]
    return shifts[int(np.argmax(known))]


@lru_cache(maxsize=16)
def _conjugate_sequences(config: WaveformConfig, user: int) -> np.ndarray:
    """complex64 [active, 2]: of a user's preamble and of its sounding."""
    grid = ResourceGrid(config)
    return np.stack([grid.preamble(user), grid.sounding(user)[0]], axis=1).conj()


def _power(values: np.ndarray) -> np.ndarray:
    return np.asarray(values.real**2 + values.imag**2)


def _region(samples: np.ndarray, grid: ResourceGrid, first: int, last: int) -> tuple[np.ndarray, int, int]:
    """Samples that searching first..last needs, the first start that fits, how many starts fit."""
    length = grid.config.fft_size * grid.config.preamble_repeats
    first, last = max(0, first), min(last, samples.shape[1] - length)
    return samples[:, first : last + length], first, last - first + 1


def _correlations(region: np.ndarray, grid: ResourceGrid, sequence: int) -> list[np.ndarray]:
    """Per antenna complex64 [hypotheses, n - N + 1]: c_f at every sample of the region; sequence: see `_templates`."""
    config = grid.config
    size = scipy.fft.next_fast_len(region.shape[1])
    templates = _templates(config, sequence, size)
    kept = region.shape[1] - config.fft_size + 1
    spectra = scipy.fft.fft(region, size, axis=1)
    return [scipy.fft.ifft(antenna * templates, axis=1, overwrite_x=True)[:, :kept] for antenna in spectra]


def _local_power(region: np.ndarray, length: int) -> np.ndarray:
    """float32 [n - length + 1]: mean power of `length` samples from each sample on, over all antennas."""
    power = np.sum(region.real.astype(np.float64) ** 2 + region.imag.astype(np.float64) ** 2, axis=0)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    mean = (sums[length:] - sums[:-length]) / (length * len(region))
    floor = max(SILENCE * float(sums[-1]) / power.size, 1e-30)
    return np.maximum(mean, floor).astype(np.float32)


@lru_cache(maxsize=64)
def _threshold(false_alarm_probability: float, dimensions: int, cells: int) -> float:
    return float(scipy.special.gammainccinv(dimensions, false_alarm_probability / cells))


@lru_cache(maxsize=8)
def _offsets_hz(config: WaveformConfig) -> np.ndarray:
    """Carrier hypotheses [q]."""
    step_hz = config.subcarrier_spacing_hz / HYPOTHESES_PER_SUBCARRIER
    count = int(np.ceil(config.largest_cfo_hz / step_hz))
    return np.arange(-count, count + 1) * step_hz


@lru_cache(maxsize=32)
def _templates(config: WaveformConfig, sequence: int, size: int) -> np.ndarray:
    """complex64 [q, size]: conjugated spectra of a known symbol at each carrier hypothesis.

    sequence: a user, for its preamble, or MAX_USERS + user, for its sounding.
    """
    grid = ResourceGrid(config)
    bins = np.zeros((1, config.fft_size), np.complex64)
    bins[0, grid.bins] = grid.preamble(sequence) if sequence < MAX_USERS else grid.sounding(sequence - MAX_USERS)[0]
    symbol = to_time(bins, 0)
    turns = np.outer(_offsets_hz(config), np.arange(config.fft_size)) / config.sample_rate_hz
    shifted = symbol * np.exp(2j * np.pi * turns)
    return np.asarray(np.conj(scipy.fft.fft(shifted.astype(np.complex64), size, axis=1)))
