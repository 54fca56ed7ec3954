"""Finding one user's preamble: a bank of matched filters over carrier offsets, combined over the repeats.

For every carrier hypothesis f and start d the samples are correlated with one preamble symbol, which gives c_f(d + m N)
for the M = `preamble_repeats` repeats. Over a whole window their energies are added (non-coherently, so that half a
subcarrier of error costs little):

    T(d, f) = sum_antennas sum_m |c_f(d + m N)|^2 / (E_s P(d + m N)),   P(d): mean power of N samples from d on

(each repeat over its own power, so that something that begins or ends under the preamble is not taken for it).
Near a place that another user's burst has shown, few cells are left, and the repeats can be added coherently, which
hears a user several dB weaker:

    T(d, f) = sum_antennas |sum_m c_f(d + m N) exp(-j 2 pi f m N / f_s)|^2 / (M E_s P)
              + the same of the sounding,   P: mean power under the preamble, or under the sounding

(each part over its own power: next to an absent user's silent slots there are others' loud ones).

Loud preambles are found faster (see `loud_preamble`); what is not found that way clearly is searched everywhere.

Under noise alone the terms are independent Exp(1), so that T is Gamma(M * antennas) or Gamma(2 * antennas), and the
threshold follows from the wanted probability of false alarm over all cells searched (a constant-false-alarm-rate test).
"""

import numpy as np
import scipy.fft

from radio import acceleration
from radio.waveform.acquisition.filter_bank import Bank
from radio.waveform.acquisition.hypotheses import (
    Acquisition,
    offsets_hz,
    threshold,
    whole_subcarriers,
    whole_templates,
)
from radio.waveform.acquisition.loud_preamble import acquire_loud
from radio.waveform.burst.grid import MAX_USERS, ResourceGrid
from radio.waveform.config import WaveformConfig

SILENCE = 1e-5  # of the mean power searched; below it the correlations' own rounding would look like a signal
SEARCHED_TOGETHER = 1 << 15  # starts, so that memory does not grow with the samples
NEAR_STARTS_PER_SAMPLE = 2
NEAR_CARRIERS_PER_CELL = 3  # a cell: one over the length of the preamble
NEAR_FALSE_ALARM = 4e-5  # for a user that is absent while others are there
NEAR_SCALLOPS = 4.0  # how much likelier the finer grid makes a false alarm than its independent cells (measured)


def acquire(samples: np.ndarray, grid: ResourceGrid, user: int, first: int, last: int) -> Acquisition | None:
    """Search starts first..last (inclusive) of complex64 [antennas, n]; None when nothing crosses the threshold.

    Starts whose preamble is not wholly inside the samples are not searched.
    """
    region, first, starts = _region(samples, grid, first, last)
    if starts <= 0:
        return None
    return acquire_loud(region, grid, user, first, starts) or _acquire_anywhere(region, grid, user, first, starts)


def acquire_anywhere(samples: np.ndarray, grid: ResourceGrid, user: int) -> Acquisition | None:
    """`acquire` for a preamble that need not be loud, wherever it is in complex64 [antennas, n]."""
    region, first, starts = _region(samples, grid, 0, samples.shape[1])
    return _acquire_anywhere(region, grid, user, first, starts) if starts > 0 else None


def _acquire_anywhere(region: np.ndarray, grid: ResourceGrid, user: int, first: int, starts: int) -> Acquisition | None:
    config, n, repeats = grid.config, grid.config.fft_size, grid.config.preamble_repeats
    hypotheses_hz = offsets_hz(config)
    power_below = config.active_subcarriers * _local_power(region, n)
    look = _likeliest_compiled if acceleration.NUMBA else _likeliest
    found, hypothesis, start = -1.0, 0, 0
    for begin in range(0, starts, SEARCHED_TOGETHER):
        count = min(SEARCHED_TOGETHER, starts - begin)
        under = slice(begin, begin + count - 1 + (repeats - 1) * n + 1)
        bank = Bank(region[:, under.start : under.stop + n - 1], config, user)
        weights = 1 / power_below[under]
        for numbers in bank.groups():
            value, which, place = look(bank.energies(numbers), weights, n, repeats, count)
            if value > found:
                found, hypothesis, start = float(value), int(numbers[which]), begin + int(place)
    least = threshold(config.false_alarm_probability, repeats * len(region), hypotheses_hz.size * starts)
    if found <= least:
        return None
    energy = found * float(power_below[start : start + repeats * n : n].mean())
    reach_hz = 0.5 * config.subcarrier_spacing_hz
    return Acquisition(first + start, float(hypotheses_hz[hypothesis]), reach_hz, energy, found, least)


