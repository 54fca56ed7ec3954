"""Whether numba compiles the hot loops of air and waveform, and FFTW transforms. Without them plain numpy and scipy do
the same, slower."""

import importlib
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

numba: Any = None
pyfftw: Any = None
if os.environ.get("SEMNOMA_HIL_NO_NUMBA", "") in ("", "0"):
    with suppress(ImportError):
        import numba

if os.environ.get("SEMNOMA_HIL_NO_FFTW", "") in ("", "0"):
    with suppress(ImportError):
        pyfftw = importlib.import_module("pyfftw")

NUMBA = numba is not None
FFTW = pyfftw is not None

# Re-association and fused multiply-add are wanted; NaN and infinity must keep their meaning.
_FASTMATH = {"contract", "reassoc", "nsz", "arcp"}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` on first use, or return it unchanged where numba is absent."""
    if numba is None:
        return function
    return numba.njit(cache=True, fastmath=_FASTMATH, nogil=True, error_model="numpy")(function)


def compiled_exactly(function: Callable[..., Any]) -> Callable[..., Any]:
    """`compiled`, but rounding after every operation as plain numpy does: the same results bit for bit."""
    if numba is None:
        return function
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
