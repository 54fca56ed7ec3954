"""A capture in numpy: `open_capture(path)`, then whole columns or single slots. Needs h5py, no torch."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from hil.dataset.layout import FIELDS, FILE, Field
from hil.errors import UsageError
from models.suggestion import did_you_mean
from radio.recording.hdf5 import open_hdf5, part, readable, whole_rows

_BY_NAME = {field.name: field for field in FIELDS}


class Capture:
    """One file. Slots are rows from 0; `len` is how many are there whole. Fields are those of `hil.dataset.layout`.

    frequencies_hz: float64 [subcarriers], offsets from the carrier that channels are of. Close it, or use it in `with`.
    Raises ConfigurationError for what is no capture, UsageError for a field that it does not have.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._file = open_hdf5(path)
        with readable(path):
            self._read_facts()

    def _read_facts(self) -> None:
        attributes = self._file.attrs
        self._rows = whole_rows(self._file)
        self.config: dict[str, Any] = json.loads(str(attributes["config"]))
        self.parts: tuple[str, ...] = tuple(json.loads(str(attributes["parts"])))
        self.users, self.antennas = int(attributes["users"]), int(attributes["antennas"])
        self.slot_samples = int(attributes["slot_samples"])
        self.sample_rate_hz = float(attributes["sample_rate_hz"])
        self.frequencies_hz = np.asarray(self._file["csi" if "csi" in self.parts else "slots"].attrs["frequencies_hz"])

    def __len__(self) -> int:
        return self._rows

    def __enter__(self) -> "Capture":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Safe to call twice."""
        self._file.close()

    @property
    def fields(self) -> tuple[Field, ...]:
        """Those that this file has."""
        return tuple(field for field in FIELDS if field.name in self._file)

    def column(self, name: str) -> np.ndarray:
        """A fixed field of all slots: [slots, ...]. Of a ragged field: NAME_count says how long its parts are."""
        self._known(name.removesuffix("_count"))
        if _BY_NAME.get(name) is not None and _BY_NAME[name].ragged:
            raise UsageError(f"{name} differs in length from slot to slot: read it by part(), or ask for {name}_count.")
        return np.asarray(self._file[name][: self._rows])

    def entry(self, name: str, row: int) -> np.ndarray:
        """A fixed field of one slot, with the shape of `Field.shape`."""
        self._known(name)
        return np.asarray(self._file[name][self._row(row)])

    def part(self, name: str, row: int, *user: int) -> np.ndarray:
        """A ragged field of one slot and user: 1-D, empty where nothing is known. slots/facts has no user."""
        self._known(name)
        return part(self._file, name, self._row(row), *user)

    def picture(self, row: int, user: int) -> np.ndarray | None:
        """The picture that a user sent, uint8 [H, W, 3]; None where it sent none."""
        pixels = self.part("truth/pictures", row, user)
        height = int(self._file["truth/height"][row, user])
        return pixels.reshape(height, -1, 3) if pixels.size else None

    def image_id(self, row: int, user: int) -> str:
        """The name of what a user sent; "" where it sent nothing."""
        return self.part("truth/image_id", row, user).tobytes().decode("utf-8", "surrogateescape")

    def facts(self, row: int) -> list[dict[str, Any]]:
        """What the recorded annotations of a slot say: its grant, reports and events, then each user."""
        found: list[dict[str, Any]] = json.loads(self.part("slots/facts", row).tobytes())
        return found

    def _row(self, row: int) -> int:
        if not -self._rows <= row < self._rows:
            raise IndexError(f"{self.path} has {self._rows} slots; slot {row} was asked for")
        return row % self._rows

    def _known(self, name: str) -> None:
        if name not in self._file:
            there = [field.name for field in self.fields]
            raise UsageError(
                f"{self.path} has no {name}{did_you_mean(name, there)}; it was captured with {', '.join(self.parts)}."
            )


def open_capture(path: Path | str) -> Capture:
    """A capture, or that of a run's folder. Raises ConfigurationError for what is none."""
    return Capture(Path(path) / FILE if Path(path).is_dir() else path)


def capture_files(paths: Path | str | list[Path | str] | tuple[Path | str, ...]) -> list[Path]:
    """Files, and of every folder its capture*.h5. Raises UsageError for a folder without one."""
    found: list[Path] = []
    for path in [paths] if isinstance(paths, str | Path) else paths:
        own = sorted(Path(path).glob("capture*.h5")) if Path(path).is_dir() else [Path(path)]
        if not own:
            raise UsageError(f"{path} holds no {FILE}: record one with --capture iq,csi,truth.")
        found += own
    return found
