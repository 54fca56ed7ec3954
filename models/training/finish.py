"""From a training run to a folder that can be used: measure, then export with where it came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from models.codec import build_codec
from models.errors import ModelError
from models.export import CodecCard, export_codec
from models.export_refiner import export_refiner
from models.manifest import CodecManifest, Provenance, RefinerManifest
from models.refiner import Refiner
from models.refiner.network import ARCHITECTURE_NAME, build_prior, small_prior_arguments
from models.training.checkpoint import Progress, has_checkpoint, load_checkpoint
from models.training.config import CodecTraining, RefinerTraining
from models.training.frames import SIDE_FIELDS
from models.training.refiner_validation import measure_refiner
from models.training.runner import SETTINGS_NAME
from models.training.validation import VALIDATION_SEED, measure_codec, measure_overlap

MODEL_VERSION = "0.1.0"


def finish_codec(run: Path, folder: Path) -> CodecManifest:
    """Export the codec of a run folder's checkpoint, finished or not, measured on the run's validation
    sources.

    Raises ModelError when ``run`` holds no codec run.
    """
    settings = CodecTraining.model_validate_json(_settings_text(run))
    arguments: dict[str, Any] = {"users": settings.users, "side_size": len(SIDE_FIELDS)} | settings.arguments
    codec = build_codec(settings.architecture, arguments)
    progress = load_checkpoint(run, codec, torch.optim.AdamW(codec.parameters()))
    # Measure what is shipped: the decoders as half precision stores them.
    codec.decoders.load_state_dict({k: v.half().float() for k, v in codec.decoders.state_dict().items()})
    metrics: dict[str, Any] = {}
    if settings.validation:
        metrics = {
            "psnr_db": measure_codec(codec, settings.validation),
            "symbol_overlap": measure_overlap(codec, settings.validation),
            "method": "mean PSNR of 8-bit pictures over all pictures and users, bare baseband channel, "
            f"perfect channel knowledge, seed {VALIDATION_SEED}",
        }
    card = CodecCard(
        settings.name,
        MODEL_VERSION,
        SIDE_FIELDS,
        _provenance("codec", settings, progress),
        metrics,
        settings.licence,
    )
    return export_codec(codec, folder, card)


def finish_refiner(run: Path, folder: Path) -> RefinerManifest:
    """The same for a refiner run; it is measured on what the run's codec decodes, when it names one."""
    settings = RefinerTraining.model_validate_json(_settings_text(run))
    arguments = small_prior_arguments(settings.channels, settings.crop_px)
    prior = build_prior(ARCHITECTURE_NAME, arguments)
    progress = load_checkpoint(run, prior, torch.optim.AdamW(prior.parameters()))
    provenance = _provenance("refiner", settings, progress)
    card = (settings.name, MODEL_VERSION, arguments, provenance)
    manifest = export_refiner(prior, folder, *card, {}, settings.licence)
    if settings.validation and settings.codec is not None:
        measured = measure_refiner(Refiner.load(folder), settings.codec, settings.validation)
        metrics = {"before_and_after": measured, "codec": settings.codec.name}
        manifest = export_refiner(prior, folder, *card, metrics, settings.licence)
    return manifest


def _settings_text(run: Path) -> str:
    if not has_checkpoint(run) or not (run / SETTINGS_NAME).is_file():
        raise ModelError(f"{run} is not a training folder: it needs a checkpoint and {SETTINGS_NAME}.")
    return (run / SETTINGS_NAME).read_text(encoding="utf-8")


def _provenance(what: str, settings: CodecTraining | RefinerTraining, progress: Progress) -> Provenance:
    sources = [_without_folders(source) for source in settings.images]
    bound = f"--steps {settings.steps}" if settings.steps is not None else f"--minutes {settings.minutes:g}"
    images = " ".join(f"--images {source}" for source in sources)
    return Provenance(
        data=", ".join(sources),
        command=f"semnoma-hil train {what} {images} {bound} --seed {settings.seed} --out DIR",
        seed=settings.seed,
        minutes=round(progress.elapsed_s / 60, 2),
        images_seen=progress.images_seen,
    )


def _without_folders(source: str) -> str:
    """The last part of a path: a manifest says which data, not where somebody's disk had it."""
    return source.rstrip("/").rsplit("/", 1)[-1]
