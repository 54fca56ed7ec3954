"""Writes a capture slot by slot, so that the file opens whenever its writer ends: HDF5's single-writer mode (SWMR).

All data sets and attributes are made before the first slot; the file has its name only then. A slot's number is
written after everything else of the slot: rows without one are torn and nobody reads them.
"""

import contextlib
import json
import logging
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hil import __version__
from hil.config import RunConfig
from hil.dataset.contents import Entries, SlotContents
from hil.dataset.layout import CHUNK_BYTES, SCALARS_PER_CHUNK, Field
from hil.dataset.size import capture_bytes, no_room, size_sentence
from hil.errors import HilError, UsageError
from hil.results.rows import ResultsError
from hil.session.slot import Slot
from radio.recording.hdf5 import FORMAT, FORMAT_VERSION, UNWRITTEN
from radio.waveform.burst.grid import ResourceGrid

if TYPE_CHECKING:
    import h5py

LAST = "slots/slot"
log = logging.getLogger(__name__)


class CaptureWriter:
    """`record` one slot at a time, then `close`.

    path: capture.h5; where it is there already, of a run that is resumed, the next one is capture-1.h5 and so on.
    Raises UsageError without h5py, ResultsError when the file cannot be made, HilError when the disk is full.
    """

    def __init__(self, path: Path, config: RunConfig, parts: tuple[str, ...]) -> None:
        try:
            import h5py
        except ImportError:
            raise UsageError('capture needs h5py: pip install "semnoma-hil[data]".') from None
        self.path = free_name(path)
        self._config, self._parts = config, parts
        self._contents = SlotContents(config, parts)
        self._file: h5py.File | None = None
        self._slot_samples = 0
        self._rows = 0
        self._closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultsError(f"{path.parent}: {error.strerror or error}.") from error

    def record(self, slot: Slot) -> None:
        """Append one slot with all that is known about it by now."""
        if slot.samples is None or self._closed:  # a decoder that outlived its node is late
            return
        try:
            if self._file is None:
                self._open(slot)
            if slot.start.slot_samples != self._slot_samples:
                raise ResultsError(
                    f"{self.path}: slots of {slot.start.slot_samples} and of {self._slot_samples} samples do not fit "
                    f"into one capture."
                )
            self._append(self._contents.of(slot))
        except (OSError, RuntimeError) as error:
            raise HilError(f"{self.path} cannot be written: {error}.") from error

    def close(self) -> None:
        """Complete the file; what comes later is not recorded. Safe to call twice."""
        self._closed = True
        if self._file is not None:
            with contextlib.suppress(OSError, RuntimeError):
                self._file.close()
            self._file = None

    def _open(self, slot: Slot) -> None:
        import h5py

        self._slot_samples = slot.start.slot_samples
        self._check_room(slot)
        partial = self.path.with_name(self.path.name + ".partial")
        self._file = h5py.File(partial, "w", libver=("v110", "v110"), locking=False)
        self._file.attrs.update(_attributes(self._config, self._parts, self._slot_samples))
        sizes = self._contents.sizes(self._slot_samples)
        for one in self._contents.fields:
            _make(self._file, one, sizes)
        self._file["csi" if "csi" in self._parts else "slots"].attrs["frequencies_hz"] = ResourceGrid(
            self._config.waveform
        ).frequencies_hz
        self._file.swmr_mode = True
        partial.rename(self.path)

    def _check_room(self, slot: Slot) -> None:
        """Once more where the samples of a slot are known: other machines' pictures may be larger than ours."""
        size = capture_bytes(self._config, self._parts, self._slot_samples, self._largest(slot))
        slots, free = self._config.frames + self._config.feedback.probe_slots, shutil.disk_usage(self.path.parent).free
        live = bool(self._config.video.sources)
        if not live and (sentence := no_room(self.path, size, slots, free)):
            raise UsageError(sentence)
        log.info("%s", size_sentence(self.path, size, slots, free, endless=live))

    def _largest(self, slot: Slot) -> tuple[int, int]:
        """Symbols and bytes of one user's largest item: as many symbols as the window holds, what is told of bytes."""
        grid, guard = ResourceGrid(self._config.waveform), slot.start.guard_samples
        payload = (slot.start.slot_samples - 2 * guard - grid.payload_start) // grid.symbol_samples
        content = max((one.nbytes for one in slot.originals.values()), default=0)
        return max(0, payload) * grid.payload_per_symbol, content

    def _append(self, entries: Entries) -> None:
        assert self._file is not None
        row = self._rows
        for one in sorted(self._contents.fields, key=lambda field: field.name == LAST):
            entry = entries[one.name]
            if one.ragged:
                self._append_ragged(one, row, entry)
            else:
                self._put(one.name, row, entry)
        self._rows += 1

    def _append_ragged(self, one: Field, row: int, entry: Any) -> None:
        """The parts one behind the other, then where they are."""
        assert self._file is not None
        parts = {(): entry} if isinstance(entry, np.ndarray) else {(user,): part for user, part in entry.items()}
        shape = self._file[f"{one.name}_count"].shape[1:]
        firsts, counts = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        values = self._file[one.name]
        end = values.shape[0]
        for place, part in sorted(parts.items()):
            firsts[place], counts[place] = end, part.size
            end += part.size
        if end > values.shape[0]:
            begin = values.shape[0]
            values.resize(end, 0)
            values[begin:] = np.concatenate([part for _, part in sorted(parts.items())]).astype(one.dtype)
            values.flush()
        self._put(f"{one.name}_first", row, firsts)
        self._put(f"{one.name}_count", row, counts)

    def _put(self, name: str, row: int, value: Any) -> None:
        assert self._file is not None
        values = self._file[name]
        values.resize(row + 1, 0)
        values[row] = value
        values.flush()


