"""Freed memory stays with the process, so that the next burst's arrays need not be fetched from the kernel again.

glibc gives larger freed blocks back at once, or not, by thresholds that follow what happened to be freed before
(mallopt(3), "dynamic mmap threshold"); arrays of a burst lie just there. To touch fresh pages costs several times what
is then done with them: the transmitter makes 42 or 123 million samples a second for that reason alone.
"""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of mallopt
KEPT_BYTES = 1 << 26
LARGEST_BLOCK_BYTES = 1 << 25  # the most that glibc takes


def keep_freed_memory() -> bool:
    """Let the process keep up to KEPT_BYTES that it has freed; False where the C library is not glibc."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
        return bool(mallopt(_TRIM_THRESHOLD, KEPT_BYTES) and mallopt(_MMAP_THRESHOLD, LARGEST_BLOCK_BYTES))
    except (OSError, AttributeError, TypeError):
        return False
