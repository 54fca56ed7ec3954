"""Recordings: `SigmfWriter` writes SigMF, `SigmfReader` reads anybody's; `open_recording` also reads HDF5 captures."""

from pathlib import Path

from radio.recording.hdf5 import Hdf5Reader, is_hdf5
from radio.recording.reader import Capture, SigmfReader
from radio.recording.writer import SigmfWriter

__all__ = ["Capture", "Hdf5Reader", "SigmfReader", "SigmfWriter", "open_recording"]


def open_recording(path: Path | str) -> SigmfReader | Hdf5Reader:
    """A SigMF recording, a raw file, or an HDF5 capture by its name's ending. Raises ConfigurationError."""
    return Hdf5Reader(path) if is_hdf5(path) else SigmfReader(path)
