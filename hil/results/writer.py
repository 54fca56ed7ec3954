"""The record of a run: results.jsonl with one line per frame and user, pictures, diagnostics.

    out/results.jsonl                              one JSON object per line, never NaN or Infinity
    out/images/frame_000003_user0_original.png     the picture that was sent
    out/images/frame_000003_user0_received.png     what the receiver made of it
    out/diagnostics/frame_000003.npz               constellation, response, spectrum

A line is on disk only after its pictures and diagnostics are, so a run that dies at any moment can be resumed: at
worst the last line is torn, and is dropped.
"""

import fcntl
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from hil.results.diagnostics_file import diagnostics_path, npz
from hil.results.durable import write_together
from hil.results.png import png
from hil.results.rows import LINES, ResultRow, ResultsError, encode_row, explained, read_lines
from hil.yaml_text import yaml_values
from models.modality.base import Shown

CONFIG = "config.yaml"
FILES_AT_ONCE = 8
LOCK_WAIT_S = 40.0  # longer than a receiver that lost its supervisor takes to end
# What may change between a run and its resumption: where things listen, what computes, how long it goes on.
_MAY_DIFFER = ("bus.", "rx.record", "rx.capture", "rx.ideal", "guard.", "compute_device", "frames")


class ResultWriter:
    """Appends rows to a results folder. `done` holds (frame, user) of every recorded row.

    Raises ResultsError when the folder cannot be written, is written by another process (resuming waits LOCK_WAIT_S),
    holds results and resume is False, or holds results that were made with another configuration than `config` (JSON
    values; None: not compared).
    """

    def __init__(self, out: Path, resume: bool, config: Mapping[str, Any] | None = None) -> None:
        self.out = Path(out)
        self.done: set[tuple[int, int]] = set()
        self._flushers = ThreadPoolExecutor(FILES_AT_ONCE, thread_name_prefix="flush")
        path = self.out / LINES
        with explained(self.out):
            for folder in (self.out, self.out / "images", self.out / "diagnostics"):
                folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            self._lock(LOCK_WAIT_S if resume else 0.0)
            self._take_up(path, resume, config)
        except BaseException:
            self.close()
            raise

    def _lock(self, wait_s: float) -> None:
        """One writer a folder: a receiver whose supervisor was killed may still be writing its last lines."""
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ResultsError(
                        f"another run is writing to {self.out}; wait for its end or choose another --out."
                    ) from None
                time.sleep(0.1)
            except OSError:  # a file system without locks
                return

    def _take_up(self, path: Path, resume: bool, config: Mapping[str, Any] | None) -> None:
        """Go on behind the lines that are there; a torn last one is cut off."""
        with explained(self.out):
            rows, whole_bytes = read_lines(path)
            if rows and not resume:
                raise ResultsError(
                    f"{self.out} already holds {len(rows)} results; "
                    "--resume goes on with them, another --out leaves them."
                )
            if rows and config is not None:
                _same_run(self.out / CONFIG, config)
            self.done = {(row.frame, row.user) for row in rows}
            if os.fstat(self._file).st_size > whole_bytes:
                os.ftruncate(self._file, whole_bytes)

    def append(self, row: ResultRow, original: np.ndarray | None = None, received: np.ndarray | None = None) -> None:
        """Record one row, with its pictures (uint8 [H, W, 3]) when given; as `record`."""
        self.record([(row, {"original": original, "received": received})])

    def record(
        self,
        rows: Sequence[tuple[ResultRow, Mapping[str, np.ndarray | Shown | None]]],
        *diagnostics: tuple[int, Mapping[str, np.ndarray]],
    ) -> None:
        """Record rows, each with its pictures by name ("original", "received": uint8 [H, W, 3], `Shown` or None), whose
        paths are set in the rows; and diagnostics of frames, as `save_diagnostics` does.

        Everything is on disk when this returns. Raises ResultsError, also for a row that is recorded already.
        """
        files: dict[Path, bytes] = {}
        for row, pictures in rows:
            if (row.frame, row.user) in self.done:
                raise ResultsError(f"Frame {row.frame} of user {row.user} is already recorded in {self.out}.")
            row.original_image = self._picture(row, "original", pictures.get("original"), files)
            row.received_image = self._picture(row, "received", pictures.get("received"), files)
        for frame, arrays in diagnostics:
            files[diagnostics_path(self.out, frame)] = npz(arrays)
        with explained(self.out):
            write_together(files, self._flushers)
            if rows:
                self._lines(b"".join(encode_row(row) for row, _ in rows))
        self.done.update((row.frame, row.user) for row, _ in rows)

    def save_diagnostics(self, frame: int, **arrays: np.ndarray) -> None:
        """Store named arrays of one frame; an earlier file of the frame is replaced. Raises ResultsError."""
        self.record([], (frame, arrays))

    def close(self) -> None:
        """Release the file; may be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._flushers.shutdown()

    def _picture(
        self, row: ResultRow, kind: str, shown: np.ndarray | Shown | None, files: dict[Path, bytes]
    ) -> str | None:
        """Add a picture's file to `files`, or that which shows another item; its name."""
        if shown is None:
            return None
        suffix, content = (shown.suffix, shown.content) if isinstance(shown, Shown) else (".png", png(shown))
        name = f"images/frame_{row.frame:06d}_user{row.user}_{kind}{suffix}"
        files[self.out / name] = content
        return name

    def _lines(self, lines: bytes) -> None:
        """One write, so that a crash tears at most its end; a full disk leaves no half of it behind."""
        before = os.fstat(self._file).st_size
        try:
            if os.write(self._file, lines) < len(lines):
                raise OSError("the disk is full")
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, before)  # the caller hears that nothing is recorded: make it true
            raise


def _same_run(path: Path, config: Mapping[str, Any]) -> None:
    """Raises ResultsError that names the values in which the recorded configuration and this one differ."""
    if not path.exists():
        return
    try:
        recorded = _flat(yaml_values(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ResultsError(f"{path} cannot be read: this run cannot be resumed, choose another --out.") from None
    now = _flat(config)
    differ = [
        f"{name} (was {recorded.get(name)!r}, is {now.get(name)!r})"
        for name in sorted(recorded.keys() | now.keys())
        if _kind(recorded.get(name)) != _kind(now.get(name)) and not name.startswith(_MAY_DIFFER)
    ]
    if differ:
        raise ResultsError(f"{path.parent} was recorded with another configuration: {', '.join(differ)}.")


def _kind(value: Any) -> Any:
    """The value; of a simulated air only that it is one: its address decides nothing."""
    if isinstance(value, list | tuple):
        return [_kind(one) for one in value]
    return "sim" if isinstance(value, str) and value.startswith("sim:") else value


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """{"air": {"seed": 1}} -> {"air.seed": 1}."""
    if not isinstance(values, Mapping):
        return {prefix: values} if prefix else {}
    return {
        name: value
        for key, below in values.items()
        for name, value in _flat(below, f"{prefix}.{key}" if prefix else str(key)).items()
    }
