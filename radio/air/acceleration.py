"""Whether numba compiles the air's hot loops. Without it plain numpy does the same, slower."""

import os
from collections.abc import Callable
from typing import Any

try:
    if os.environ.get("SEMNOMA_HIL_NO_NUMBA", "") not in ("", "0"):
        raise ImportError("switched off by SEMNOMA_HIL_NO_NUMBA")
    import numba
except ImportError:
    numba = None

NUMBA = numba is not None

# Re-association and fused multiply-add are wanted; NaN and infinity must keep their meaning.
_FASTMATH = {"contract", "reassoc", "nsz", "arcp"}


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` on first use, or return it unchanged where numba is absent."""
    if numba is None:
        return function
    return numba.njit(cache=True, fastmath=_FASTMATH, nogil=True, error_model="numpy")(function)
