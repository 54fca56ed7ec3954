"""Runs from Python and notebooks: `hil.run(...)` and `hil.open_run(...)`; nodes are processes, as for `loopback`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from PIL import Image
from rich.console import Console

from hil.config import RunConfig, load_config
from hil.errors import UsageError
from hil.results.diagnostics_file import load_diagnostics
from hil.results.rows import ResultRow, ResultsError, read_rows
from hil.supervise.loopback import run_loopback


@dataclass(frozen=True)
class Run:
    """A finished or interrupted run in its folder. Reads what is there whenever it is asked."""

    folder: Path

    @property
    def config(self) -> RunConfig:
        """Every value that decided the run. Raises UsageError where the folder holds none."""
        return load_config(self.folder / "config.yaml")

    @property
    def summary(self) -> dict[str, Any]:
        """What summary.json holds: means, counts, per_user, missing. Raises ResultsError where there is none."""
        path = self.folder / "summary.json"
        try:
            found: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.MsgspecError) as error:
            raise ResultsError(f"{path} cannot be read: {error}.") from None
        return found

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per user and picture, by frame and user; its names are those of `ResultRow`."""
        return [msgspec.to_builtins(row) for row in self._rows()]

    def frame(self) -> Any:
        """The rows as a pandas DataFrame, or a pyarrow Table where only pyarrow is installed; UsageError without both.

        Columns are the plain values of `rows`; latency_ms, events, seeds and loops become columns such as
        latency_ms.decode.
        """
        flat = [_flat(row) for row in self.rows]
        names = list(dict.fromkeys(name for row in flat for name in row))
        columns = {name: [row.get(name) for row in flat] for name in names}
        try:
            import pandas

            return pandas.DataFrame(columns)
        except ImportError:
            pass
        try:
            import pyarrow
        except ImportError:
            raise UsageError("frame() needs pandas or pyarrow: pip install one; .rows needs neither.") from None
        return pyarrow.table(columns)

    def pictures(self, kind: Literal["received", "original"] = "received") -> dict[tuple[int, int], np.ndarray]:
        """(frame, user) -> uint8 [H, W, 3] of every picture that is there; received ones are refined where rows say so.

        Raises UsageError for another kind.
        """
        if kind not in ("received", "original"):
            raise UsageError(f"pictures({kind!r}): kinds are 'received' and 'original'.")
        found = {}
        for row in self._rows():
            name = getattr(row, f"{kind}_image")
            if row.modality == "picture" and name and (self.folder / name).is_file():
                with Image.open(self.folder / name) as picture:
                    found[row.frame, row.user] = np.asarray(picture.convert("RGB"))
        return found

    def channel(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """(estimates complex64 [users, subcarriers], NaN for users not received; offsets from the carrier in Hz).

        Raises ResultsError for a frame without diagnostics.
        """
        arrays = load_diagnostics(self.folder, frame)
        if arrays is None or "response" not in arrays:
            raise ResultsError(f"{self.folder} holds no channel estimates of frame {frame}.")
        return arrays["response"], arrays["response_hz"]

    def _rows(self) -> list[ResultRow]:
        return sorted(read_rows(self.folder), key=lambda row: (row.frame, row.user))


def run(
    config: RunConfig | Mapping[str, Any] | str | Path | None = None,
    out: str | Path = "run",
    *,
    settings: Mapping[str, Any] | None = None,
    resume: bool = False,
    report: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Run:
    """One run with all its nodes on this machine; returns when it is over.

    config: a configuration, options by dotted name ({"snr_db": "5dB", "air.clock_ppm": 20}), a YAML file or the name of
    a packaged one. settings: options laid over it. on_progress hears (images recorded, images in all).
    Raises UsageError or ModelError for input, HilError when a node died; what was recorded stays in `out`.
    """
    chosen = _config(config, dict(settings or {}))
    total, seen = chosen.users * chosen.frames, -1

    def tell(_monotonic_s: float, images: int) -> None:
        nonlocal seen
        if on_progress is not None and images != seen:
            seen = images
            on_progress(images, total)

    folder = Path(out)
    run_loopback(
        chosen, folder, resume=resume, console=Console(stderr=True, quiet=True), on_progress=tell, report=report
    )
    tell(0.0, len(read_rows(folder)))
    return Run(folder)


def open_run(folder: str | Path) -> Run:
    """A run that is in its folder already. Raises ResultsError where there is none."""
    path = Path(folder)
    if not (path / "results.jsonl").is_file():
        raise ResultsError(f"{path} holds no run: no results.jsonl.")
    return Run(path)


def _config(config: RunConfig | Mapping[str, Any] | str | Path | None, settings: dict[str, Any]) -> RunConfig:
    if isinstance(config, RunConfig):
        if not settings:
            return config
        raise UsageError("settings go over options or a file; a RunConfig is complete (use its model_copy).")
    if isinstance(config, str | Path):
        return load_config(Path(config), settings)
    return load_config(None, {**(config or {}), **settings})


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": one for key, one in value.items()}
        else:
            flat[name] = value
    return flat
