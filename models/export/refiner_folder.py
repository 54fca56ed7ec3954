"""Writing a refiner folder: fp16 weights and manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from models.export.tensors import write_halves
from models.package.manifest import Provenance, RefinerManifest, RefinerMethod, describe_file, write_manifest
from models.refiner.network import ARCHITECTURE_NAME, SCHEDULER_ARGUMENTS

WEIGHTS_NAME = "prior.safetensors"


def export_refiner(
    prior: nn.Module,
    folder: Path,
    name: str,
    version: str,
    arguments: dict[str, Any],
    provenance: Provenance,
    metrics: dict[str, Any],
    licence: str,
    scheduler: dict[str, Any] = SCHEDULER_ARGUMENTS,
    method: RefinerMethod = "diffusion",
    architecture: str = ARCHITECTURE_NAME,
) -> RefinerManifest:
    """Write ``prior.safetensors`` (half precision) and ``manifest.json`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    write_halves(prior, folder / WEIGHTS_NAME)
    manifest = RefinerManifest(
        format_version=1,
        kind="refiner",
        name=name,
        version=version,
        architecture=architecture,
        arguments=arguments,
        scheduler=scheduler,
        method=method,
        weights=describe_file(folder / WEIGHTS_NAME),
        provenance=provenance,
        metrics=metrics,
        licence=licence,
    )
    write_manifest(folder, manifest)
    return manifest