def acquire_near(
    samples: np.ndarray, grid: ResourceGrid, user: int, first: int, last: int, floor: float
) -> Acquisition | None:
    """`acquire` for few starts, coherent over the repeats, with the sounding, on a finer grid of starts and carriers.

    The sounding tells a start from one that is whole repeats wrong. floor: power below which nothing is measured.
    """
    config, n, repeats = grid.config, grid.config.fft_size, grid.config.preamble_repeats
    region, first, starts = _region(samples, grid, first, last)
    if starts <= 0:
        return None
    dimensions = len(samples)
    energy = _combined_energy(region, config, user, np.arange(repeats) * n, starts)
    statistic = energy / _expected(region, config, np.zeros(1, int), n * repeats, starts, floor)
    gap = grid.sounding_start(user) + config.cp_samples - grid.preamble_start(user)
    places = np.arange(config.sounding_symbols) * grid.symbol_samples
    end = first + gap + starts - 1 + int(places[-1]) + n
    if end <= samples.shape[1]:
        sounded = samples[:, first + gap : end]
        also = _combined_energy(sounded, config, MAX_USERS + user, places, starts)
        statistic += also / _expected(sounded, config, places, n, starts, floor)
        energy += also
        dimensions *= 2
    cells = statistic.size / (NEAR_STARTS_PER_SAMPLE * NEAR_CARRIERS_PER_CELL)
    least = threshold(NEAR_FALSE_ALARM / NEAR_SCALLOPS, dimensions, cells)
    part, whole, place = np.unravel_index(int(np.argmax(statistic)), statistic.shape)
    found = float(statistic[part, whole, place])
    if found <= least:
        return None
    subcarriers = whole_subcarriers(config)[whole] + _parts(config)[part]
    start = first + round(int(place) / NEAR_STARTS_PER_SAMPLE)
    cfo_hz, reach_hz = subcarriers * config.subcarrier_spacing_hz, 0.5 * config.subcarrier_spacing_hz / repeats
    return Acquisition(start, float(cfo_hz), reach_hz, float(energy[part, whole, place]), found, least)


def _combined_energy(
    region: np.ndarray, config: WaveformConfig, sequence: int, places: np.ndarray, starts: int
) -> np.ndarray:
    """Energy of symbols at places [m] from each start, added coherently, over m: float32 [parts, wholes, delays].

    The carrier is `whole_subcarriers` + `_parts`; delays are in 1 / NEAR_STARTS_PER_SAMPLE from the region's beginning.
    sequence: see `templates`.
    """
    n, length = config.fft_size, starts - 1 + config.fft_size
    parts, whole = _parts(config), whole_subcarriers(config)
    turn = np.exp(-2j * np.pi / n * parts[:, None] * np.arange(length)).astype(np.complex64)
    filters = whole_templates(config, sequence, length)
    energy = np.zeros((parts.size, whole.size, NEAR_STARTS_PER_SAMPLE * (starts - 1) + 1), np.float32)
    for antenna in region:
        spectra = np.zeros((parts.size, whole.size, length), np.complex64)
        for place in places:
            spectrum = scipy.fft.fft(antenna[place : place + length] * turn, axis=1)
            phases = np.exp(-2j * np.pi / n * place * (parts[:, None] + whole)).astype(np.complex64)
            spectra += spectrum[:, None] * phases[:, :, None]
        spectra *= filters
        middle, size = (length + 1) // 2, length * NEAR_STARTS_PER_SAMPLE
        padded = np.zeros((parts.size, whole.size, size), np.complex64)
        padded[..., :middle], padded[..., size - length + middle :] = spectra[..., :middle], spectra[..., middle:]
        kept = scipy.fft.ifft(padded, axis=2, overwrite_x=True)[..., : energy.shape[2]] * NEAR_STARTS_PER_SAMPLE
        energy += _power(kept) / places.size
    return energy


