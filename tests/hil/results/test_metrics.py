"""PSNR and SSIM against what they are by definition."""

import numpy as np
import pytest

from hil.results.metrics import PSNR_CAP_DB, psnr_db
from hil.results.ssim import ssim


def picture(height=40, width=50, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def test_psnr_of_a_known_error():
    a = np.full((8, 8, 3), 100, np.uint8)
    assert psnr_db(a, a + 1) == pytest.approx(20 * np.log10(255))
    assert psnr_db(a + 1, a) == psnr_db(a, a + 1)  # no wrap-around of unsigned differences
    assert psnr_db(np.zeros_like(a), np.full_like(a, 255)) == pytest.approx(0.0)


def test_identical_pictures_are_finite():
    assert psnr_db(picture(), picture()) == PSNR_CAP_DB
    assert ssim(picture(), picture()) == pytest.approx(1.0)


def test_ssim_against_scipy():
    from scipy.ndimage import gaussian_filter

    a, b = (picture(seed=seed)[..., :1].astype(np.float64) / 255 for seed in (0, 1))
    b = 0.6 * a + 0.4 * b
    b8 = np.rint(b * 255).astype(np.uint8)
    b = b8 / 255

    def blur(x):
        return gaussian_filter(x[..., 0], 1.5, mode="mirror", radius=5)

    ma, mb = blur(a), blur(b)
    va, vb, vab = blur(a * a) - ma**2, blur(b * b) - mb**2, blur(a * b) - ma * mb
    wanted = np.mean((2 * ma * mb + 1e-4) * (2 * vab + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4)))
    assert ssim(picture(seed=0)[..., :1], b8) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("side", [3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
def test_ssim_of_small_pictures(side):
    a = picture(side, 32)
    assert ssim(a, a) == pytest.approx(1.0)
    assert ssim(a, picture(side, 32, seed=1)) < 0.6


@pytest.mark.parametrize("shape", [(1, 1), (2, 40), (40, 2)])
def test_too_small_for_ssim(shape):
    assert ssim(picture(*shape), picture(*shape)) is None
    assert psnr_db(picture(*shape), picture(*shape)) == PSNR_CAP_DB


@pytest.mark.parametrize("measure", [psnr_db, ssim])
def test_other_shapes_are_refused(measure):
    with pytest.raises(ValueError, match="shapes"):
        measure(picture(20, 20), picture(20, 21))


@pytest.mark.parametrize("size", [(32, 32), (8, 40), (11, 11), (5, 9)])
def test_ssim_is_torchmetrics(size):
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure

    a = picture(*size)
    b = (0.7 * a + 0.3 * picture(*size, seed=1)).astype(np.uint8)
    window = min(11, min(size) - 1 + min(size) % 2)
    planes = [torch.from_numpy(one.transpose(2, 0, 1)[None] / 255.0) for one in (a, b)]
    sigma = 1.5 if window == 11 else (window - 1) / 7  # torchmetrics takes its window from sigma
    wanted = structural_similarity_index_measure(*planes, kernel_size=window, sigma=sigma, data_range=1.0)
    assert ssim(a, b) == pytest.approx(float(wanted), abs=1e-6)
