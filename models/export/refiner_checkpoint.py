"""From a checkpoint file of the improved-diffusion layout to a refiner folder."""

from __future__ import annotations

from pathlib import Path

from models.errors import ModelError
from models.export.refiner_folder import export_refiner
from models.export.tensors import read_tensors
from models.package.manifest import Provenance, RefinerManifest, describe_file
from models.refiner.convert import convert_checkpoint
from models.refiner.network import ARCHITECTURE_NAME, SCHEDULER_ARGUMENTS, build_prior

SCHEDULES = {"cosine": "squaredcos_cap_v2", "linear": "linear"}


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