def _expected(
    region: np.ndarray, config: WaveformConfig, places: np.ndarray, length: int, starts: int, floor: float
) -> np.ndarray:
    """float32 [delays] as of `_combined_energy`: its mean in noise of the power under `length` samples from places."""
    power = _local_power(region, length, floor)
    mean = np.mean([power[place : place + starts] for place in places], axis=0)
    delays = NEAR_STARTS_PER_SAMPLE * (starts - 1) + 1
    return np.asarray(config.active_subcarriers * np.repeat(mean, NEAR_STARTS_PER_SAMPLE)[:delays])


def _parts(config: WaveformConfig) -> np.ndarray:
    """float64 [p]: carriers between two subcarriers that are tried, in subcarriers, from -0.5."""
    count = NEAR_CARRIERS_PER_CELL * config.preamble_repeats
    return np.arange(count) / count - 0.5


def _power(values: np.ndarray) -> np.ndarray:
    return np.asarray(values.real**2 + values.imag**2)


def _region(samples: np.ndarray, grid: ResourceGrid, first: int, last: int) -> tuple[np.ndarray, int, int]:
    """Samples that searching first..last needs, the first start that fits, how many starts fit."""
    length = grid.config.fft_size * grid.config.preamble_repeats
    first, last = max(0, first), min(last, samples.shape[1] - length)
    return samples[:, first : last + length], first, last - first + 1


def _likeliest(energies: np.ndarray, weights: np.ndarray, n: int, repeats: int, starts: int) -> tuple[float, int, int]:
    """The largest T, of which hypothesis, and at which start.

    energies: float32 [hypotheses, at least as many as weights], |c_f|^2 from each sample on, summed over the antennas;
    weights: float32, 1 / (E_s P).
    """
    relative = energies[:, : weights.size] * weights
    statistic = np.sum([relative[:, m * n : m * n + starts] for m in range(repeats)], axis=0)
    which, start = divmod(int(np.argmax(statistic)), starts)
    return float(statistic[which, start]), which, start


@acceleration.compiled
def _likeliest_compiled(
    energies: np.ndarray, weights: np.ndarray, n: int, repeats: int, starts: int
) -> tuple[float, int, int]:
    relative, sums = np.empty(weights.size, np.float32), np.empty(starts, np.float32)
    best, which, start = np.float32(-1.0), 0, 0
    for q in range(energies.shape[0]):
        row = energies[q]
        for i in range(weights.size):
            relative[i] = row[i] * weights[i]
        sums[:] = relative[:starts]
        for m in range(1, repeats):
            repeat = relative[m * n : m * n + starts]
            for i in range(starts):
                sums[i] += repeat[i]
        i = int(np.argmax(sums))
        if sums[i] > best:
            best, which, start = sums[i], q, i
    return float(best), which, start


def _local_power(region: np.ndarray, length: int, floor: float = 0.0) -> np.ndarray:
    """float32 [n - length + 1]: mean power of `length` samples from each sample on, over all antennas; above floor."""
    power = np.sum(region.real.astype(np.float64) ** 2 + region.imag.astype(np.float64) ** 2, axis=0)
    sums = np.concatenate([[0.0], np.cumsum(power)])
    mean = (sums[length:] - sums[:-length]) / (length * len(region))
    floor = max(SILENCE * float(sums[-1]) / power.size, floor, 1e-30)
    return np.maximum(mean, floor).astype(np.float32)
