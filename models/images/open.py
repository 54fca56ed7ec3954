"""Pictures from wherever they are, always as uint8 RGB [H, W, 3]: folders, single files, CIFAR-10, .npz,
the demo set.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np

from models.errors import ModelError
from models.images.arrays import ArrayImages, read_npz
from models.images.cifar import of_split, parse_cifar, read_cifar_archive
from models.images.files import IMAGE_SUFFIXES, FileImages
from models.images.source import ImageSource, Split

DEFAULT_MAX_SIDE_PX = 1024


def open_images(path: str | Path, max_side_px: int = DEFAULT_MAX_SIDE_PX, split: Split = "all") -> ImageSource:
    """Open a folder, an image file, a CIFAR-10 binary archive or batch, an .npz with ``images``, or
    ``"demo"``.

    Pictures whose longer side exceeds ``max_side_px`` are downsized to it. split: which batches of a CIFAR-10
    archive or folder, which keeps training and test apart; other sources have no split and are whole.
    Raises ModelError when there is nothing to read at ``path`` or its form is not one of these.
    """
    if max_side_px < 1:
        raise ModelError(f"max_side_px must be at least 1, but is {max_side_px}.")
    if str(path) == "demo":
        return _open_folder(Path(str(files("models") / "demo_images")), max_side_px)
    path = Path(path)
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except OSError as error:  # a name too long, a folder that may not be entered
        raise ModelError(f"{str(path)[:200]} cannot be looked at: {error.strerror}.") from None
    if is_folder:
        return _open_folder(path, max_side_px, split)
    if not exists:
        raise ModelError(f"{path} does not exist: give a folder, an image, a CIFAR-10 archive, an .npz or 'demo'.")
    name = path.name.lower()
    if name.endswith(".npz"):
        return ArrayImages(path.stem, read_npz(path), max_side_px)
    if name.endswith((".tar.gz", ".tgz", ".tar")):
        return ArrayImages("cifar10", read_cifar_archive(path, split), max_side_px)
    if name.endswith(".bin"):
        return ArrayImages(path.stem, parse_cifar(path.read_bytes(), str(path)), max_side_px)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return FileImages([path], max_side_px)
    if name.startswith(("data_batch", "test_batch")):
        raise ModelError(
            f"{path} is a pickled CIFAR-10 batch, which is never unpickled here: use cifar-10-binary.tar.gz."
        )
    raise ModelError(
        f"{path} is no image source: allowed are folders, {', '.join(IMAGE_SUFFIXES)}, .bin, .tar.gz, .npz."
    )


def _open_folder(folder: Path, max_side_px: int, split: Split = "all") -> ImageSource:
    found = (
        [entry for entry in folder.iterdir() if entry.is_file() and entry.suffix.lower() in IMAGE_SUFFIXES]
        if folder.is_dir()
        else []
    )
    if found:
        return FileImages(sorted(found, key=lambda entry: entry.name), max_side_px)
    batches = of_split(sorted(folder.glob("*_batch*.bin")), split, folder)
    if batches:
        return ArrayImages(
            "cifar10", np.concatenate([parse_cifar(b.read_bytes(), str(b)) for b in batches]), max_side_px
        )
    raise ModelError(
        f"{folder} holds no image: allowed are {', '.join(IMAGE_SUFFIXES)} or CIFAR-10 *_batch*.bin files."
    )
