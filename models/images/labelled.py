"""Pictures with the class of each: an .npz with ``labels``, or CIFAR-10's binary archive and batches."""

from __future__ import annotations

import io
import itertools
import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.errors import ModelError
from models.images.arrays import read_npz
from models.images.cifar import CIFAR_RECORD_BYTES, of_split, parse_cifar, read_cifar_archive
from models.images.files import MAX_PIXELS
from models.images.source import Split

CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
Labelled = tuple[NDArray[np.uint8], NDArray[np.int64]]


def open_labelled(path: str | Path, split: Split = "all") -> Labelled:
    """(pictures uint8 [n, H, W, 3], labels int64 [n]).

    An .npz holds ``images``, or ``jpeg_bytes`` with ``offsets`` (picture i is jpeg_bytes[offsets[i]:offsets[i+1]]),
    and ``labels``. ModelError when ``path`` is none of these, holds no labels, or not one for each picture.
    """
    path = Path(path)
    if not path.exists():
        raise ModelError(f"{path} does not exist: give an .npz with labels, or CIFAR-10's binary archive.")
    name = path.name.lower()
    if name.endswith(".npz"):
        pictures, labels = _from_npz(path)
    elif name.endswith((".tar.gz", ".tgz", ".tar", ".bin")) or path.is_dir():
        pictures, labels = _from_cifar(path, split)
    else:
        raise ModelError(f"{path} has no labels: allowed are .npz with labels and CIFAR-10's .tar.gz and .bin.")
    if labels.shape != (len(pictures),):
        raise ModelError(f"{path} holds {len(pictures)} pictures, but labels of the shape {list(labels.shape)}.")
    return pictures, labels.astype(np.int64)


def _from_npz(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.generic]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = set(archive.files)
            if "labels" not in names:
                raise ModelError(f"{path} has no array 'labels', only {sorted(names)}.")
            labels = archive["labels"]
            if not np.issubdtype(labels.dtype, np.integer):
                raise ModelError(f"{path}: 'labels' must be whole numbers, but is {labels.dtype}.")
            if "images" in names:
                return read_npz(path), labels
            content, offsets = archive["jpeg_bytes"].tobytes(), archive["offsets"]
            if offsets.ndim != 1 or not np.issubdtype(offsets.dtype, np.integer):
                raise ModelError(
                    f"{path}: 'offsets' must be whole numbers [n + 1], but is {offsets.dtype} {list(offsets.shape)}."
                )
    except ModelError:
        raise
    except Exception as error:  # zipfile, its unpackers and numpy raise a dozen unrelated types on broken files.
        raise ModelError(f"{path} is not a readable .npz of pictures with labels: {error}.") from error
    try:
        parts = [content[start:stop] for start, stop in itertools.pairwise(offsets)]
        return np.stack([_pixels(part) for part in parts]), labels
    except Exception as error:  # Pillow's decoders raise a dozen unrelated types on broken files.
        raise ModelError(f"{path} holds a JPEG picture that cannot be read: {error}.") from error


def _pixels(content: bytes) -> NDArray[np.uint8]:
    """uint8 [H, W, 3] of an encoded picture; ValueError for one that would fill the memory."""
    with Image.open(io.BytesIO(content)) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"it has {image.width}x{image.height} pixels, more than the {MAX_PIXELS} allowed")
        return np.asarray(image.convert("RGB"))


def _from_cifar(path: Path, split: Split) -> tuple[NDArray[np.uint8], NDArray[np.generic]]:
    """Every record's first byte is its label."""
    if path.is_dir() or path.suffix == ".bin":
        batches = [path] if path.is_file() else of_split(sorted(path.glob("*_batch*.bin")), split, path)
        if not batches:
            raise ModelError(f"{path} holds no CIFAR-10 *_batch*.bin files.")
        pictures = np.concatenate([parse_cifar(batch.read_bytes(), str(batch)) for batch in batches])
        records = np.concatenate([np.frombuffer(batch.read_bytes(), np.uint8) for batch in batches])
        return pictures, records.reshape(-1, CIFAR_RECORD_BYTES)[:, 0]
    pictures = read_cifar_archive(path, split)  # Refuses whatever is not the binary archive.
    with tarfile.open(path) as archive:
        members = {Path(member.name): member for member in archive.getmembers() if member.name.endswith(".bin")}
        wanted = of_split(sorted(members, key=lambda found: found.name), split, path)
        contents = [archive.extractfile(members[found]).read() for found in wanted]  # type: ignore[union-attr]
    records = np.frombuffer(b"".join(contents), np.uint8).reshape(-1, CIFAR_RECORD_BYTES)
    return pictures, records[:, 0]
