"""Image quality: PSNR of two uint8 pictures [H, W, 3]."""

import math

import numpy as np

PSNR_CAP_DB = 100.0  # of identical pictures, whose PSNR would be infinite


def psnr_db(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB, peak 255, all channels; at most 100. ValueError: shapes differ."""
    check_shapes(a, b)
    mse = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    if mse == 0.0:
        return PSNR_CAP_DB
    return min(PSNR_CAP_DB, 10 * math.log10(255.0**2 / mse))


def check_shapes(a: np.ndarray, b: np.ndarray) -> None:
    """ValueError for pictures of different sizes."""
    if a.shape != b.shape:
        raise ValueError(f"pictures of different shapes: {a.shape} and {b.shape}")
