"""Image files, each decoded when it is asked for."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError, features

from models.errors import ModelError
from models.images.pixels import downsize, fitted, to_rgb
from models.images.source import ImageSource, Picture

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", *((".avif",) if features.check("avif") else ()))
MAX_PIXELS = 100_000_000


class FileImages(ImageSource):
    """Image files, each decoded when it is asked for. The id is the file's name."""

    def __init__(self, paths: Sequence[Path], max_side_px: int) -> None:
        self._paths = list(paths)
        self._max_side_px = max_side_px

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Picture:
        path = self._paths[index]
        with _Sentences(path), Image.open(path) as image:
            _refuse_bomb(path, image.size)
            image.load()
            upright = ImageOps.exif_transpose(image)
            original_size = (upright.height, upright.width)
            rgb = to_rgb(upright)
        return Picture(path.name, downsize(rgb, self._max_side_px), original_size)

    def sizes(self, indices: Sequence[int]) -> list[tuple[int, int]]:
        return [self._size(self._paths[index]) for index in indices]

    def _size(self, path: Path) -> tuple[int, int]:
        with _Sentences(path), Image.open(path) as image:
            _refuse_bomb(path, image.size)
            width, height = image.size
            if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):  # Orientations that swap the sides.
                width, height = height, width
        return fitted(height, width, self._max_side_px)


class _Sentences:
    """Turns what decoders raise on a bad file into one ModelError naming it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._warnings = warnings.catch_warnings()

    def __enter__(self) -> None:
        self._warnings.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._warnings.__exit__(None, None, None)
        if isinstance(error, ModelError) or error is None:
            return
        if isinstance(error, Image.DecompressionBombError):
            raise ModelError(f"{self._path} is larger than the {MAX_PIXELS} pixels allowed.") from error
        if isinstance(error, UnidentifiedImageError):
            raise ModelError(f"{self._path} is not an image: no decoder recognises its content.") from error
        if isinstance(error, FileNotFoundError):
            raise ModelError(f"{self._path} does not exist any more.") from error
        if isinstance(error, Exception):  # Pillow's decoders raise a dozen unrelated types on broken files.
            raise ModelError(f"{self._path} is a corrupt or truncated image: {error}.") from error


def _refuse_bomb(path: Path, size: tuple[int, int]) -> None:
    if size[0] * size[1] > MAX_PIXELS:
        raise ModelError(f"{path} has {size[0]}x{size[1]} pixels, more than the {MAX_PIXELS} allowed.")
