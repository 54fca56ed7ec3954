"""A preamble that is loud: its repetition shows about where it is and how far between two subcarriers (see `gate`).

That leaves few cells for matched filters, which are coherent over the repeats. Whatever is not clear is left to the
search of all cells (see `acquisition`).
"""

import math

import numpy as np
import scipy.fft

from radio import acceleration
from radio.waveform.acquisition.carrier_likelihood import likelihood_peak, likelihood_peak_compiled
from radio.waveform.acquisition.folding import fold
from radio.waveform.acquisition.gate import HOP, repetition
from radio.waveform.acquisition.hypotheses import Acquisition, threshold, whole_subcarriers, whole_templates
from radio.waveform.acquisition.matching import matched, preamble_symbol, sounding_symbol
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.transforms.fourier import add_powers, transform

LOUD = 64.0  # repetition metric, Exp(1) under noise, and below a tenth of this in most places without a preamble
CLEAR = 0.15  # of what a preamble without noise gives; another user's, matched with this one, gives up to 0.08
STEADY = 0.7  # see `_carrier_of_repeats`: a carrier that is off by 4 % of a subcarrier
DEVIATIONS = 5.0  # allowed for a carrier that noise makes uncertain
LEAKAGE = 0.01  # subcarriers: allowed for what a tone or a DC offset as loud as the preamble does to it
AS_MUCH = 1.0  # symbols of energy: starts that differ by less see as much; a repeat too late loses two
LIKELIHOODS = 16  # of carriers on either side of the one that the repetition showed


