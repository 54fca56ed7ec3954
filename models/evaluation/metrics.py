"""How well pictures came through: PSNR, SSIM and MS-SSIM of batches of 8-bit pictures."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)

PSNR_CAP_DB = 100.0
SSIM_LEAST_PX = 11
MS_SSIM_LEAST_PX = 176
_BATCH_PIXELS = 1 << 20


def psnr_db(originals: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> NDArray[np.float64]:
    """uint8 [n, H, W, 3] twice -> float64 [n], dB, peak 255, all channels; at most 100."""
    mse = np.square(originals.astype(np.float32) - decoded).mean(axis=(1, 2, 3), dtype=np.float64)
    return np.minimum(PSNR_CAP_DB, 10 * np.log10(255.0**2 / np.maximum(mse, 1e-20)))


def ssim(originals: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """Structural similarity, Gaussian window of 11 x 11, sigma 1.5: float64 [n]; None for sides below 11 pixels."""
    if min(originals.shape[1:3]) < SSIM_LEAST_PX:
        return None
    return _in_batches(structural_similarity_index_measure, originals, decoded)


def ms_ssim(originals: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """Multi-scale SSIM with its five scales (Wang et al. 2003): float64 [n]; None for sides below 176 pixels."""
    if min(originals.shape[1:3]) < MS_SSIM_LEAST_PX:
        return None
    return _in_batches(multiscale_structural_similarity_index_measure, originals, decoded)


def _in_batches(measure: object, originals: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> NDArray[np.float64]:
    assert callable(measure)
    step = max(1, _BATCH_PIXELS // (originals.shape[1] * originals.shape[2]))
    parts = []
    for start in range(0, len(originals), step):
        pair = (_planes(pictures[start : start + step]) for pictures in (decoded, originals))
        parts.append(measure(*pair, data_range=1.0, reduction="none").reshape(-1).double().numpy())
    return np.concatenate(parts)


def _planes(pictures: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).float() / 255
