"""The arrays of one frame, `diagnostics/frame_000003.npz` of a results folder."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hil.results.rows import ResultsError, explained


def load_diagnostics(out: Path, frame: int) -> dict[str, np.ndarray] | None:
    """The arrays of one frame by name, or None when there are none. Raises ResultsError for a broken file."""
    path = diagnostics_path(Path(out), frame)
    if not path.exists():
        return None
    with explained(path):
        try:
            with np.load(path, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files}
        except Exception as error:  # zipfile and numpy raise a dozen unrelated types on broken files
            raise ResultsError(f"{path} is no diagnostics file: {error}") from error


def diagnostics_path(out: Path, frame: int) -> Path:
    return out / "diagnostics" / f"frame_{frame:06d}.npz"


def npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    """What ``np.savez`` writes: noisy floats hardly shrink, and packing them takes ten times as long."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{name: np.asarray(values) for name, values in arrays.items()})
    return buffer.getvalue()
