"""Perceptual figures, each loaded only when asked for: st-lpips, LPIPS and FID."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.errors import ModelError
from models.evaluation.class_accuracy import CLASS_ACCURACY
from models.evaluation.st_lpips import LEAST_PX, ShiftTolerantLpips

Pairs = Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
Measure = Callable[[Pairs], float | None]
_BATCH_PIXELS = 1 << 18


def load_measure(name: str) -> Measure:
    """A function of (originals, decoded) uint8 [n, H, W, 3] groups; None where a picture is too small.

    st-lpips and lpips: mean distance; fid: Frechet distance of the two sets. ModelError on another name, or when
    packages or weights are missing and cannot be fetched.
    """
    if name not in MEASURES:
        raise ModelError(f"metric {name!r} is not known; known are {', '.join([*MEASURES, CLASS_ACCURACY])}.")
    return MEASURES[name]()


def _st_lpips() -> Measure:
    return _mean_distance(ShiftTolerantLpips.load().distance, LEAST_PX)


def _lpips() -> Measure:
    def build() -> Any:
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

        return LearnedPerceptualImagePatchSimilarity(net_type="alex", reduction="none", normalize=True)

    network = _fetched(build, "lpips", "torchvision")
    return _mean_distance(lambda a, b: network(a, b).detach(), 32)


def _fid() -> Measure:
    def build() -> Any:
        from torchmetrics.image.fid import FrechetInceptionDistance

        return FrechetInceptionDistance(feature=2048, normalize=True)

    network = _fetched(build, "fid", "torch-fidelity")

    def measure(pairs: Pairs) -> float | None:
        network.reset()
        for originals, decoded in pairs:
            for start, stop in _batches(originals):
                network.update(_planes(originals[start:stop]), real=True)
                network.update(_planes(decoded[start:stop]), real=False)
        return float(network.compute())

    return measure


MEASURES: dict[str, Callable[[], Measure]] = {"st-lpips": _st_lpips, "lpips": _lpips, "fid": _fid}


def _fetched(build: Callable[[], Any], name: str, package: str) -> Any:
    """torchmetrics' own loading, which downloads the weights at the first use."""
    try:
        return build().eval()
    except (ImportError, ModuleNotFoundError) as error:
        raise ModelError(f"metric {name} needs the package {package}: pip install {package}.") from error
    except Exception as error:  # Downloads fail in as many ways as there are networks.
        raise ModelError(
            f"the weights of metric {name} cannot be fetched ({type(error).__name__}): let this machine reach the "
            f"network once, or copy the download cache of one that can; st-lpips needs no download."
        ) from error


def _mean_distance(distance: Callable[[Tensor, Tensor], Tensor], least_px: int) -> Measure:
    def measure(pairs: Pairs) -> float | None:
        if any(min(originals.shape[1:3]) < least_px for originals, _ in pairs):
            return None
        values = [
            distance(_planes(decoded[start:stop]), _planes(originals[start:stop])).reshape(-1)
            for originals, decoded in pairs
            for start, stop in _batches(originals)
        ]
        return float(torch.cat(values).mean())

    return measure


def _batches(pictures: NDArray[np.uint8]) -> list[tuple[int, int]]:
    step = max(1, _BATCH_PIXELS // (pictures.shape[1] * pictures.shape[2]))
    return [(start, start + step) for start in range(0, len(pictures), step)]


def _planes(pictures: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).float() / 255
