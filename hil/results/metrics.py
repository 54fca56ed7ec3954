"""How well a picture came through: PSNR and SSIM of two uint8 pictures [H, W, 3]."""

import math

import numpy as np
from scipy.ndimage import gaussian_filter

PSNR_CAP_DB = 100.0  # of identical pictures, whose PSNR would be infinite
_WINDOW_PIXELS = 11
_MIN_SIDE_PIXELS = 3
_C1, _C2 = 0.01**2, 0.03**2  # keep the quotient away from 0/0, for pictures of range 1


def psnr_db(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB, peak 255, all channels; at most 100. ValueError: shapes differ."""
    _check(a, b)
    mse = float(np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2))
    if mse == 0.0:
        return PSNR_CAP_DB
    return min(PSNR_CAP_DB, 10 * math.log10(255.0**2 / mse))


def ssim(a: np.ndarray, b: np.ndarray) -> float | None:
    """Structural similarity with the usual Gaussian window of 11 x 11 pixels, sigma 1.5.

    Where a side is shorter the window shrinks to the largest odd size that fits, and sigma with it; None for
    sides below 3 pixels. Raises ValueError when shapes differ.
    """
    _check(a, b)
    side = min(a.shape[0], a.shape[1])
    if side < _MIN_SIDE_PIXELS:
        return None
    window = min(_WINDOW_PIXELS, side if side % 2 else side - 1)
    value = _ssim(_planes(a), _planes(b), window)
    return value if math.isfinite(value) else None


def _ssim(a: np.ndarray, b: np.ndarray, window: int) -> float:
    """Of float64 [C, H, W] in [0, 1], mirrored at their edges (Wang et al. 2004, equation 13)."""
    sigma = 1.5 if window == _WINDOW_PIXELS else (window - 1) / 7

    def blurred(stack: np.ndarray) -> np.ndarray:
        return gaussian_filter(stack, sigma, radius=window // 2, mode="mirror", axes=(2, 3))

    mean_a, mean_b, square_a, square_b, product = blurred(np.stack([a, b, a * a, b * b, a * b]))
    common = mean_a * mean_b
    squares = mean_a**2 + mean_b**2
    variances = np.maximum(square_a - mean_a**2, 0) + np.maximum(square_b - mean_b**2, 0)
    likeness = (2 * common + _C1) * (2 * (product - common) + _C2) / ((squares + _C1) * (variances + _C2))
    return float(likeness.mean())


def _planes(picture: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] -> float64 [3, H, W] in [0, 1]."""
    return picture.transpose(2, 0, 1) / 255.0


def _check(a: np.ndarray, b: np.ndarray) -> None:
    if a.shape != b.shape:
        raise ValueError(f"pictures of different shapes: {a.shape} and {b.shape}")
