"""Filters matched with one preamble symbol at every carrier hypothesis, block by block (overlap and save).

A block's length is a multiple of the symbol's: a carrier that is whole subcarriers higher then moves the symbol's
spectrum by whole bins, and two spectra serve all hypotheses, however long the samples and however many there are.
"""

from collections.abc import Iterator

import numpy as np
import scipy.fft

from radio import acceleration
from radio.waveform.acquisition.hypotheses import HYPOTHESES_PER_SUBCARRIER, offsets_hz, turnable_templates
from radio.waveform.config import WaveformConfig
from radio.waveform.transforms.fourier import transform

LONGEST_BLOCK, LEAST_SYMBOLS = 4096, 8  # samples of a block, and symbols that it holds at least
TOGETHER = 1 << 17  # values that are transformed at once: about what stays near the processor


class Bank:
    """The filters over complex64 [antennas, n]."""

    def __init__(self, samples: np.ndarray, config: WaveformConfig, user: int) -> None:
        self._symbol, self._places = config.fft_size, samples.shape[1] - config.fft_size + 1
        symbols = min(max(LONGEST_BLOCK // self._symbol, LEAST_SYMBOLS), -(-samples.shape[1] // self._symbol))
        self._size = self._symbol * scipy.fft.next_fast_len(symbols)
        self._hypotheses = offsets_hz(config).size
        self._templates = turnable_templates(config, user, self._size)
        self._useful = self._size - self._symbol + 1
        blocks = -(-self._places // self._useful)
        padded = np.zeros((len(samples), (blocks - 1) * self._useful + self._size), np.complex64)
        padded[:, : samples.shape[1]] = samples
        cut = np.stack([padded[:, i * self._useful : i * self._useful + self._size] for i in range(blocks)], axis=1)
        self._spectra = scipy.fft.fft(cut, axis=2, norm="forward")  # [antennas, blocks, size]

    def groups(self) -> Iterator[np.ndarray]:
        """Numbers of the hypotheses, as many at a time as fit TOGETHER."""
        count = max(1, TOGETHER // self._size)
        for begin in range(0, self._hypotheses, count):
            yield np.arange(begin, min(begin + count, self._hypotheses))

    def energies(self, numbers: np.ndarray) -> np.ndarray:
        """|c_f|^2 from each sample on, summed over the antennas: float32 [numbers, n - fft_size + 1]."""
        above = numbers - self._hypotheses // 2  # half subcarriers, say
        parts = above % HYPOTHESES_PER_SUBCARRIER
        begins = (-(above // HYPOTHESES_PER_SUBCARRIER) * (self._size // self._symbol)) % self._size
        total = np.zeros((numbers.size, self._places), np.float32)
        fourier = transform(numbers.size, self._size, inverse=True)
        fill = _fill_compiled if acceleration.NUMBA else _fill
        add = _add_compiled if acceleration.NUMBA else _add
        for antenna in self._spectra:
            for i, spectrum in enumerate(antenna):
                fill(spectrum, self._templates, parts, begins, fourier.source)
                add(fourier.run(), total[:, i * self._useful : (i + 1) * self._useful])
        return total


def _fill(spectrum: np.ndarray, templates: np.ndarray, parts: np.ndarray, begins: np.ndarray, out: np.ndarray) -> None:
    """Products of complex64 [size] with templates [parts, 2 size], read from begins int [q] on, into [q, size]."""
    for q in range(parts.size):
        np.multiply(spectrum, templates[parts[q], begins[q] : begins[q] + spectrum.size], out=out[q])


@acceleration.compiled
def _fill_compiled(
    spectrum: np.ndarray, templates: np.ndarray, parts: np.ndarray, begins: np.ndarray, out: np.ndarray
) -> None:
    for q in range(parts.size):
        template, row = templates[parts[q], begins[q] : begins[q] + spectrum.size], out[q]
        for i in range(spectrum.size):
            row[i] = spectrum[i] * template[i]


def _add(found: np.ndarray, total: np.ndarray) -> None:
    """Add |found|^2 of the first places of complex64 [q, size] to float32 [q, places]."""
    kept = found[:, : total.shape[1]]
    total += kept.real**2 + kept.imag**2


@acceleration.compiled
def _add_compiled(found: np.ndarray, total: np.ndarray) -> None:
    for q in range(total.shape[0]):
        row, sums = found[q], total[q]
        for i in range(sums.size):
            sums[i] += row[i].real * row[i].real + row[i].imag * row[i].imag
