"""A file of a model folder as its manifest describes it: bare name, size and sha256."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from models.errors import ModelError

_HASH_BLOCK_BYTES = 1 << 20


class Strict(BaseModel):
    """A form that refuses fields it does not know."""

    model_config = ConfigDict(extra="forbid")


class FileEntry(Strict):
    """One file of the folder: a bare name, its size and its sha256 in lower-case hex."""

    name: str
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @field_validator("name")
    @classmethod
    def _bare(cls, name: str) -> str:
        if not name or name in (".", "..") or any(mark in name for mark in "/\\:\0"):
            raise ValueError(f"{name!r} is not a bare file name")
        return name


def verify_file(folder: Path, entry: FileEntry) -> Path:
    """The path of ``entry`` in ``folder`` once size and sha256 agree; ModelError otherwise."""
    path = folder / entry.name
    if path.is_symlink() or not path.is_file():
        raise ModelError(f"{path} is named by the manifest but is not a regular file in its folder.")
    found = describe_file(path)
    if found.bytes != entry.bytes:
        raise ModelError(f"{path} has {found.bytes} bytes, but its manifest says {entry.bytes}.")
    if found.sha256 != entry.sha256:
        raise ModelError(f"{path} has sha256 {found.sha256[:12]}..., but its manifest says {entry.sha256[:12]}...")
    return path


def describe_file(path: Path) -> FileEntry:
    """Name, size and sha256 of a file as it is on disk."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while block := stream.read(_HASH_BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return FileEntry(name=path.name, bytes=size, sha256=digest.hexdigest())
