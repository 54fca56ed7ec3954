"""STOI by pystoi, where that is installed (extra audio)."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from models.audio.sound import RATE_HZ


def stoi(sent: NDArray[np.float32], received: NDArray[np.float32]) -> float | None:
    """Short-time objective intelligibility, 0 to 1 (Taal et al., IEEE Trans. ASLP 19(7), 2011), of float32 [n] at
    16 kHz; None without pystoi or where the sound is too short for it.
    """
    try:
        from pystoi import stoi as measure
    except ImportError:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it warns where fewer than 30 frames are left, and returns 1e-5
        try:
            return float(measure(sent, received, RATE_HZ))
        except (RuntimeWarning, ValueError, IndexError):
            return None
