"""CIFAR-10 in its binary form; the pickled form is never unpickled."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.images.source import Split

CIFAR_RECORD_BYTES = 1 + 3 * 32 * 32
CIFAR_RECORDS_PER_FILE = 10_000


def of_split(names: list[Path], split: Split, where: Path) -> list[Path]:
    """The batches of a split, by their names; ModelError when there are batches but none of this split."""
    kept = [name for name in names if split == "all" or (name.name.startswith("test_batch") == (split == "test"))]
    if names and not kept:
        raise ModelError(f"{where} holds no {split} batch of CIFAR-10.")
    return kept


def read_cifar_archive(path: Path, split: Split) -> NDArray[np.uint8]:
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
            wanted = set(of_split([Path(m.name) for m in batches], split, path))
            batches = [m for m in batches if Path(m.name) in wanted]
            parts = [parse_cifar(_member_bytes(archive, m, path), f"{path}:{m.name}") for m in batches]
    except ModelError:
        raise
    except Exception as error:  # tarfile and its unpackers raise a dozen unrelated types on broken files
        raise ModelError(f"{path} is not a readable tar archive: {error}.") from error
    return np.concatenate(parts)


def _member_bytes(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> bytes:
    limit = CIFAR_RECORDS_PER_FILE * CIFAR_RECORD_BYTES
    stream = archive.extractfile(member)
    if stream is None or member.size > limit:
        raise ModelError(f"{path}: {member.name} has {member.size} bytes, but a CIFAR-10 batch has at most {limit}.")
    return io.BytesIO(stream.read(limit)).getvalue()


def parse_cifar(content: bytes, where: str) -> NDArray[np.uint8]:
    """Records of one label byte and 3072 planar bytes -> uint8 [n, 32, 32, 3]."""
    if not content or len(content) % CIFAR_RECORD_BYTES:
        raise ModelError(f"{where} has {len(content)} bytes, but CIFAR-10 records have {CIFAR_RECORD_BYTES} each.")
    records = np.frombuffer(content, np.uint8).reshape(-1, CIFAR_RECORD_BYTES)
    return np.ascontiguousarray(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
