"""Captures as data sets: what a session heard, estimated, and what was true, in one HDF5 file; numpy and torch loaders.

`Capture` and `open_capture` need h5py, `CaptureDataset` torch as well; each is imported when it is asked for.
"""

import importlib
from typing import Any

_ON_DEMAND = {
    "Capture": "hil.dataset.reader",
    "open_capture": "hil.dataset.reader",
    "CaptureDataset": "hil.dataset.torch_dataset",
}
__all__ = ["Capture", "CaptureDataset", "open_capture"]


def __getattr__(name: str) -> Any:
    if name in _ON_DEMAND:
        return getattr(importlib.import_module(_ON_DEMAND[name]), name)
    raise AttributeError(f"module 'hil.dataset' has no attribute {name!r}")
