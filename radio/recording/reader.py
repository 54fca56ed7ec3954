"""Reads SigMF recordings, this project's and others'."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from radio.errors import ConfigurationError
from radio.recording.formats import sample_format, sigmf_paths
from radio.samples import Samples


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

    path: either file of the recording, or its stem. Raises ConfigurationError with what is wrong with it.
    """

    def __init__(self, path: Path | str) -> None:
        self.meta_path, self.data_path = sigmf_paths(path)
        meta = _read_json(self.meta_path)
        try:
            self.facts: dict[str, Any] = dict(meta["global"])
            self.annotations: list[dict[str, Any]] = [dict(entry) for entry in meta.get("annotations", [])]
            captures = sorted(meta.get("captures", []), key=lambda capture: int(capture["core:sample_start"]))
            self._format = sample_format(str(self.facts["core:datatype"]))
            self.channels = int(self.facts.get("core:num_channels", 1))
            self.sample_rate_hz = float(self.facts.get("core:sample_rate", 0))
            origin = int(self.facts.get("core:offset", 0))
            starts = [int(capture["core:sample_start"]) - origin for capture in captures] or [0]
            ticks = [capture.get("core:global_index") for capture in captures] or [None]
            centers = [capture.get("core:frequency") for capture in captures] or [None]
            headers = any(capture.get("core:header_bytes") for capture in captures)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigurationError(f"{self.meta_path} is not valid SigMF metadata: {error!r}.") from None
        if self.sample_rate_hz <= 0 or self.channels < 1 or min(starts) < 0 or headers:
            raise ConfigurationError(
                f"{self.meta_path} cannot be read: it needs core:sample_rate, at least one channel, and no headers."
            )
        size = self._format.bytes_per_sample * self.channels
        try:
            stored = self.data_path.stat().st_size
            self.n_samples = stored // size  # a crash may have torn the last sample
            shape = self.n_samples * size // self._format.component.itemsize
            memory = np.memmap(self.data_path, self._format.component, "r", shape=shape) if shape else np.zeros(0)
            self._data: np.ndarray = memory
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{self.data_path} cannot be read: {error}.") from None
        ends = [*starts[1:], self.n_samples]
        self.captures = [
            Capture(first, min(end, self.n_samples) - first, first if tick is None else int(tick), center)
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


def _read_json(path: Path) -> dict[str, Any]:
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise ConfigurationError(f"{path} is not JSON: {error}.") from None
    if not isinstance(meta, dict) or not isinstance(meta.get("global"), dict):
        raise ConfigurationError(f"{path} is not SigMF metadata: it has no object named global.")
    return meta
