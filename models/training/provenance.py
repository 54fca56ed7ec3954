"""Where weights came from, as their manifests tell it."""

from __future__ import annotations

from pathlib import Path

from models.errors import ModelError
from models.manifest import Provenance
from models.training.checkpoint import Progress, has_checkpoint
from models.training.config import RunBounds
from models.training.runner import SETTINGS_NAME
from models.training.stage_config import OneStepTraining, StudentTraining

MODEL_VERSION = "0.1.0"


def settings_text(run: Path) -> str:
    if not has_checkpoint(run) or not (run / SETTINGS_NAME).is_file():
        raise ModelError(f"{run} is not a training folder: it needs a checkpoint and {SETTINGS_NAME}.")
    return (run / SETTINGS_NAME).read_text(encoding="utf-8")


def provenance_of(what: str, settings: RunBounds, progress: Progress) -> Provenance:
    sources = [_without_folders(source) for source in settings.images]
    bound = f"--steps {settings.steps}" if settings.steps is not None else f"--minutes {settings.minutes:g}"
    images = " ".join(f"--images {source}" for source in sources)
    note = ""
    if isinstance(settings, StudentTraining):
        images = f"--teacher {settings.teacher.name} {images}"
        weights = ("reconstruction", "feature_affinity", "cross_head", "cross_head_layer", "relational", "from_teacher")
        note = "Distilled: " + ", ".join(f"{name} {getattr(settings, name)}" for name in weights) + "."
    if isinstance(settings, OneStepTraining):
        images = f"--refiner {settings.refiner.name} --codec {settings.codec.name} {images}"
    return Provenance(
        data=", ".join(sources),
        command=f"semnoma-hil train {what} {images} {bound} --seed {settings.seed} --out DIR",
        seed=settings.seed,
        minutes=round(progress.elapsed_s / 60, 2),
        images_seen=progress.images_seen,
        note=note,
    )


def _without_folders(source: str) -> str:
    """The last part of a path: a manifest says which data, not where somebody's disk had it."""
    return source.rstrip("/").rsplit("/", 1)[-1]
