"""Provenance of weights for their manifests."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from models.errors import ModelError
from models.faults import Faults, Form, read
from models.package.manifest import Provenance
from models.training.config import AdaptiveTraining, CodecTraining, RefinerTraining, RunBounds
from models.training.running.checkpoint import Progress, has_checkpoint
from models.training.running.runner import SETTINGS_NAME
from models.training.stage_config import ConditionalGanTraining, OneStepTraining, StudentTraining

MODEL_VERSION = "0.1.0"


class AnySettings(BaseModel):
    """Settings of whatever training."""

    model_config = ConfigDict(extra="allow")


def settings_text(run: Path) -> str:
    if not has_checkpoint(run) or not (run / SETTINGS_NAME).is_file():
        raise ModelError(f"{run} is not a training folder: it needs a checkpoint and {SETTINGS_NAME}.")
    return (run / SETTINGS_NAME).read_text(encoding="utf-8")


def settings_of(run: Path, form: type[Form]) -> Form:
    """The settings of a run of this form. Raises ModelError that names all that is not of it."""
    path = run / SETTINGS_NAME
    try:
        return read(form, json.loads(settings_text(run)))
    except Faults as faults:
        raise ModelError(faults.of(f"{path} is of another kind of training or damaged")) from None
    except (ValueError, RecursionError):
        raise ModelError(f"{path} is damaged: it is not JSON.") from None


def provenance_of(what: str, settings: RunBounds, progress: Progress, further: str | None = None) -> Provenance:
    """Of a run of ``semnoma-hil train WHAT``. further: what its command has beside the common options."""
    sources = [without_folders(source) for source in settings.images]
    bound = f"--steps {settings.steps}" if settings.steps is not None else f"--minutes {settings.minutes:g}"
    images = " ".join(f"--images {source}" for source in sources)
    note = ""
    if isinstance(settings, CodecTraining):
        start = "" if settings.initial_codec is None else f" --initial-codec {settings.initial_codec.name}"
        images = f"{images} --users {settings.users}{start}"
        note = f"Settings beside the defaults: {_chosen(settings)}."
    if isinstance(settings, StudentTraining):
        images = f"--teacher {settings.teacher.name} {images}"
        weights = ("reconstruction", "feature_affinity", "cross_head", "cross_head_layer", "relational", "from_teacher")
        note += " Distilled: " + ", ".join(f"{name} {getattr(settings, name)}" for name in weights) + "."
    if isinstance(settings, AdaptiveTraining):
        if settings.teacher is not None:
            images = (
                f"--teacher {settings.teacher.name} --taught {settings.taught} --distil {settings.distil:g} {images}"
            )
        note = f"Settings beside the defaults: {_chosen(settings)}."
    if isinstance(settings, OneStepTraining):
        images = f"--refiner {settings.refiner.name} --codec {settings.codec.name} {images}"
    if isinstance(settings, RefinerTraining) and settings.conditioned and settings.codec is not None:
        images = f"{images} --codec {settings.codec.name} --conditioned"
        note = f"Trained with pairs {settings.pairs}, batch {settings.batch}, learning_rate {settings.learning_rate:g}."
    if isinstance(settings, ConditionalGanTraining):
        images = f"{images} --codec {settings.codec.name}"
        names = ("reconstruction", "adversarial", "feature", "gradient_penalty", "learning_rate", "batch")
        note = "Trained with " + ", ".join(f"{name} {getattr(settings, name):g}" for name in names) + "."
    if further is not None:
        images = f"{images} {further}".rstrip()
        note = f"Settings beside the defaults: {_chosen(settings)}."
    return Provenance(
        data=", ".join(sources),
        command=f"semnoma-hil train {what} {images} {bound} --seed {settings.seed} --out DIR",
        seed=settings.seed,
        minutes=round(progress.elapsed_s / 60, 2),
        images_seen=progress.images_seen,
        note=note,
    )


def _chosen(settings: RunBounds) -> str:
    """The settings that differ from their defaults and stand neither in the command nor in the manifest, as JSON."""
    told = {"name", "users", "architecture", "images", "validation", "out", "minutes", "steps", "seed", "initial_codec"}
    told |= {
        "teacher",
        "taught",
        "distil",
        "baseline",
        "from_teacher",
        "patience",
        "checkpoint_s",
        "codec",
        "refiner",
        "classifier",
        "captions",
        "initial_task",
        "parts",
    }
    return settings.model_dump_json(exclude=told, exclude_defaults=True)


def without_folders(source: str) -> str:
    """The last part of a path: manifests name the data without the folders of one machine."""
    return source.rstrip("/").rsplit("/", 1)[-1]