def free_name(path: Path) -> Path:
    """The path itself, or with the first number behind its stem that no file has."""
    names = (path, *(path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(1, 10_000)))
    for name in names:
        if not name.exists():
            return name
    raise ResultsError(f"{path} and 9999 more captures are there already.")


def _make(file: "h5py.File", one: Field, sizes: dict[str, int]) -> None:
    shape = one.fixed_shape(sizes)
    what = {"unit": one.unit, "description": one.text, "dimensions": json.dumps(["slots", *one.shape])}
    if one.ragged:
        chunk = (CHUNK_BYTES // one.dtype.itemsize,)
        made = file.create_dataset(one.name, (0,), one.dtype, maxshape=(None,), chunks=chunk)
        for name in ("first", "count"):
            chunks = (SCALARS_PER_CHUNK, *shape)
            file.create_dataset(f"{one.name}_{name}", (0, *shape), "<i8", maxshape=(None, *shape), chunks=chunks)
    else:
        entries = int(np.prod(shape)) if shape else 1
        rows = SCALARS_PER_CHUNK if entries <= 8 else 1
        fill = UNWRITTEN if one.name == LAST else None
        made = file.create_dataset(
            one.name, (0, *shape), one.dtype, maxshape=(None, *shape), chunks=(rows, *shape), fillvalue=fill
        )
    made.attrs.update(what)


def _attributes(config: RunConfig, parts: tuple[str, ...], slot_samples: int) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "version": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "parts": json.dumps(list(parts)),
        "users": config.users,
        "antennas": config.rx_antennas,
        "slot_samples": slot_samples,
        "sample_rate_hz": config.sample_rate_hz,
        "center_frequency_hz": config.center_frequency_hz,
        "tx_amplitude": config.radio.tx_amplitude,
        "seed": str(config.seed),
        "air_seed": str(config.air.seed),
        "device": config.radio.device,
        "config": json.dumps(config.model_dump(mode="json")),
    }
