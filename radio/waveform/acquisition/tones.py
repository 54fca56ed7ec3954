"""Tones in the samples, DC among them: found in an averaged periodogram and taken out before anything is searched.

A tone repeats with every period and holds its power through any average: it opens the search's gate, weighs on the
power that correlations are normalised by, and leaks into all subcarriers of a window. A line counts as a tone when it
stands LEAST_RATIO over what nine tenths of its neighbourhood stay below: a preamble's own lines are one bin in eight
(Welch 1967; excision: Milstein 1988). What is taken out is the tone's amplitude as a moving mean follows it, which
touches no more of a signal than the mean's own bandwidth.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft

from radio import acceleration
from radio.waveform.transforms.fourier import transform

SEGMENT = 2048
FEWEST_SEGMENTS, MOST_SEGMENTS = 4, 6
NEIGHBOURHOOD = 64  # bins that share a floor
BELOW_FLOOR = 0.9  # of them; a tone's own lobe is up to five
LEAST_RATIO = 8.0
EDGE = 0.5
MOST_TONES = 6
BLOCK = 64  # samples in which an amplitude is constant
GROUP = 8  # blocks, over which what is left of a carrier that is known to a bin does not turn
MEAN_BLOCKS = 32  # over which it is averaged, twice


@dataclass(frozen=True)
class Tone:
    """cycles: per sample, -0.5 to 0.5; power: mean over the antennas, in the samples' own units."""

    cycles: float
    power: float


def without_tones(samples: np.ndarray) -> tuple[np.ndarray, tuple[Tone, ...]]:
    """complex64 [antennas, n] without its tones (the same array where there are none), and what was taken out."""
    tones: list[Tone] = []
    coarse = find_lines(samples)
    if not coarse:
        return samples, ()
    for _ in range(2):  # beside a strong tone a weaker one is seen once it is gone
        for cycles in coarse[: MOST_TONES - len(tones)]:
            samples, tone = _without_one(samples, cycles)
            tones.append(tone)
        coarse = find_lines(samples)
        if not coarse:
            break
    return samples, tuple(tones)


