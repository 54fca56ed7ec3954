"""Bursts out of a continuous stream, chunk by chunk, with bounded memory.

The gate (see `gate`) runs over every sample; where it opens, `BurstReceiver` looks closely. A burst whose end has not
arrived yet is kept until it has.
"""

import numpy as np

from radio.samples import EventKind, RadioEvent, Samples, without_unusable
from radio.waveform.acquisition.gate import HOP, gate_threshold, repetition_metric
from radio.waveform.acquisition.tones import Tone, without_tones
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.frame import ReceivedFrame
from radio.waveform.reception.receiver import BurstReceiver

OPENS_BY_CHANCE = 1e-4  # at one place; neighbours go together, so that noise is looked at about once in 1e6 samples
SAME_CYCLES = 1e-4  # per sample
TONES_TOLD = 16  # that are remembered
SMALLEST_SEARCH = 4096  # samples; below it waiting costs less than starting


class StreamReceiver:
    """Not thread-safe: one thread pushes. Memory stays below memory_samples and the chunk that is pushed.

    Samples that never came (their ticks are missing) and bursts longer than the memory are overflow events, counted in
    samples; nothing is lost silently.
    """

    def __init__(self, config: WaveformConfig, memory_samples: int = 1 << 21) -> None:
        self.config, self.grid = config, ResourceGrid(config)
        self._receiver = BurstReceiver(config)
        preamble = config.preamble_repeats * config.fft_size
        # The gate may open for the last user: the burst began this much earlier.
        self._history = (config.users - 1) * self.grid.preamble_slot_samples + 2 * config.cp_samples + preamble
        self._ahead = preamble + self.grid.payload_start + config.cp_samples
        smallest = 2 * (self._history + self._ahead) + SMALLEST_SEARCH
        if memory_samples < smallest:
            raise ValueError(f"memory_samples is {memory_samples} and must be at least {smallest} for this waveform")
        self._memory = memory_samples
        self._data = np.zeros((config.rx_antennas, 0), np.complex64)
        self._start = self._next = 0  # tick of the first kept sample, and of the first that was not searched
        self._wanted = 0  # tick that must arrive before the burst in progress can be received
        self._events: list[RadioEvent] = []
        self._told: tuple[Tone, ...] = ()
        self.examined = 0  # windows that the gate opened for

    @property
    def kept_samples(self) -> int:
        return int(self._data.shape[1])

    def take_events(self) -> list[RadioEvent]:
        """Events since the last call."""
        events, self._events = self._events, []
        return events

    def push(self, samples: Samples) -> list[ReceivedFrame]:
        """Take the next complex64 [antennas, n] of the stream; bursts that are complete by now, in order.

        Samples that are no numbers, or absurdly large ones, count as silence and are an event.
        Raises ValueError for another number of antennas or another sample rate.
        """
        if samples.data.shape[0] != self.config.rx_antennas or samples.sample_rate_hz != self.config.sample_rate_hz:
            raise ValueError(
                f"a chunk of {samples.data.shape[0]} antennas at {samples.sample_rate_hz:g} samples/s does not fit a "
                f"receiver of {self.config.rx_antennas} at {self.config.sample_rate_hz:g}"
            )
        frames = []
        if samples.start_tick != self._end and self.kept_samples:
            missing = samples.start_tick - self._end
            self._events.append(RadioEvent(EventKind.OVERFLOW, self._end, max(1, missing)))
            frames += self.flush()
        if not self.kept_samples:
            self._start = self._next = samples.start_tick
        samples, unusable = without_unusable(samples)
        if unusable:
            self._events.append(RadioEvent(EventKind.UNUSABLE, samples.start_tick, unusable))
        self._data = np.concatenate([self._data, samples.data], axis=1)
        frames += self._search(final=False)
        self._forget()
        return frames

    def flush(self) -> list[ReceivedFrame]:
        """The stream has ended: bursts that are left, the last one perhaps cut off; forgets everything."""
        frames = self._search(final=True)
        self._data, self._wanted = self._data[:, :0], 0  # a radio that starts again may count from 0
        return frames

    @property
    def _end(self) -> int:
        return self._start + self.kept_samples

    def _search(self, final: bool) -> list[ReceivedFrame]:
        frames: list[ReceivedFrame] = []
        while True:
            opened = self._opened(final)
            if opened is None:
                return frames
            if not final and self._end < max(self._wanted, opened + self._ahead):
                self._next = opened
                return frames
            frame = self._receive(opened)
            if frame is None:
                self._next = opened + self.config.fft_size
                continue
            end = self._burst_end(frame)
            if not final and end > self._end and end - self._start <= self._memory:
                self._next, self._wanted = opened, end
                return frames
            frames.append(frame)
            self._next = max(end, opened + self.config.fft_size)

    def _opened(self, final: bool) -> int | None:
        """Tick at which the gate opens, at or after the first tick that was not searched."""
        skip = max(0, self._next - self._start)
        unseen = self.kept_samples - skip - self.config.preamble_repeats * self.config.fft_size
        if unseen <= 0 or (unseen < SMALLEST_SEARCH and not final):
            return None
        searched, tones = without_tones(self._data[:, skip:])
        self._tell(tones, self._start + skip, searched.shape[1])
        metric = repetition_metric(searched, self.config)
        above = metric > gate_threshold(OPENS_BY_CHANCE)
        if not above.any():
            self._next = self._start + skip + metric.size * HOP
            return None
        return self._start + skip + int(np.argmax(above)) * HOP

    def _tell(self, tones: tuple[Tone, ...], tick: int, count: int) -> None:
        """An event for every tone that is new, or much stronger or weaker than when it was told."""
        rate_hz, told = self.config.sample_rate_hz, self._told
        self._told = (*tones, *told)[:TONES_TOLD]
        for tone in tones:
            known = [was for was in told if abs(tone.cycles - was.cycles) < SAME_CYCLES]
            if not known or not 0.5 < tone.power / known[0].power < 2:
                frequency_hz = tone.cycles * rate_hz
                self._events.append(RadioEvent(EventKind.INTERFERENCE, tick, count, frequency_hz, tone.power))

    def _receive(self, opened: int) -> ReceivedFrame | None:
        first, last = opened - self._history, opened + self.config.preamble_repeats * self.config.fft_size
        begin = max(self._start, first - self._history)
        self.examined += 1
        window = Samples(self._data[:, begin - self._start :], begin, self.config.sample_rate_hz)
        frame = self._receiver.receive(window, (first + last) // 2, (last - first) // 2)
        if frame is not None and frame.start_tick > last - 2 * self.config.fft_size:
            # The gate opened for something else, and what was found is the beginning of a burst beyond the search.
            frame = self._receiver.receive(window, last, last - opened)
        return frame

    def _burst_end(self, frame: ReceivedFrame) -> int:
        headers = [user.header for user in frame.users if user.header is not None]
        lengths = [self.grid.carrying(header.all_bits_symbols).burst_length(header.n_symbols) for header in headers]
        longest = max(lengths, default=self.grid.burst_length(0))
        # Drift of an uncalibrated clock and the longest delay may make it a little longer.
        return frame.start_tick + longest + self.config.cp_samples + longest // 4096

    def _forget(self) -> None:
        """Let go of what no burst can need any more; when the memory is full, of the oldest too, and say so."""
        keep = max(self._start, self._next - 2 * self._history)
        if self._end - keep > self._memory:
            lost = self._end - keep - self._memory
            self._events.append(RadioEvent(EventKind.OVERFLOW, keep, lost))
            keep += lost
            self._next, self._wanted = max(self._next, keep), 0
        self._data = self._data[:, keep - self._start :].copy()
        self._start = keep
