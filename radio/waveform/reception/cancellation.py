"""Taking a user's payload, once its symbols are known again, out of the samples.

The symbols are a guess: a decoded picture, encoded once more. What the estimate of the channel and of the symbols gets
wrong stays in the samples.
"""

import numpy as np

from radio.samples import Samples
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.windows import backoff_samples
from radio.waveform.reception.frame import Alignment
from radio.waveform.tracking.straightening import ramps
from radio.waveform.transforms.ofdm import to_time


def cancel_payload(
    samples: Samples, grid: ResourceGrid, user: int, alignment: Alignment, symbols: np.ndarray
) -> Samples:
    """A copy of the samples without the payload of `user` that carried symbols complex64 [k] of unit mean power."""
    elements = grid.payload_elements(user, symbols)
    if len(elements) != alignment.window_ticks.size:
        raise ValueError(f"{symbols.size} symbols fill {len(elements)} OFDM symbols, not {alignment.window_ticks.size}")
    data = samples.data.copy()
    before = grid.config.cp_samples - backoff_samples(grid)  # a window starts inside its prefix
    first = alignment.window_ticks - before - samples.start_tick
    within = np.arange(grid.symbol_samples)
    undone = ramps(alignment.delay_samples, alignment.phase_rad, grid) * alignment.gain[:, None].astype(np.float32)
    turns = alignment.cfo_hz / grid.config.sample_rate_hz
    for antenna, channel in zip(data, alignment.channel, strict=True):
        bins = np.zeros((len(elements), grid.config.fft_size), np.complex64)
        bins[:, grid.bins] = elements * channel * np.conj(undone)
        # The prefix of what is in the window, and the window's own beginning once more behind its end.
        body = to_time(bins, 0).reshape(len(bins), -1)
        wave = np.take(body, within - before, axis=1, mode="wrap")
        elapsed = first[:, None] + within + samples.start_tick - alignment.phase_origin_tick
        wave *= np.exp(2j * np.pi * np.remainder(turns * elapsed, 1.0)).astype(np.complex64)
        for start, symbol in zip(first, wave, strict=True):
            begin, end = max(start, 0), min(start + symbol.size, antenna.size)
            antenna[begin:end] -= symbol[begin - start : end - start]
    return Samples(data, samples.start_tick, samples.sample_rate_hz)
