"""Image quality: SSIM of two uint8 pictures [H, W, 3]. It needs torch, which who only reads results does not."""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hil.results.metrics import check_shapes

_WINDOW_PIXELS = 11
_MIN_SIDE_PIXELS = 3
_C1, _C2 = 0.01**2, 0.03**2  # keep the quotient away from 0/0, for pictures of range 1


def ssim(a: np.ndarray, b: np.ndarray) -> float | None:
    """Structural similarity with the usual Gaussian window of 11 x 11 pixels, sigma 1.5.

    Where a side is shorter the window shrinks to the largest odd size that fits, and sigma with it; None for
    sides below 3 pixels. Raises ValueError when shapes differ.
    """
    check_shapes(a, b)
    side = min(a.shape[0], a.shape[1])
    if side < _MIN_SIDE_PIXELS:
        return None
    window = min(_WINDOW_PIXELS, side if side % 2 else side - 1)
    value = _ssim(_planes(a), _planes(b), window)
    return value if math.isfinite(value) else None


@torch.inference_mode()
def _ssim(a: Tensor, b: Tensor, window: int) -> float:
    """Of float32 [C, H, W] in [0, 1], mirrored at their edges (Wang et al. 2004, equation 13)."""
    sigma = 1.5 if window == _WINDOW_PIXELS else (window - 1) / 7
    stack = torch.cat([a, b, a * a, b * b, a * b])
    mean_a, mean_b, square_a, square_b, product = _blurred(stack, window, sigma).chunk(5)
    common = mean_a * mean_b
    squares = mean_a**2 + mean_b**2
    variances = (square_a - mean_a**2) + (square_b - mean_b**2)
    likeness = (2 * common + _C1) * (2 * (product - common) + _C2) / ((squares + _C1) * (variances + _C2))
    return float(likeness.double().mean())


def _blurred(stack: Tensor, window: int, sigma: float) -> Tensor:
    """A Gaussian along rows, then columns, of every plane of float32 [N, H, W]; scipy.ndimage takes thrice as long."""
    planes, radius = len(stack), window // 2
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    taps = (taps / taps.sum()).expand(planes, 1, 1, window)
    padded = functional.pad(stack[None], (radius,) * 4, mode="reflect")
    along_rows = functional.conv2d(padded, taps, groups=planes)
    return functional.conv2d(along_rows, taps.transpose(2, 3), groups=planes)[0]


def _planes(picture: np.ndarray) -> Tensor:
    """uint8 [H, W, 3] -> float32 [3, H, W] in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))).float() / 255
