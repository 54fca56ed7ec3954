"""Training crops: every picture is held in memory as uint8, at several scales, and cropped afresh each
step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.images import open_images
from models.images.pixels import downsize

SCALE_STEP = 0.72


class CropPool:
    """Random square crops from several image sources, each with a weight.

    Pictures larger than the crop are also kept at smaller scales (each 0.72 of the last, down to the crop's
    size), so that a crop shows anything from a detail to the whole scene. A source is ``"PATH"`` or
    ``"PATH=WEIGHT"``. Raises ModelError when a source holds no picture of at least ``crop_px`` on both
    sides.
    """

    def __init__(self, sources: Sequence[str], smallest_px: int = 32) -> None:
        self.descriptions: list[str] = []
        self._pools: list[list[list[NDArray[np.uint8]]]] = []
        weights: list[float] = []
        for source in sources:
            path, weight = split_weight(source)
            pyramids = [_pyramid(picture.pixels, smallest_px) for picture in open_images(path, split="train")]
            pyramids = [pyramid for pyramid in pyramids if pyramid]
            if not pyramids:
                raise ModelError(f"{path} holds no picture of at least {smallest_px}x{smallest_px} pixels to train on.")
            self._pools.append(pyramids)
            weights.append(weight)
            self.descriptions.append(f"{len(pyramids)} pictures, weight {weight:g}")
        self.weight = float(np.sum(weights))
        self._shares = np.array(weights) / self.weight

    def fitting(self, crop_px: int) -> int:
        """``crop_px``, or less where even the largest pictures are smaller."""
        return min(crop_px, max(min(pyramid[0].shape[:2]) for pool in self._pools for pyramid in pool))

    def draw(self, rng: np.random.Generator, count: int, crop_px: int) -> NDArray[np.uint8]:
        """uint8 [count, crop_px, crop_px, 3]: random source by weight, picture, scale, place and mirror
        image.
        """
        crops = np.empty((count, crop_px, crop_px, 3), np.uint8)
        for row, pool in enumerate(rng.choice(len(self._pools), size=count, p=self._shares)):
            crops[row] = self._crop(self._pools[pool], rng, crop_px)
        return crops

    def _crop(self, pool: list[list[NDArray[np.uint8]]], rng: np.random.Generator, crop_px: int) -> NDArray[np.uint8]:
        pyramid = pool[rng.integers(len(pool))]
        fitting = [level for level in pyramid if min(level.shape[:2]) >= crop_px]
        if fitting:
            level = fitting[rng.integers(len(fitting))]
        else:  # A picture smaller than this crop: continue it by reflection, as a tile of itself.
            missing = [max(0, crop_px - side) for side in pyramid[0].shape[:2]]
            level = np.pad(pyramid[0], ((0, missing[0]), (0, missing[1]), (0, 0)), mode="symmetric")
        top = rng.integers(level.shape[0] - crop_px + 1)
        left = rng.integers(level.shape[1] - crop_px + 1)
        crop = level[top : top + crop_px, left : left + crop_px]
        return crop[:, ::-1] if rng.random() < 0.5 else crop


def split_weight(source: str) -> tuple[str, float]:
    """``"PATH=WEIGHT"`` -> (PATH, WEIGHT); the weight is 1 when it is not given. ModelError unless it is
    positive.
    """
    path, mark, text = source.rpartition("=")
    if not mark:
        return source, 1.0
    try:
        weight = float(text)
    except ValueError:
        return source, 1.0
    if not 0 < weight < float("inf"):
        raise ModelError(f"the weight of image source {path} must be positive and finite, but is {text}.")
    return path, weight


def _pyramid(pixels: NDArray[np.uint8], smallest_px: int) -> list[NDArray[np.uint8]]:
    """The picture and its reductions, largest first, as long as both sides hold a crop."""
    levels: list[NDArray[np.uint8]] = []
    longer = max(pixels.shape[:2])
    level = pixels
    while min(level.shape[:2]) >= smallest_px:
        levels.append(np.ascontiguousarray(level))
        longer = int(longer * SCALE_STEP)
        level = downsize(pixels, longer)
    return levels