def find_lines(samples: np.ndarray) -> list[float]:
    """Cycles per sample of what stands out of the spectrum of complex64 [antennas, n], strongest first, to a bin."""
    antennas, n = samples.shape
    count = min(2 * n // SEGMENT - 1, MOST_SEGMENTS)  # they may overlap by half
    if count < FEWEST_SEGMENTS:
        return []
    starts = (np.arange(count) * (n - SEGMENT)) // (count - 1)
    fourier = transform(antennas * count, SEGMENT)
    for i, start in enumerate(starts):
        np.multiply(
            samples[:, start : start + SEGMENT], _window(), out=fourier.source[i * antennas : (i + 1) * antennas]
        )
    spectrum = fourier.run()
    power = (spectrum.real**2 + spectrum.imag**2).sum(axis=0)
    by_block = power.reshape(-1, NEIGHBOURHOOD)
    place = int(BELOW_FLOOR * NEIGHBOURHOOD)
    floor = np.partition(by_block, place, axis=1)[:, place]
    # At the edge of a band half of a block may be empty, and what is in the other half its lines alone.
    floor = np.maximum(floor, np.maximum(np.roll(floor, 1), np.roll(floor, -1)) * EDGE)
    if not (by_block.max(axis=1) > LEAST_RATIO * floor).any():
        return []
    level = np.repeat(np.maximum(floor, 1e-30), NEIGHBOURHOOD)
    peak = (power > LEAST_RATIO * level) & (power >= np.roll(power, 1)) & (power > np.roll(power, -1))
    found = np.flatnonzero(peak)
    found = found[np.argsort(power[found])[::-1]][:MOST_TONES]
    # Main lobes of one tone that straddles bins are one tone.
    kept: list[int] = []
    for i in found.tolist():
        if all(min((i - j) % SEGMENT, (j - i) % SEGMENT) > 2 for j in kept):
            kept.append(i)
    return [(i / SEGMENT + 0.5) % 1 - 0.5 for i in kept]


@lru_cache(maxsize=1)
def _window() -> np.ndarray:
    return np.hanning(SEGMENT).astype(np.float32)


def _without_one(samples: np.ndarray, cycles: float) -> tuple[np.ndarray, Tone]:
    """complex64 [antennas, n] without the tone near `cycles`."""
    take = _taken_compiled if acceleration.NUMBA else _taken
    mean = _means_compiled if acceleration.NUMBA else _means
    steady = mean(samples, _phasors(-cycles))
    blocks = steady.shape[1]
    steady *= _turn(cycles, blocks).conj()
    rest = _remaining(steady) / BLOCK
    # What the right carrier would have made of a block's mean: its middle's phase, and none of it lost.
    steady *= _turn(rest, blocks).conj() * np.exp(-1j * np.pi * rest * (BLOCK - 1)) / np.sinc(rest * BLOCK)
    smooth = _moving_mean(_moving_mean(steady))
    cycles += rest
    cleaned = take(samples, (smooth * _turn(cycles, blocks)).astype(np.complex64), _phasors(cycles))
    return cleaned, Tone(float((cycles + 0.5) % 1 - 0.5), float(np.mean(np.abs(smooth) ** 2)))


def _turn(cycles: float, blocks: int) -> np.ndarray:
    """complex128 [blocks]: a tone's phase where each block begins; coarse steps times fine ones spare exponentials."""
    coarse = np.exp(2j * np.pi * np.remainder(cycles * BLOCK * GROUP * np.arange(-(-blocks // GROUP)), 1.0))
    fine = np.exp(2j * np.pi * cycles * BLOCK * np.arange(GROUP))
    return np.asarray((coarse[:, None] * fine).reshape(-1)[:blocks])


def _remaining(steady: np.ndarray) -> float:
    """Cycles per block by which amplitudes complex [antennas, blocks], at least SEGMENT samples, still turn."""
    groups = steady.shape[1] // GROUP
    summed = steady[:, : groups * GROUP].reshape(len(steady), groups, GROUP).sum(axis=2)
    size = 4 * scipy.fft.next_fast_len(groups)
    power = np.sum(np.abs(scipy.fft.fft(summed, size, axis=1)) ** 2, axis=0)
    i = int(power.argmax())
    before, top, after = power[i - 1], power[i], power[(i + 1) % size]
    curve = before - 2 * top + after
    vertex = 0.5 * (before - after) / curve if curve < 0 else 0.0
    return float(((i + vertex) / size + 0.5) % 1 - 0.5) / GROUP


def _moving_mean(values: np.ndarray) -> np.ndarray:
    """Mean of complex [antennas, blocks] over MEAN_BLOCKS around each, of fewer at the ends."""
    reach, blocks = min(MEAN_BLOCKS // 2, values.shape[1]), values.shape[1]
    sums = np.zeros((len(values), blocks + 2 * reach + 1), complex)
    np.cumsum(values, axis=1, out=sums[:, reach + 1 : reach + 1 + blocks])
    sums[:, reach + 1 + blocks :] = sums[:, reach + blocks, None]
    mean = sums[:, 2 * reach + 1 :] - sums[:, :blocks]
    before = np.minimum(np.arange(blocks), reach)
    mean /= 1 + before + before[::-1]
    return mean


def _phasors(cycles: float) -> np.ndarray:
    """complex64 [BLOCK]: exp(2 pi j cycles n)."""
    return np.exp(2j * np.pi * cycles * np.arange(BLOCK)).astype(np.complex64)


def _means(samples: np.ndarray, phasors: np.ndarray) -> np.ndarray:
    """Of blocks of complex64 [antennas, n] times phasors [BLOCK]: complex128 [antennas, blocks]."""
    antennas, n = samples.shape
    blocks = -(-n // BLOCK)
    padded = np.zeros((antennas, blocks * BLOCK), np.complex64)
    padded[:, :n] = samples
    sums = padded.reshape(antennas, blocks, BLOCK) @ phasors
    sums[:, -1] *= BLOCK / (n - BLOCK * (blocks - 1))
    return np.asarray(sums / BLOCK, np.complex128)


@acceleration.compiled
def _means_compiled(samples: np.ndarray, phasors: np.ndarray) -> np.ndarray:
    antennas, n = samples.shape
    out = np.empty((antennas, (n + BLOCK - 1) // BLOCK), np.complex128)
    for antenna in range(antennas):
        for block in range(out.shape[1]):
            part = samples[antenna, block * BLOCK : min((block + 1) * BLOCK, n)]
            real = imag = np.float32(0.0)
            for i in range(part.size):
                x, turn = part[i], phasors[i]
                real += x.real * turn.real - x.imag * turn.imag
                imag += x.real * turn.imag + x.imag * turn.real
            out[antenna, block] = complex(real / part.size, imag / part.size)
    return out


def _taken(samples: np.ndarray, amplitudes: np.ndarray, phasors: np.ndarray) -> np.ndarray:
    """complex64 [antennas, n] less amplitudes complex64 [antennas, blocks] times phasors [BLOCK]."""
    return np.asarray(samples - (amplitudes[:, :, None] * phasors).reshape(len(samples), -1)[:, : samples.shape[1]])


@acceleration.compiled
def _taken_compiled(samples: np.ndarray, amplitudes: np.ndarray, phasors: np.ndarray) -> np.ndarray:
    out = np.empty(samples.shape, np.complex64)
    for antenna in range(samples.shape[0]):
        for block in range(amplitudes.shape[1]):
            part = samples[antenna, block * BLOCK : (block + 1) * BLOCK]
            kept, a = out[antenna, block * BLOCK : (block + 1) * BLOCK], amplitudes[antenna, block]
            for i in range(part.size):
                x, turn = part[i], phasors[i]
                real = x.real - (a.real * turn.real - a.imag * turn.imag)
                kept[i] = complex(real, x.imag - (a.real * turn.imag + a.imag * turn.real))
    return out
