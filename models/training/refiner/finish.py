"""From a refiner's training run to a folder that can be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from models.export.refiner_folder import export_refiner
from models.package.manifest import RefinerManifest, RefinerMethod
from models.refiner import Refiner
from models.refiner.conditioned import INPUT_CHANNELS
from models.refiner.network import ARCHITECTURE_NAME, SCHEDULER_ARGUMENTS, build_prior, small_prior_arguments
from models.training.config import RefinerTraining
from models.training.refiner.conditional_gan import Rivals
from models.training.refiner.one_step import student_of
from models.training.refiner.validation import measure_refiner
from models.training.running.checkpoint import load_checkpoint
from models.training.running.provenance import MODEL_VERSION, AnySettings, provenance_of, settings_of
from models.training.stage_config import ConditionalGanTraining, OneStepTraining


def finish_refiner(run: Path, folder: Path) -> RefinerManifest:
    """Export the prior or one-step refiner of a run folder's checkpoint, finished or not.

    It is measured on what the run's codec decodes, when it names one. Raises ModelError when ``run`` holds no run.
    """
    named = settings_of(run, AnySettings).model_dump()
    if named.get("baseline") == "conditional-gan":
        return _finish_conditional_gan(run, folder, settings_of(run, ConditionalGanTraining))
    if "refiner" in named:
        return _finish_one_step(run, folder, settings_of(run, OneStepTraining))
    settings = settings_of(run, RefinerTraining)
    method: RefinerMethod = "conditioned-diffusion" if settings.conditioned else "diffusion"
    channels = INPUT_CHANNELS if settings.conditioned else 3
    arguments = small_prior_arguments(settings.channels, settings.crop_px, channels)
    prior = build_prior(ARCHITECTURE_NAME, arguments)
    progress = load_checkpoint(run, prior, torch.optim.AdamW(prior.parameters()))
    provenance = provenance_of("refiner", settings, progress)
    card = (settings.name, MODEL_VERSION, arguments, provenance)
    rest = (settings.licence, SCHEDULER_ARGUMENTS, method)
    manifest = export_refiner(prior, folder, *card, {}, *rest)
    if settings.validation and settings.codec is not None:
        measured = measure_refiner(Refiner.load(folder), settings.codec, settings.validation)
        metrics = {"before_and_after": measured, "codec": settings.codec.name}
        manifest = export_refiner(prior, folder, *card, metrics, *rest)
    return manifest


def _finish_conditional_gan(run: Path, folder: Path, settings: ConditionalGanTraining) -> RefinerManifest:
    """Export the generator and measure it; the critic has done its work."""
    rivals = Rivals(settings)
    progress = load_checkpoint(run, rivals, torch.optim.AdamW(rivals.parameters()))
    arguments = small_prior_arguments(settings.channels, settings.crop_px)
    provenance = provenance_of("baseline conditional-gan", settings, progress)
    card = (settings.name, MODEL_VERSION, arguments, provenance)
    metrics: dict[str, Any] = {"network_passes": 1, "codec": settings.codec.name}
    licence, schedule = settings.licence, SCHEDULER_ARGUMENTS
    export_refiner(rivals.generator, folder, *card, metrics, licence, schedule, "conditional-gan")
    if settings.validation:
        metrics["before_and_after"] = measure_refiner(Refiner.load(folder), settings.codec, settings.validation)
    return export_refiner(rivals.generator, folder, *card, metrics, licence, schedule, "conditional-gan")


def _finish_one_step(run: Path, folder: Path, settings: OneStepTraining) -> RefinerManifest:
    """Export the single pass and measure it beside the refiner that it stands for."""
    refiner = Refiner.load(settings.refiner)
    student, of = student_of(refiner), refiner.manifest
    progress = load_checkpoint(run, student, torch.optim.AdamW(student.parameters()))
    card = (settings.name, MODEL_VERSION, of.arguments, provenance_of("one-step", settings, progress))
    metrics: dict[str, Any] = {"distilled_from": f"{of.name} {of.version}", "network_passes": 1}
    method: RefinerMethod = "conditioned-one-step" if of.method == "conditioned-diffusion" else "one-step"
    export_refiner(student, folder, *card, metrics, settings.licence, of.scheduler, method)
    if settings.validation:
        metrics["codec"] = settings.codec.name
        metrics["before_and_after"] = measure_refiner(Refiner.load(folder), settings.codec, settings.validation)
        metrics["of_the_refiner"] = measure_refiner(refiner, settings.codec, settings.validation)
        metrics["of_the_refiner_network_passes"] = refiner.passes
    return export_refiner(student, folder, *card, metrics, settings.licence, of.scheduler, method)
