"""Slots of one or several captures as items of equal shapes, in numpy: what `CaptureDataset` makes tensors of."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hil.dataset.layout import FIELDS, Field
from hil.dataset.reader import Capture, capture_files
from hil.errors import UsageError
from models.suggestion import did_you_mean

Where = Callable[[Mapping[str, np.ndarray]], bool]
TEXTS = ("slots/facts", "truth/image_id")
PICTURES = "truth/pictures"


class CaptureItems(Sequence[dict[str, np.ndarray]]):
    """A sequence of dictionaries, one per slot, by field name.

    paths: a capture, a run's folder, or several; they must have the same numbers of users, antennas, subcarriers and
    samples of a slot where these fields are asked for. fields: names, all but texts by default. frames_only: slots with
    pictures; False: soundings too. where: is given the slot's numbers by name (scalars, and arrays [users]) and says
    whether it is taken.

    Ragged fields are padded with zeros to the longest, [users, longest], beside NAME_count, int64 [users]; pictures are
    uint8 [users, H, W, 3]. Files are opened by whoever reads first, in every process anew. Raises UsageError.
    """

    def __init__(
        self,
        paths: Path | str | list[Path | str] | tuple[Path | str, ...],
        fields: Sequence[str] | None = None,
        *,
        frames_only: bool = True,
        where: Where | None = None,
    ) -> None:
        self.files = capture_files(paths)
        self._opened: dict[Path, Capture] = {}
        self._process = -1
        self._fields, self.places = self._chosen(fields), self._rows(frames_only, where)
        self._longest = self._lengths()
        self._check()

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        path, row = self.places[place]
        capture, item = self._capture(path), {}
        for field in self._fields:
            if field.name == PICTURES:
                item[field.name] = self._pictures(capture, row)
            elif field.ragged:
                item |= self._padded(capture, field, row)
            else:
                item[field.name] = capture.entry(field.name, row)
        return item

    def __getstate__(self) -> dict[str, Any]:
        """Without open files, which do not go into another process."""
        return self.__dict__ | {"_opened": {}, "_process": -1}

    def _capture(self, path: Path) -> Capture:
        if self._process != os.getpid():  # forked: the parent's files are not ours to read
            self._opened, self._process = {}, os.getpid()
        if path not in self._opened:
            self._opened[path] = Capture(path)
        return self._opened[path]

    def _chosen(self, names: Sequence[str] | None) -> tuple[Field, ...]:
        there = [set(self._capture(path).fields) for path in self.files]
        common = [field for field in FIELDS if all(field in fields for fields in there)]
        if names is None:
            return tuple(field for field in common if field.name not in TEXTS)
        known = {field.name: field for field in common}
        for name in names:
            if name in TEXTS:
                raise UsageError(f"{name} is text, which is no array: read it with open_capture().")
            if name not in known:
                raise UsageError(f"{self.files[0]} has no field {name}{did_you_mean(name, list(known))}.")
        return tuple(known[name] for name in names)

    def _rows(self, frames_only: bool, where: Where | None) -> list[tuple[Path, int]]:
        """Which rows of which files are items."""
        found = []
        for path in self.files:
            capture = self._capture(path)
            plain = [one.name for one in capture.fields if not one.ragged and one.shape in ((), ("users",))]
            columns = {name: capture.column(name) for name in (plain if where else ["slots/frame"])}
            for row in range(len(capture)):
                numbers = {name: values[row] for name, values in columns.items()}
                if (not frames_only or numbers["slots/frame"] >= 0) and (where is None or where(numbers)):
                    found.append((path, row))
        return found

    def _lengths(self) -> dict[str, tuple[int, ...]]:
        """The longest part of each ragged field over all items; of pictures height and width."""
        found: dict[str, tuple[int, ...]] = {}
        for path in {path for path, _ in self.places}:
            capture, rows = self._capture(path), [row for own, row in self.places if own == path]
            for field in self._fields:
                if field.name == PICTURES:
                    sides = [capture.column(name)[rows] for name in ("truth/height", "truth/width")]
                    sizes = tuple(max(int(side.max()), 0) for side in sides)
                elif field.ragged:
                    sizes = (int(capture.column(f"{field.name}_count")[rows].max()),)
                else:
                    continue
                found[field.name] = tuple(map(max, zip(sizes, found.get(field.name, sizes), strict=True)))
        return found

    def _check(self) -> None:
        """That items of several files have one shape."""
        for name in ("users", "antennas", "slot_samples"):
            values = {path: getattr(self._capture(path), name) for path in self.files}
            fields = [field for field in self._fields if {"slot_samples": "samples"}.get(name, name) in field.shape]
            if fields and len(set(values.values())) > 1:
                said = ", ".join(f"{path} {value}" for path, value in values.items())
                raise UsageError(f"captures whose {name} differ do not make one data set ({said}): load them apart.")

    def _padded(self, capture: Capture, field: Field, row: int) -> dict[str, np.ndarray]:
        longest = self._longest[field.name][0]
        values = np.zeros((capture.users, longest), field.dtype)
        counts = np.zeros(capture.users, np.int64)
        for user in range(capture.users):
            part = capture.part(field.name, row, user)
            values[user, : part.size], counts[user] = part, part.size
        return {field.name: values, f"{field.name}_count": counts}

    def _pictures(self, capture: Capture, row: int) -> np.ndarray:
        height, width = self._longest[PICTURES]
        pixels = np.zeros((capture.users, height, width, 3), np.uint8)
        for user in range(capture.users):
            picture = capture.picture(row, user)
            if picture is not None:
                pixels[user, : picture.shape[0], : picture.shape[1]] = picture
        return pixels
