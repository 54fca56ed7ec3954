"""From a training run to a folder that can be used: measure, then export with where it came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from models.channel import ChannelMode
from models.errors import ModelError
from models.export import CodecCard, export_codec
from models.export_refiner import export_refiner
from models.manifest import CodecManifest, Provenance, RefinerManifest
from models.refiner import Refiner
from models.refiner.network import ARCHITECTURE_NAME, build_prior, small_prior_arguments
from models.refiner.refiner import DDIM_STEPS
from models.training.checkpoint import Progress, has_checkpoint, load_checkpoint
from models.training.config import (
    BaselineTraining,
    CodecTraining,
    OneStepTraining,
    RefinerTraining,
    RunBounds,
    StudentTraining,
)
from models.training.frames import SIDE_FIELDS
from models.training.loop import fresh_codec
from models.training.one_step import student_of
from models.training.refiner_validation import measure_refiner
from models.training.runner import SETTINGS_NAME
from models.training.two_stage import load_teacher
from models.training.validation import VALIDATION_SEED, measure_codec, measure_overlap

MODEL_VERSION = "0.1.0"
METRICS_NAME = "metrics.json"
TEACHER_MODES: tuple[ChannelMode, ...] = ("awgn", "rayleigh")


def finish_codec(run: Path, folder: Path) -> CodecManifest:
    """Export the codec of a run folder's checkpoint, finished or not, measured on the run's validation
    sources.

    Raises ModelError when ``run`` holds no codec run.
    """
    text = _settings_text(run)
    what, settings = _codec_settings(text)
    codec = fresh_codec(settings)
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
        _provenance(what, settings, progress),
        metrics,
        settings.licence,
    )
    return export_codec(codec, folder, card)


def finish_teacher(run: Path) -> dict[str, Any]:
    """Measure the teacher of a run folder over interference-free channels, into ``metrics.json`` of that folder.

    A teacher is no codec of the testbed: with N users it takes N times the channel uses.
    """
    teacher, settings, progress = load_teacher(run)
    metrics: dict[str, Any] = {
        "psnr_db": measure_codec(teacher, settings.validation, modes=TEACHER_MODES, orthogonal=True),
        "method": "mean PSNR of 8-bit pictures, every user on channel uses of its own at full power, "
        f"perfect channel knowledge, seed {VALIDATION_SEED}",
        "provenance": _provenance("teacher", settings, progress).model_dump(),
    }
    (run / METRICS_NAME).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    return metrics


def finish_refiner(run: Path, folder: Path) -> RefinerManifest:
    """The same for a refiner run; it is measured on what the run's codec decodes, when it names one."""
    text = _settings_text(run)
    if "refiner" in json.loads(text):
        return _finish_one_step(run, folder, OneStepTraining.model_validate_json(text))
    settings = RefinerTraining.model_validate_json(text)
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


def _finish_one_step(run: Path, folder: Path, settings: OneStepTraining) -> RefinerManifest:
    """Export the single pass and measure it beside the refiner that it stands for."""
    refiner = Refiner.load(settings.refiner)
    student, of = student_of(refiner), refiner.manifest
    progress = load_checkpoint(run, student, torch.optim.AdamW(student.parameters()))
    card = (settings.name, MODEL_VERSION, of.arguments, _provenance("one-step", settings, progress))
    metrics: dict[str, Any] = {"distilled_from": f"{of.name} {of.version}", "network_passes": 1}
    export_refiner(student, folder, *card, metrics, settings.licence, of.scheduler, "one-step")
    if settings.validation:
        metrics["codec"] = settings.codec.name
        metrics["before_and_after"] = measure_refiner(Refiner.load(folder), settings.codec, settings.validation)
        metrics["of_the_refiner"] = measure_refiner(refiner, settings.codec, settings.validation)
        metrics["of_the_refiner_network_passes"] = DDIM_STEPS
    return export_refiner(student, folder, *card, metrics, settings.licence, of.scheduler, "one-step")


def _codec_settings(text: str) -> tuple[str, CodecTraining]:
    """(kind of run, its settings) of a codec or a student."""
    try:
        content = json.loads(text)
        if "teacher" in content:
            return "student", StudentTraining.model_validate(content)
        if "baseline" in content:
            return f"baseline {content['baseline']}", BaselineTraining.model_validate(content)
        return "codec", CodecTraining.model_validate(content)
    except ValueError as error:
        raise ModelError(f"{SETTINGS_NAME} is not of a codec's training run: {str(error).splitlines()[0]}.") from error


def _settings_text(run: Path) -> str:
    if not has_checkpoint(run) or not (run / SETTINGS_NAME).is_file():
        raise ModelError(f"{run} is not a training folder: it needs a checkpoint and {SETTINGS_NAME}.")
    return (run / SETTINGS_NAME).read_text(encoding="utf-8")


def _provenance(what: str, settings: RunBounds, progress: Progress) -> Provenance:
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
