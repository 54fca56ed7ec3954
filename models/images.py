"""Pictures from wherever they are, always as uint8 RGB [H, W, 3]: folders, single files, CIFAR-10, .npz,
the demo set.
"""

from __future__ import annotations

import io
import tarfile
import warnings
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from models.errors import ModelError

Split = Literal["all", "train", "test"]
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
DEFAULT_MAX_SIDE_PX = 1024
MAX_PIXELS = 100_000_000
CIFAR_RECORD_BYTES = 1 + 3 * 32 * 32
CIFAR_RECORDS_PER_FILE = 10_000


@dataclass(frozen=True)
class Picture:
    """pixels: uint8 [H, W, 3], RGB; original_size: (height, width) in the file, before any downsizing."""

    image_id: str
    pixels: NDArray[np.uint8]
    original_size: tuple[int, int]


class ImageSource(ABC):
    """A fixed, ordered set of pictures; the order and the ids are the same on every machine."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Picture:
        """Picture ``index``; IndexError outside the range, ModelError naming the file when it cannot be
        read.
        """

    @abstractmethod
    def sizes(self, indices: Sequence[int]) -> list[tuple[int, int]]:
        """(height, width) that ``self[i].pixels`` will have, without decoding pixels where that is
        possible.
        """

    def check(self) -> None:
        """Read every picture once; ModelError naming the first that is broken."""
        for index in range(len(self)):
            self[index]

    def __iter__(self) -> Iterator[Picture]:
        return (self[index] for index in range(len(self)))


def open_images(path: str | Path, max_side_px: int = DEFAULT_MAX_SIDE_PX, split: Split = "all") -> ImageSource:
    """Open a folder, an image file, a CIFAR-10 binary archive or batch, an .npz with ``images``, or
    ``"demo"``.

    Pictures whose longer side exceeds ``max_side_px`` are downsized to it. split: which batches of a CIFAR-10
    archive or folder, so that nobody measures on what was trained on; other sources have no split and are whole.
    Raises ModelError when there is nothing to read at ``path`` or its form is not one of these.
    """
    if max_side_px < 1:
        raise ModelError(f"max_side_px must be at least 1, but is {max_side_px}.")
    if str(path) == "demo":
        return _open_folder(Path(str(files("models") / "demo_images")), max_side_px)
    path = Path(path)
    if path.is_dir():
        return _open_folder(path, max_side_px, split)
    if not path.exists():
        raise ModelError(f"{path} does not exist: give a folder, an image, a CIFAR-10 archive, an .npz or 'demo'.")
    name = path.name.lower()
    if name.endswith(".npz"):
        return ArrayImages(path.stem, _read_npz(path), max_side_px)
    if name.endswith((".tar.gz", ".tgz", ".tar")):
        return ArrayImages("cifar10", _read_cifar_archive(path, split), max_side_px)
    if name.endswith(".bin"):
        return ArrayImages(path.stem, _parse_cifar(path.read_bytes(), str(path)), max_side_px)
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
    batches = _of_split(sorted(folder.glob("*_batch*.bin")), split, folder)
    if batches:
        return ArrayImages(
            "cifar10", np.concatenate([_parse_cifar(b.read_bytes(), str(b)) for b in batches]), max_side_px
        )
    raise ModelError(
        f"{folder} holds no image: allowed are {', '.join(IMAGE_SUFFIXES)} or CIFAR-10 *_batch*.bin files."
    )


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
        return _fitted(height, width, self._max_side_px)


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
        return [_fitted(height, width, self._max_side_px)] * len(indices)

    def check(self) -> None:
        """Nothing can be broken: the array was validated when it was opened."""


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


def to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """Any Pillow mode -> uint8 [H, W, 3]: 16-bit grey keeps its high byte, transparency goes onto white."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        grey = np.asarray(image).astype(np.float64)
        # 16-bit PNG opens as I;16 or I by Pillow's version; "F" from other formats is taken as 0..255.
        scaled = grey if image.mode == "F" else grey / 257.0
        plane = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
        return np.repeat(plane[:, :, None], 3, axis=2)
    if "A" in image.getbands() or "a" in image.getbands() or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, rgba)
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _fitted(height: int, width: int, max_side_px: int) -> tuple[int, int]:
    longer = max(height, width)
    if longer <= max_side_px:
        return height, width
    return max(1, round(height * max_side_px / longer)), max(1, round(width * max_side_px / longer))


def downsize(pixels: NDArray[np.uint8], max_side_px: int) -> NDArray[np.uint8]:
    """Area-averaging reduction so that no side exceeds ``max_side_px``; smaller pictures pass unchanged."""
    height, width = _fitted(pixels.shape[0], pixels.shape[1], max_side_px)
    if (height, width) == pixels.shape[:2]:
        return pixels
    return np.array(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX), dtype=np.uint8)


def _read_npz(path: Path) -> NDArray[np.uint8]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            if "images" not in archive:
                raise ModelError(f"{path} has no array 'images', only {sorted(archive.files)}.")
            images = archive["images"]
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise ModelError(f"{path} is not a readable .npz of plain arrays: {error}.") from error
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or images.size == 0:
        raise ModelError(f"{path}: 'images' must be uint8 [n, H, W, 3], but is {images.dtype} {list(images.shape)}.")
    return images


def _of_split(names: list[Path], split: Split, where: Path) -> list[Path]:
    """The batches of a split, by their names; ModelError when there are batches but none of this split."""
    kept = [name for name in names if split == "all" or (name.name.startswith("test_batch") == (split == "test"))]
    if names and not kept:
        raise ModelError(f"{where} holds no {split} batch of CIFAR-10.")
    return kept


def _read_cifar_archive(path: Path, split: Split) -> NDArray[np.uint8]:
    """The batches of cifar-10-binary.tar.gz, training batches first, then the test batch."""
    try:
        with tarfile.open(path) as archive:
            members = [m for m in archive.getmembers() if m.isfile()]
            batches = sorted((m for m in members if m.name.endswith(".bin")), key=lambda m: Path(m.name).name)
            if not batches and any(Path(m.name).name.startswith("data_batch") for m in members):
                raise ModelError(
                    f"{path} is the pickled python archive, never unpickled here: use cifar-10-binary.tar.gz."
                )
            if not batches:
                raise ModelError(f"{path} holds no CIFAR-10 batch (data_batch_1.bin and so on).")
            wanted = set(_of_split([Path(m.name) for m in batches], split, path))
            batches = [m for m in batches if Path(m.name) in wanted]
            parts = [_parse_cifar(_member_bytes(archive, m, path), f"{path}:{m.name}") for m in batches]
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ModelError(f"{path} is not a readable tar archive: {error}.") from error
    return np.concatenate(parts)


def _member_bytes(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> bytes:
    limit = CIFAR_RECORDS_PER_FILE * CIFAR_RECORD_BYTES
    stream = archive.extractfile(member)
    if stream is None or member.size > limit:
        raise ModelError(f"{path}: {member.name} has {member.size} bytes, but a CIFAR-10 batch has at most {limit}.")
    return io.BytesIO(stream.read(limit)).getvalue()


def _parse_cifar(content: bytes, where: str) -> NDArray[np.uint8]:
    """Records of one label byte and 3072 planar bytes -> uint8 [n, 32, 32, 3]."""
    if not content or len(content) % CIFAR_RECORD_BYTES:
        raise ModelError(f"{where} has {len(content)} bytes, but CIFAR-10 records have {CIFAR_RECORD_BYTES} each.")
    records = np.frombuffer(content, np.uint8).reshape(-1, CIFAR_RECORD_BYTES)
    return np.ascontiguousarray(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
