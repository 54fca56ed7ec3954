"""A short digest of a model's folder."""

from __future__ import annotations

import hashlib
from pathlib import Path

from models.package.manifest import MANIFEST_NAME


def folder_digest(folder: Path) -> str:
    """Of the manifest, which names the checksums of all other files; of a pipeline, which has none, of its
    configurations and every file's name and size.
    """
    manifest = folder / MANIFEST_NAME
    if manifest.is_file():
        return hashlib.sha256(manifest.read_bytes()).hexdigest()[:16]
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
        if path.suffix == ".json":
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
