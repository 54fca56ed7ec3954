"""Pictures that are in memory, and the .npz that they may come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.images.pixels import downsize, fitted
from models.images.source import ImageSource, Picture


class ArrayImages(ImageSource):
    """uint8 [n, H, W, 3] in memory. The id is ``<set>-<index of five digits>``."""

    def __init__(self, set_name: str, images: NDArray[np.uint8], max_side_px: int) -> None:
        self._set_name = set_name
        self._images = images
        self._max_side_px = max_side_px

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Picture:
        pixels = self._images[index]
        height, width = pixels.shape[:2]
        position = index % len(self._images)
        return Picture(f"{self._set_name}-{position:05d}", downsize(pixels, self._max_side_px), (height, width))

    def sizes(self, indices: Sequence[int]) -> list[tuple[int, int]]:
        height, width = self._images.shape[1:3]
        return [fitted(height, width, self._max_side_px)] * len(indices)

    def check(self) -> None:
        """Nothing can be broken: the array was validated when it was opened."""


def read_npz(path: Path) -> NDArray[np.uint8]:
    """The array "images" of an .npz, uint8 [n, H, W, 3]. ModelError with one sentence for any other file."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            if "images" not in archive:
                raise ModelError(f"{path} has no array 'images', only {sorted(archive.files)}.")
            images = archive["images"]
    except ModelError:
        raise
    except Exception as error:  # zipfile, its unpackers and numpy raise a dozen unrelated types on broken files
        raise ModelError(f"{path} is not a readable .npz of plain arrays: {error}.") from error
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or images.size == 0:
        raise ModelError(f"{path}: 'images' must be uint8 [n, H, W, 3], but is {images.dtype} {list(images.shape)}.")
    return images
