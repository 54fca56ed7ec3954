"""From a task's training run to its folder, measured on labelled pictures that it never saw."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.classifier import PictureClassifier
from models.codecs.adaptive import AdaptiveCodec
from models.export.tensors import write_halves
from models.images.labelled import open_labelled
from models.package.file_entry import describe_file
from models.package.manifest import load_manifest, write_manifest
from models.package.networks import NetworkManifest
from models.task.network import TaskHead
from models.task.symbol_task import TASK_ARCHITECTURE, WEIGHTS_NAME
from models.training.adaptive.channel import AdaptiveFrame, pass_channel, side_vector
from models.training.codec.validation import VALIDATION_SEED
from models.training.running.checkpoint import load_checkpoint
from models.training.running.provenance import MODEL_VERSION, provenance_of, settings_of, without_folders
from models.training.task.config import TaskTraining
from models.training.task.loop import adaptive_codec, fresh_task, task_optimizer

SINRS_DB = (-5.0, 0.0, 5.0, 10.0, 20.0)
_BATCH = 128


def finish_task(run: Path, folder: Path) -> NetworkManifest:
    """Export the averaged network of a run folder's checkpoint, finished or not, measured on its validation sources.

    ModelError when ``run`` holds no run.
    """
    settings = settings_of(run, TaskTraining)
    trained = fresh_task(settings, adaptive_codec(settings.codec))
    progress = load_checkpoint(run, trained, task_optimizer(trained, settings))
    head = trained.averaged.eval()
    names = PictureClassifier.load(settings.classifier, "cpu").names
    folder.mkdir(parents=True, exist_ok=True)
    write_halves(head, folder / WEIGHTS_NAME)
    codec = load_manifest(settings.codec)
    started = settings.classifier.name
    # Names in place of paths of this machine.
    initial = None if settings.initial_task is None else Path(settings.initial_task.name)
    told = {"codec": Path(codec.name), "classifier": Path(started), "initial_task": initial}
    named = settings.model_copy(update=told)
    arguments = {
        "names": names,
        "codec": codec.name,
        "encoder_sha256": codec.files.encoder.sha256,
        "codec_arguments": _lists(asdict(head.arguments.codec)),
        "classifier_arguments": _lists(asdict(head.arguments.classifier)),
    }
    manifest = NetworkManifest(
        format_version=1,
        kind="network",
        name=settings.name,
        version=MODEL_VERSION,
        architecture=TASK_ARCHITECTURE,
        arguments=arguments,
        files=[describe_file(folder / WEIGHTS_NAME)],
        provenance=provenance_of("task", named, progress, _further(named)),
        metrics=_metrics(head, adaptive_codec(settings.codec), settings.validation),
        licence=settings.licence,
    )
    write_manifest(folder, manifest)
    return manifest


def _further(named: TaskTraining) -> str:
    """What the run's command has beside the common options."""
    start = "" if named.initial_task is None else f" --initial-task {named.initial_task}"
    return f"--codec {named.codec} --classifier {named.classifier}{start} --parts {named.parts}"


def _lists(given: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}


def _metrics(head: TaskHead, codec: AdaptiveCodec, sources: list[str]) -> dict[str, Any]:
    if not sources:
        return {}
    method = f"by SINR in dB on half of the codec's channels, white noise, seed {VALIDATION_SEED}"
    return {"accuracy": {without_folders(one): accuracies(head, codec, one) for one in sources}, "method": method}


@torch.inference_mode()
def accuracies(head: TaskHead, codec: AdaptiveCodec, source: str) -> dict[str, float]:
    """``{SINR in dB: share of right answers}`` on half of the codec's channels, white noise, perfect knowledge."""
    pictures, labels = open_labelled(source, split="test")
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div(255)
    found = {}
    for sinr_db in SINRS_DB:
        generator = torch.Generator().manual_seed(VALIDATION_SEED)
        named = [_named(head, codec, some, sinr_db, generator) for some in images.split(_BATCH)]
        found[f"{sinr_db:g}"] = round(float(np.mean(torch.cat(named).numpy() == labels)), 4)
    return found


def _named(head: TaskHead, codec: AdaptiveCodec, images: Tensor, sinr_db: float, generator: torch.Generator) -> Tensor:
    """int64 [B] of pictures float [B, 3, H, W] in [0, 1]."""
    batch, channels = len(images), codec.arguments.latent_channels // 2
    count = channels // 2
    side = side_vector(torch.full((batch,), sinr_db), torch.zeros(batch), torch.full((batch,), count / channels))
    latent = codec.encoder(images.contiguous(memory_format=torch.channels_last), None, side)
    sinr = torch.full((batch, codec.arguments.complex_channels, *latent.shape[2:]), 10 ** (sinr_db / 10))
    frame = AdaptiveFrame(torch.full((batch, *latent.shape[2:]), count), sinr, side, side)
    logits: Tensor = head(pass_channel(latent, frame, channels, generator), side)
    return logits.argmax(dim=1)
