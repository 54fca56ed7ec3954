"""The manifest of networks that are neither a codec of pictures nor a refiner: a modality's, a task's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from models.errors import ModelError
from models.package.file_entry import FileEntry, Strict, verify_file
from models.package.manifest import Provenance, read_form


class NetworkManifest(Strict):
    """``manifest.json`` in the folder. architecture: what made the files, with `arguments`; metrics: measured."""

    format_version: Literal[1]
    kind: Literal["network"]
    name: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    version: str
    architecture: str
    arguments: dict[str, Any]
    files: list[FileEntry]
    provenance: Provenance
    metrics: dict[str, Any]
    licence: str


def load_network_manifest(folder: Path | str, architecture: str) -> NetworkManifest:
    """Read and verify a folder: form, architecture, and every file's name, size and sha256. Raises ModelError."""
    manifest = read_form(Path(folder), NetworkManifest)
    if manifest.architecture != architecture:
        raise ModelError(f"{folder} holds {manifest.architecture!r}, but {architecture!r} is needed.")
    for entry in manifest.files:
        verify_file(Path(folder), entry)
    return manifest