def acquire_loud(
    region: np.ndarray,
    grid: ResourceGrid,
    user: int,
    first: int,
    starts: int,
    repeated: tuple[np.ndarray, np.ndarray] | None = None,
) -> Acquisition | None:
    """`acquire` near the place of the region that repeats most, coherent over the repeats; None unless it is clear.

    repeated: `repetition` of the region, where it is known.
    """
    config, n, repeats = grid.config, grid.config.fft_size, grid.config.preamble_repeats
    metric, products = repeated or repetition(region, config)
    place = int(metric.argmax()) if metric.size else 0
    if not metric.size or metric[place] < LOUD:
        return None
    product = complex(products[place])
    part = math.atan2(product.imag, product.real) / (2 * math.pi)  # of a subcarrier
    begin, end = max(0, place * HOP - n // 2), min(starts, place * HOP + n // 2 + 1)
    near = region[:, begin : end - 1 + repeats * n]
    energy = _energy(fold(near, n, repeats, end - begin - 1 + n, part), grid, user, end - begin)
    hypothesis, start = divmod(int(energy.argmax()), end - begin)
    found_energy = float(energy[hypothesis, start]) / repeats
    under = near[:, start : start + repeats * n]
    power = max(float(np.vdot(under, under).real) / under.size, 1e-30)
    found = found_energy / (config.active_subcarriers * power)
    least = threshold(config.false_alarm_probability, len(region), energy.size)
    if found < max(CLEAR * repeats * n, least) or start in (0, end - begin - 1):
        return None
    cfo_hz = float(whole_subcarriers(config)[hypothesis] + part) * config.subcarrier_spacing_hz
    steady, residual_hz, deviation_hz = _carrier_of_repeats(under, grid, user, cfo_hz)
    if steady < STEADY:  # something else repeats as well, and its carrier was taken for the preamble's
        return None
    reach_hz = DEVIATIONS * deviation_hz + LEAKAGE * config.subcarrier_spacing_hz
    return Acquisition(first + begin + start, cfo_hz + residual_hz, reach_hz, found_energy, found, least)


def _energy(summed: np.ndarray, grid: ResourceGrid, user: int, starts: int) -> np.ndarray:
    """What filters matched with the preamble take from complex64 [antennas, n]: float32 [whole subcarriers, starts]."""
    length = summed.shape[1]
    size = scipy.fft.next_fast_len(length)
    templates = whole_templates(grid.config, user, size)
    forward, bank = transform(len(summed), size), transform(len(templates), size, inverse=True)
    np.multiply(summed, np.float32(1 / size), out=forward.source[:, :length])
    forward.source[:, length:] = 0
    energy = np.zeros((len(templates), starts), np.float32)
    for antenna in forward.run():
        np.multiply(antenna, templates, out=bank.source)
        add_powers(bank.run(), 0, energy)
    return energy


def _carrier_of_repeats(under: np.ndarray, grid: ResourceGrid, user: int, cfo_hz: float) -> tuple[float, float, float]:
    """The repeats, each matched: |mean|^2 over their mean power, 1 for a right carrier without noise; the carrier's
    correction in Hz, and the standard deviation that noise leaves of it. under: complex64 [antennas, M N]."""
    config, repeats = grid.config, grid.config.preamble_repeats
    starts = np.arange(repeats) * config.fft_size
    filtered = matched(under, starts, preamble_symbol(config, user), cfo_hz / config.sample_rate_hz, 0.0)
    width_hz = config.subcarrier_spacing_hz / (2 * repeats)
    agreement = _agreement_compiled if acceleration.NUMBA else _agreement
    steady, residual_hz = agreement(filtered, starts / config.sample_rate_hz, width_hz)
    # Rife and Boorstyn's bound for M values at this SNR; what is not steady counts as noise.
    snr = len(filtered) * steady / max(1 - steady, 1e-3)
    deviation = math.sqrt(6 / (snr * repeats * (repeats**2 - 1))) / (2 * math.pi)
    return steady, residual_hz, deviation * config.subcarrier_spacing_hz


def _agreement(filtered: np.ndarray, times_s: np.ndarray, width_hz: float) -> tuple[float, float]:
    """|mean|^2 over mean power, 0 to 1, and the likeliest carrier in Hz within width_hz, of complex64 [antennas, M]."""
    power = float(np.vdot(filtered, filtered).real) / filtered.size
    mean = filtered.mean(axis=1)
    steady = float(np.vdot(mean, mean).real) / len(filtered) / max(power, 1e-30)
    gram = np.asarray(filtered.T @ filtered.conj(), complex)
    return steady, likelihood_peak(gram, times_s, width_hz, width_hz / LIKELIHOODS)


@acceleration.compiled
def _agreement_compiled(filtered: np.ndarray, times_s: np.ndarray, width_hz: float) -> tuple[float, float]:
    antennas, repeats = filtered.shape
    gram = np.zeros((repeats, repeats), np.complex128)
    together = 0.0
    for antenna in range(antennas):
        total = 0j
        for m in range(repeats):
            total += filtered[antenna, m]
            for n in range(repeats):
                gram[m, n] += filtered[antenna, m] * filtered[antenna, n].conjugate()
        together += total.real * total.real + total.imag * total.imag
    power = 0.0
    for m in range(repeats):
        power += gram[m, m].real
    steady = together / repeats / max(power, 1e-30)
    return steady, likelihood_peak_compiled(gram, times_s, width_hz, width_hz / LIKELIHOODS)


def repeats_wrong(samples: np.ndarray, grid: ResourceGrid, user: int, hit: Acquisition) -> int:
    """By how many repeats the hit's start should be moved.

    A start that is one repeat wrong still sees all repeats but one; the sounding is not there for it. A prefix of a
    whole symbol holds the symbol once more: of starts that see as much, the last one is right.
    """
    config, n = grid.config, grid.config.fft_size
    gap = grid.sounding_start(user) + config.cp_samples - grid.preamble_start(user)
    most, cycles = max(1, (grid.preamble_prefix_samples + n // 2) // n), hit.cfo_hz / config.sample_rate_hz
    shifts = range(-most, most + 1)
    repeats = hit.start + n * np.arange(-most, config.preamble_repeats + most)
    soundings = np.arange(config.sounding_symbols) * grid.symbol_samples
    sounded = (hit.start + gap + n * np.array(shifts)[:, None] + soundings).reshape(-1)
    preamble = _powers(matched(samples, repeats, preamble_symbol(config, user), cycles, 0.0))
    sounding = _powers(matched(samples, sounded, sounding_symbol(config, user), cycles, 0.0)).reshape(len(shifts), -1)
    known = [
        float(preamble[most + s : most + s + config.preamble_repeats].sum() + row.sum())
        for s, row in zip(shifts, sounding, strict=True)
    ]
    if 2 * grid.preamble_prefix_samples < 3 * n:
        return shifts[known.index(max(known))]
    least = max(known) * (1 - AS_MUCH / len(grid.training(user)))
    return max(s for s, energy in zip(shifts, known, strict=True) if energy >= least)


def _powers(filtered: np.ndarray) -> np.ndarray:
    return np.asarray((filtered.real**2 + filtered.imag**2).sum(axis=0))
