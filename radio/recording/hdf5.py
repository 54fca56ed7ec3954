"""Reads the samples of an HDF5 capture as `SigmfReader` reads those of a SigMF recording.

A capture has one row per slot in every data set; `/iq/samples` is complex64 [slots, antennas, samples]. Ragged data
sets lie flat, with where each part begins and how long it is beside them (`NAME_first`, `NAME_count`). A writer that
was killed leaves a file that is marked as being written; it is opened as one that still grows.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from radio.errors import ConfigurationError
from radio.recording.reader import Capture
from radio.samples import Samples

if TYPE_CHECKING:
    import h5py

SUFFIXES = (".h5", ".hdf5")
FORMAT, FORMAT_VERSION = "semnoma-hil capture", 1
UNFINISHED = "already open for"  # HDF5 on a file that a writer has, or had when it was killed
UNWRITTEN = -1  # of /slots/slot, which is written last: the row was torn by the end of its writer


@contextlib.contextmanager
def readable(path: Path | str) -> Iterator[None]:
    """What h5py, numpy and json raise on a damaged capture becomes a ConfigurationError of one sentence."""
    try:
        yield
    except (OSError, KeyError, ValueError, TypeError, AttributeError, IndexError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigurationError(f"{path} is damaged: {type(error).__name__} ({reason}).") from None


def is_hdf5(path: Path | str) -> bool:
    """Whether a name is that of an HDF5 file."""
    return str(path).lower().endswith(SUFFIXES)


def open_hdf5(path: Path | str) -> "h5py.File":
    """An HDF5 capture for reading, also one whose writer was killed or still writes. Raises ConfigurationError."""
    try:
        import h5py
    except ImportError:
        raise ConfigurationError(f'{path} needs h5py: pip install "semnoma-hil[data]".') from None
    try:
        Path(path).stat()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        file = h5py.File(path, "r", locking=False)
    except OSError as refused:
        # A damaged file is not tried in the other way, in which HDF5 waits for a writer to mend it.
        if UNFINISHED not in str(refused):
            raise ConfigurationError(f"{path} is no HDF5 file that can be read: {refused}.") from None
        try:
            file = h5py.File(path, "r", swmr=True, libver="latest", locking=False)
        except OSError as error:
            raise ConfigurationError(f"{path} is no HDF5 file that can be read: {error}.") from None
    with readable(path):
        found = file.attrs.get("format")
        known = found == FORMAT and int(file.attrs.get("format_version", 0)) == FORMAT_VERSION
        if not known or "slots/slot" not in file:
            file.close()
            raise ConfigurationError(
                f"{path} is no capture of semnoma-hil (format {found!r}, version {FORMAT_VERSION})."
            )
    return file


def whole_rows(file: "h5py.File") -> int:
    """How many slots are there whole."""
    slots = file["slots/slot"][:]
    torn = np.flatnonzero(slots == UNWRITTEN)
    return int(torn[0]) if torn.size else int(slots.size)


def part(file: "h5py.File", name: str, *index: int) -> np.ndarray:
    """One part of a ragged data set, e.g. of slot 3 and user 1: 1-D, of the data set's type."""
    first, count = int(file[f"{name}_first"][index]), int(file[f"{name}_count"][index])
    return np.asarray(file[name][first : first + count])


class Hdf5Reader:
    """A capture with samples, with the attributes of `SigmfReader` that a radio and a replay use.

    Annotations have what was sent as arrays (`semnoma:original`, `semnoma:symbols`) where the capture has the truth.
    Raises ConfigurationError for a file that is no capture or has no samples.
    """

    def __init__(self, path: Path | str) -> None:
        self.meta_path = self.data_path = Path(path)
        self._file = open_hdf5(path)
        if "iq/samples" not in self._file:
            self._file.close()
            raise ConfigurationError(f"{path} was captured without samples; capture iq as well.")
        try:
            with readable(path):
                self._read_facts()
        except ConfigurationError:
            self._file.close()
            raise

    def _read_facts(self) -> None:
        attributes, rows = self._file.attrs, whole_rows(self._file)
        slots, self.channels, self._window = self._file["iq/samples"].shape
        self.sample_rate_hz, center_hz = float(attributes["sample_rate_hz"]), float(attributes["center_frequency_hz"])
        if not 0 < self.sample_rate_hz < np.inf or min(self.channels, self._window) < 1 or rows > slots:
            raise ValueError(f"{rows} slots of {self._file['iq/samples'].shape} at {self.sample_rate_hz} samples/s")
        self.n_samples = rows * self._window
        self.facts: dict[str, Any] = {"semnoma:config": json.loads(str(attributes["config"]))}
        ticks = self._file["slots/slot_tick"][:rows]
        self.captures = [
            Capture(row * self._window, self._window, int(tick), center_hz) for row, tick in enumerate(ticks)
        ]

    @property
    def annotations(self) -> list[dict[str, Any]]:
        """What is known about each slot, as of a SigMF recording."""
        found: list[dict[str, Any]] = []
        with readable(self.meta_path):
            for row in range(len(self.captures)):
                entries = json.loads(part(self._file, "slots/facts", row).tobytes())
                for entry in entries:
                    user = (entry.get("semnoma:sent") or {}).get("user")
                    arrays = self._sent(row, int(user)) if user is not None else {}
                    found.append({"core:sample_start": row * self._window, **entry, **arrays})
        return found

    def _sent(self, row: int, user: int) -> dict[str, Any]:
        """Of one user: symbols complex64 [k], and the original flat, uint8 of a picture, float32 of what is none."""
        file = self._file
        if "truth/symbols" not in file:
            return {}
        original = part(file, "truth/pictures", row, user)
        if not original.size:
            original = part(file, "truth/items", row, user)
        return {"semnoma:symbols": part(file, "truth/symbols", row, user), "semnoma:original": original}

    def samples(self, first: int, n_samples: int, start_tick: int = 0) -> Samples:
        """complex64 [channels, n_samples] from index `first`, slot behind slot. ConfigurationError outside of them."""
        if first < 0 or n_samples < 0 or first + n_samples > self.n_samples:
            raise ConfigurationError(
                f"samples {first} to {first + n_samples} were asked of {self.data_path}, which has {self.n_samples}."
            )
        rows = range(first // self._window, -(-(first + n_samples) // self._window))
        with readable(self.data_path):
            pieces = [np.asarray(self._file["iq/samples"][row], np.complex64) for row in rows]
        data = np.concatenate(pieces, axis=1) if pieces else np.zeros((self.channels, 0), np.complex64)
        begin = first - rows.start * self._window
        return Samples(data[:, begin : begin + n_samples], start_tick, self.sample_rate_hz)
