"""From a classifier's training run to its folder, measured on labelled pictures that it never saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.classifier.classifier import CLASSIFIER_ARCHITECTURE, WEIGHTS_NAME, PictureClassifier
from models.export.tensors import write_halves
from models.images.labelled import open_labelled
from models.package.file_entry import describe_file
from models.package.manifest import write_manifest
from models.package.networks import NetworkManifest
from models.training.classifier.loop import fresh_classifier, labelled_sources
from models.training.classifier.settings import ClassifierTraining
from models.training.running.checkpoint import load_checkpoint
from models.training.running.provenance import MODEL_VERSION, provenance_of, settings_of, without_folders


def finish_classifier(run: Path, folder: Path) -> NetworkManifest:
    """Export the classifier of a run folder's checkpoint, finished or not. ModelError when ``run`` holds no run."""
    settings = settings_of(run, ClassifierTraining)
    network = fresh_classifier(settings)
    progress = load_checkpoint(run, network, torch.optim.AdamW(network.parameters()))
    folder.mkdir(parents=True, exist_ok=True)
    write_halves(network, folder / WEIGHTS_NAME)
    sources, _ = labelled_sources(settings.images[:1], len(settings.names))
    arguments = {
        "classes": len(settings.names),
        "widths": settings.widths,
        "blocks": settings.blocks,
        "shortcuts": settings.shortcuts,
        "names": settings.names,
        "side_px": int(sources[0][0].shape[1]),
    }
    manifest = NetworkManifest(
        format_version=1,
        kind="network",
        name=settings.name,
        version=MODEL_VERSION,
        architecture=CLASSIFIER_ARCHITECTURE,
        arguments=arguments,
        files=[describe_file(folder / WEIGHTS_NAME)],
        provenance=provenance_of("classifier", settings, progress, "" if settings.shortcuts else "--plain"),
        metrics={},
        licence=settings.licence,
    )
    write_manifest(folder, manifest)
    measured = measure_classifier(PictureClassifier.load(folder), settings.validation)
    manifest = manifest.model_copy(update={"metrics": measured})
    write_manifest(folder, manifest)
    return manifest


def measure_classifier(classifier: PictureClassifier, sources: list[str]) -> dict[str, Any]:
    """``{source: {"pictures": n, "accuracy": share}}``."""
    report: dict[str, Any] = {}
    for source in sources:
        pictures, labels = open_labelled(source, split="test")
        accuracy = float(np.mean(classifier.classify(pictures) == labels))
        report[without_folders(source)] = {"pictures": len(labels), "accuracy": round(accuracy, 4)}
    return report
