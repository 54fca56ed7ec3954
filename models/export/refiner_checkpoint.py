"""From a checkpoint file of the improved-diffusion layout to a refiner folder."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from models.errors import ModelError
from models.export.refiner_folder import export_refiner
from models.package.manifest import Provenance, RefinerManifest, describe_file
from models.refiner.convert import convert_checkpoint
from models.refiner.network import ARCHITECTURE_NAME, SCHEDULER_ARGUMENTS, build_prior

SCHEDULES = {"cosine": "squaredcos_cap_v2", "linear": "linear"}


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file, or of a torch file that holds nothing else; ModelError otherwise."""
    if not path.is_file():
        raise ModelError(f"{path} is not a file.")
    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises a dozen unrelated types on a broken file.
        raise ModelError(
            f"{path} is neither safetensors nor a torch file of plain tensors: {type(error).__name__}."
        ) from error
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise ModelError(f"{path} does not hold tensors by name, which is what a checkpoint of weights is.")
    return {str(name): value for name, value in content.items()}


def convert_file(
    path: Path, folder: Path, name: str, size: int, schedule: str, head_channels: int, licence: str, note: str = ""
) -> RefinerManifest:
    """Convert, check that every tensor has its place in the network, and write the refiner folder.

    size: side of the training images in pixels; schedule: "cosine" or "linear", over 1000 steps. Raises ModelError
    when the file is not of the layout or one of these is not usable.
    """
    converted = convert_checkpoint(read_tensors(path), size, head_channels)
    prior = build_prior(ARCHITECTURE_NAME, converted.arguments)
    try:
        prior.load_state_dict(converted.weights)
    except RuntimeError as error:
        raise ModelError(f"{path} does not fit the network of its layout: {str(error).splitlines()[0]}.") from error
    origin = describe_file(path)
    provenance = Provenance(
        data="see note",
        command=f"semnoma-hil models convert-refiner {origin.name} --size {size} --schedule {schedule} --name {name}",
        seed=0,
        minutes=0,
        images_seen=0,
        note=f"Converted from {origin.name}, sha256 {origin.sha256}. {note}".strip(),
    )
    scheduler = SCHEDULER_ARGUMENTS | {"beta_schedule": SCHEDULES[schedule]}
    try:
        return export_refiner(prior, folder, name, "1", converted.arguments, provenance, {}, licence, scheduler)
    except ValueError as error:
        raise ModelError(
            f"a refiner cannot be called {name!r}: letters, digits, '.', '_' and '-' are allowed."
        ) from error
