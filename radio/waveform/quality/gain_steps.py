"""Steps of the receive gain within a burst (an automatic gain control that moves): found in the size of the pilots.

The size is taken to be constant between steps; a step is believed where it explains more than noise does (binary
segmentation; Scott and Knott 1974).
"""

import itertools

import numpy as np

from radio.waveform.quality.pilots import PilotView

BELIEVED = 30.0  # by how much a step must lower the weighted sum of squares, which is Chi2(1) without one
SMALLEST_STEP = 0.12  # of the amplitude: 1 dB
SHORTEST_SYMBOLS = 3
SMALLEST_GAIN, LARGEST_GAIN = 0.3, 5.0  # below, the user has gone


def gain_course(view: PilotView) -> np.ndarray:
    """float64 [symbols]: amplitude of each symbol over that of the training, constant between steps; 1 without any, 0
    where the user has gone.
    """
    energy = np.maximum(view.energy, 1e-30)
    variance = np.maximum(view.scatter / energy, 1e-12)  # of the complex amplitude
    size = np.sqrt(np.maximum(np.abs(view.amplitude) ** 2 - variance, 0))
    weight = 2 / variance
    course = np.ones(size.size)
    edges = _edges(size, weight)
    for begin, end in itertools.pairwise(edges):
        level = float(np.average(size[begin:end], weights=weight[begin:end]))
        surplus = (level - 1) ** 2 * float(weight[begin:end].sum())
        if surplus > BELIEVED and abs(level - 1) > SMALLEST_STEP and level < LARGEST_GAIN:
            course[begin:end] = level if level > SMALLEST_GAIN else 0.0
    return course


def _edges(size: np.ndarray, weight: np.ndarray) -> list[int]:
    """Beginnings of parts of constant size, and the end."""
    found, left = {0, size.size}, [(0, size.size)]
    while left:
        begin, end = left.pop()
        split = _split(size[begin:end], weight[begin:end])
        if split:
            found.add(begin + split)
            left += [(begin, begin + split), (begin + split, end)]
    return sorted(found)


def _split(size: np.ndarray, weight: np.ndarray) -> int:
    """Where one step explains most; 0 where none is believed."""
    if size.size < 2 * SHORTEST_SYMBOLS:
        return 0
    sums, masses = np.cumsum(size * weight), np.cumsum(weight)
    before, after = sums[:-1] / masses[:-1], (sums[-1] - sums[:-1]) / np.maximum(masses[-1] - masses[:-1], 1e-30)
    harmonic = masses[:-1] * (masses[-1] - masses[:-1]) / masses[-1]
    explained = harmonic * (after - before) ** 2
    explained[np.abs(after - before) < SMALLEST_STEP * np.maximum(before, after)] = 0
    explained[: SHORTEST_SYMBOLS - 1] = explained[size.size - SHORTEST_SYMBOLS :] = 0
    split = int(explained.argmax())
    return split + 1 if explained[split] > BELIEVED else 0
