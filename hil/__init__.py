"""Nodes, bus, experiments and the command line of semnoma-hil.

From Python: `hil.run(...)` and `hil.open_run(...)`, see `hil.scripting.run`.
"""

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

__version__ = "0.1.0"

_ROOT = Path(__file__).resolve().parent.parent


def _forget_working_directory() -> None:
    """`python -m hil` searches the working directory first: no folder of the user's may stand before ours."""
    being_located = sys.argv[:1] == ["-m"]
    if being_located and not sys.flags.safe_path and sys.path and Path(sys.path[0] or os.curdir).resolve() != _ROOT:
        del sys.path[0]


def _refuse_shadows() -> None:
    """ImportError where `radio`, `models` or `calibration` would come from elsewhere than beside `hil`."""
    for name in ("radio", "models", "calibration"):
        spec = importlib.util.find_spec(name)
        origin = spec.origin if spec else None
        if origin and Path(origin).resolve().parent != _ROOT / name:
            raise ImportError(f"{origin} hides the package {name} of semnoma-hil: rename it or start Python elsewhere")


# Imported when they are asked for: nodes start without them.
_ON_DEMAND = dict.fromkeys(("run", "open_run", "Run"), "hil.scripting.run")


def __getattr__(name: str) -> Any:
    if name in _ON_DEMAND:
        return getattr(importlib.import_module(_ON_DEMAND[name]), name)
    raise AttributeError(f"module 'hil' has no attribute {name!r}")


_forget_working_directory()
_refuse_shadows()
