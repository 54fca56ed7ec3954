"""Writes a SigMF recording while it grows: samples at once, metadata every few seconds and at the end."""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from radio.errors import ConfigurationError, DeviceError
from radio.recording.formats import SIGMF_VERSION, sigmf_paths
from radio.samples import Samples

_METADATA_EVERY_S = 10.0
EXTENSION = {"name": "semnoma", "version": "1.0.0", "optional": True}


class SigmfWriter:
    """One recording: `append` a window of samples, `annotate` what is in it, `close`.

    path: capture.sigmf-meta, capture.sigmf-data or capture. Samples are stored as cf32_le, channels interleaved.
    A crash leaves a valid recording of what was there a few seconds before.
    Raises ConfigurationError when the recording exists or cannot be created, DeviceError when the disk is full.
    """

    def __init__(
        self,
        path: Path | str,
        sample_rate_hz: float,
        center_frequency_hz: float,
        channels: int = 1,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """facts: further entries of `global`, such as core:hw or semnoma:config (JSON values)."""
        self.meta_path, self.data_path = sigmf_paths(path)
        self._channels, self._center_hz = channels, float(center_frequency_hz)
        self._rate_hz = float(sample_rate_hz)
        self._hash = hashlib.sha512()
        self._samples = 0
        self._captures: list[str] = []
        self._annotations: list[tuple[int, str]] = []
        self._written_s = time.monotonic()
        self._global = {
            "core:datatype": "cf32_le",
            "core:sample_rate": self._rate_hz,
            "core:version": SIGMF_VERSION,
            "core:num_channels": channels,
            "core:recorder": "semnoma-hil",
            "core:extensions": [EXTENSION],
            **(facts or {}),
        }
        try:
            self.meta_path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.data_path.open("xb")
        except FileExistsError:
            raise ConfigurationError(f"{self.data_path} exists already; record to another name.") from None
        except OSError as error:
            raise ConfigurationError(f"{self.data_path} cannot be written: {error.strerror}.") from None
        self._open = True

    def append(self, samples: Samples, received_at: datetime | None = None) -> int:
        """Add a window; returns the index of its first sample in the recording.

        samples: complex64 [channels, n] at start_tick. received_at: wall clock of the window (default: now).
        """
        if samples.data.shape[0] != self._channels:
            raise ConfigurationError(f"{samples.data.shape[0]} channels do not fit a recording of {self._channels}.")
        first = self._samples
        when = (received_at or datetime.now(UTC)).astimezone(UTC)
        capture = {
            "core:sample_start": first,
            "core:frequency": self._center_hz,
            "core:datetime": when.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }
        if samples.start_tick >= 0:
            capture["core:global_index"] = int(samples.start_tick)
        content = np.ascontiguousarray(samples.data.T, dtype="<c8").tobytes()
        try:
            self._file.write(content)
            self._file.flush()
        except OSError as error:
            self._file.truncate(first * self._channels * 8)
            raise DeviceError(f"recording to {self.data_path} failed: {error.strerror}.") from None
        self._hash.update(content)
        self._captures.append(json.dumps(capture))
        self._samples += samples.n_samples
        if time.monotonic() - self._written_s > _METADATA_EVERY_S:
            self._write_metadata()
        return first

    def annotate(self, first: int, n_samples: int, label: str, facts: Mapping[str, Any] | None = None) -> None:
        """Say what n_samples from index `first` hold. label: short text; facts: JSON values by namespaced name."""
        entry = {"core:sample_start": int(first), "core:sample_count": int(n_samples), "core:label": label}
        self._annotations.append((int(first), json.dumps({**entry, **(facts or {})}, allow_nan=False)))

    def close(self) -> None:
        """Complete the recording. Safe to call twice."""
        if self._open:
            self._open = False
            self._write_metadata()
            self._file.close()

    def _write_metadata(self) -> None:
        self._written_s = time.monotonic()
        facts = json.dumps({**self._global, "core:sha512": self._hash.hexdigest()}, allow_nan=False)
        annotations = [text for _, text in sorted(self._annotations, key=lambda entry: entry[0])]
        lines = ["{", f'"global": {facts},', f'"captures": {_array(self._captures)},']
        lines += [f'"annotations": {_array(annotations)}', "}", ""]
        partial = self.meta_path.with_name(self.meta_path.name + ".partial")
        try:
            partial.write_text("\n".join(lines), encoding="utf-8")
            os.replace(partial, self.meta_path)
        except OSError as error:
            raise DeviceError(f"{self.meta_path} cannot be written: {error.strerror}.") from None


def _array(entries: Iterable[str]) -> str:
    return "[\n" + ",\n".join(entries) + "\n]"
