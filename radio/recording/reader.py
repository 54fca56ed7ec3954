"""Reads SigMF recordings, this project's and others', and raw files."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radio.errors import ConfigurationError
from radio.recording.formats import sample_format
from radio.recording.source import open_source
from radio.samples import Samples

MAX_CHANNELS = 64
MAX_TICK = 1 << 60


@dataclass(frozen=True)
class Capture:
    """One uninterrupted window. first: index in the file; start_tick: its time on the recorder's sample clock."""

    first: int
    n_samples: int
    start_tick: int
    center_frequency_hz: float | None

    @property
    def end_tick(self) -> int:
        """First tick after the window."""
        return self.start_tick + self.n_samples


class SigmfReader:
    """facts: the `global` object; captures in the order of the file; annotations as they are (JSON values).

    path: either file of the recording, or its stem, an archive, or a raw file (see `source`).
    Raises ConfigurationError with what is wrong with it.
    """

    def __init__(self, path: Path | str) -> None:
        source = open_source(path)
        self.meta_path, self.data_path, meta = source.meta_path, source.data_path, source.meta
        try:
            self.facts: dict[str, Any] = dict(meta["global"])
            self.annotations: list[dict[str, Any]] = [dict(entry) for entry in meta.get("annotations") or []]
            captures = sorted(meta.get("captures") or [], key=lambda capture: int(capture["core:sample_start"]))
            self._format = sample_format(str(self.facts["core:datatype"]))
            self.channels = int(self.facts.get("core:num_channels", 1))
            self.sample_rate_hz = float(self.facts.get("core:sample_rate", 0))
            origin = int(self.facts.get("core:offset", 0))
            starts = [int(capture["core:sample_start"]) - origin for capture in captures] or [0]
            ticks = [_tick(capture.get("core:global_index")) for capture in captures] or [None]
            centers = [_frequency(capture.get("core:frequency")) for capture in captures]
            headers = any(capture.get("core:header_bytes") for capture in captures)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise ConfigurationError(f"{self.meta_path} is not valid SigMF metadata: {error!r}.") from None
        centers = centers or [self.facts.get("semnoma:frequency")]
        usable = 0 < self.sample_rate_hz < math.inf and 1 <= self.channels <= MAX_CHANNELS
        if not usable or min(starts) < 0 or headers:
            raise ConfigurationError(
                f"{self.meta_path} cannot be read: it needs core:sample_rate (finite, above 0), "
                f"1 to {MAX_CHANNELS} channels, and no headers."
            )
        size = self._format.bytes_per_sample * self.channels
        try:
            stored = self.data_path.stat().st_size if source.n_bytes is None else source.n_bytes
            self.n_samples = stored // size  # a crash may have torn the last sample
            shape = self.n_samples * size // self._format.component.itemsize
            self._data: np.ndarray = (
                np.memmap(self.data_path, self._format.component, "r", offset=source.offset, shape=shape)
                if shape
                else np.zeros(0)
            )
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{self.data_path} cannot be read: {error}.") from None
        ends = [*starts[1:], self.n_samples]
        self.captures = [
            Capture(first, min(end, self.n_samples) - first, first if tick is None else tick, center)
            for first, end, tick, center in zip(starts, ends, ticks, centers, strict=True)
            if min(end, self.n_samples) > first
        ]

    def samples(self, first: int, n_samples: int, start_tick: int = 0) -> Samples:
        """complex64 [channels, n_samples] from index `first`. ConfigurationError outside the recording."""
        if first < 0 or n_samples < 0 or first + n_samples > self.n_samples:
            raise ConfigurationError(
                f"samples {first} to {first + n_samples} were asked of {self.data_path}, which has {self.n_samples}."
            )
        components = self.channels * (2 if self._format.is_complex else 1)
        flat = np.asarray(self._data[first * components : (first + n_samples) * components])
        return Samples(self._format.to_complex(flat, self.channels), start_tick, self.sample_rate_hz)


def _tick(value: Any) -> int | None:
    tick = None if value is None else int(value)
    if tick is not None and abs(tick) > MAX_TICK:
        raise ValueError(f"core:global_index is {tick}")
    return tick


def _frequency(value: Any) -> float | None:
    """Hertz, also where others wrote a string; ValueError for what is no finite number."""
    if value is None:
        return None
    frequency_hz = float(value)
    if not math.isfinite(frequency_hz):
        raise ValueError(f"core:frequency is {value}")
    return frequency_hz
