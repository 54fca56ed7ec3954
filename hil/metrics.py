"""How well a picture came through: PSNR and SSIM of two uint8 pictures [H, W, 3]."""

import math

import numpy as np

PSNR_CAP_DB = 100.0  # of identical pictures, whose PSNR would be infinite
_WINDOW_PIXELS = 11
_MIN_SIDE_PIXELS = 3


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
    """float32 [1, C, H, W] in [0, 1]; torch is imported here because a transmitter does without it."""
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure

    result = structural_similarity_index_measure(
        torch.from_numpy(a),
        torch.from_numpy(b),
        kernel_size=window,
        # torchmetrics takes the window from sigma, int(3.5 sigma + 0.5) to each side: both must shrink
        sigma=1.5 if window == _WINDOW_PIXELS else (window - 1) / 7,
        data_range=1.0,
    )
    return float(result)  # type: ignore[arg-type]


def _planes(picture: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 3] -> float32 [1, 3, H, W] in [0, 1]."""
    return np.ascontiguousarray(picture.transpose(2, 0, 1)[None]).astype(np.float32) / 255


def _check(a: np.ndarray, b: np.ndarray) -> None:
    if a.shape != b.shape:
        raise ValueError(f"pictures of different shapes: {a.shape} and {b.shape}")
