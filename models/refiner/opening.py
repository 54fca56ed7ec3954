"""A refiner by name or folder, of whatever kind it is."""

from __future__ import annotations

from pathlib import Path

from models.package.zoo import refiner_folder
from models.refiner.pipeline import INDEX_NAME, PipelineRefiner
from models.refiner.refiner import Refiner

AnyRefiner = Refiner | PipelineRefiner


def open_refiner(name_or_path: str | Path, device: str = "auto") -> AnyRefiner:
    """An installed refiner or the folder of one, or of a Stable-Diffusion-class pipeline. ModelError when it is none of
    these, or not as it should be.
    """
    folder = refiner_folder(name_or_path)
    if (folder / INDEX_NAME).is_file():
        return PipelineRefiner.load(folder, device)
    return Refiner.load(folder, device)
