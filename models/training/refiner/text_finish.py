"""From a run of ``train text-refiner`` to the refiner's folder, measured on pictures that it never saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from models.evaluation.class_accuracy import CLASS_ACCURACY, class_accuracy
from models.evaluation.compare import compare
from models.evaluation.learned import LearnedScheme
from models.evaluation.perceptual import load_measure
from models.evaluation.refined import RefinedScheme
from models.export.refiner_folder import export_refiner
from models.images import open_images
from models.images.labelled import open_labelled
from models.package.manifest import RefinerManifest
from models.refiner.text_network import TEXT_ARCHITECTURE
from models.training.refiner.captions import captions_of
from models.training.refiner.text_loop import TextRefinerRun
from models.training.refiner.text_settings import TextRefinerTraining
from models.training.running.checkpoint import load_checkpoint
from models.training.running.matrix_optimizer import MatrixOptimizer
from models.training.running.provenance import MODEL_VERSION, provenance_of, settings_of, without_folders

SNRS_DB = (0.0, 5.0, 10.0)


def finish_text_refiner(run: Path, folder: Path) -> RefinerManifest:
    """Export the averaged network of a run folder's checkpoint, finished or not. ModelError when it holds no run."""
    settings = settings_of(run, TextRefinerTraining)
    trained = TextRefinerRun(settings)
    progress = load_checkpoint(run, trained, MatrixOptimizer(trained.network, settings.learning_rate))
    arguments: dict[str, Any] = {
        "widths": settings.widths,
        "blocks": settings.blocks,
        "code_size": settings.code_size,
        "text": settings.text,
        "strength": settings.strength,
        "guidance": settings.guidance,
        "caption_weight": settings.caption_weight,
    }
    asked = "" if settings.classifier is None else f" --classifier {settings.classifier.name}"
    told = provenance_of("text-refiner", settings, progress, f"--codec {settings.codec.name}{asked}")
    card = (settings.name, MODEL_VERSION, arguments, told)
    rest: tuple[Any, ...] = (settings.licence, {}, "text-one-step", TEXT_ARCHITECTURE)
    manifest = export_refiner(trained.average, folder, *card, {}, *rest)
    if settings.validation:
        measured = {without_folders(source): measured_text(settings, folder, source) for source in settings.validation}
        manifest = export_refiner(trained.average, folder, *card, {"codec": settings.codec.name, **measured}, *rest)
    return manifest


@torch.inference_mode()
def measured_text(settings: TextRefinerTraining, folder: Path, source: str) -> dict[str, Any]:
    """``{"decoded" | "without_text" | "right_caption" | "wrong_caption": {snr: {"psnr_db", "st_lpips",
    "class_accuracy"}}}``, two users in white noise, captions "a picture of a NAME".
    """
    labels = open_labelled(source, "test")[1]
    measures = {"st-lpips": load_measure("st-lpips"), CLASS_ACCURACY: class_accuracy(labels)}
    names, users = settings.names, 2
    right = [captions_of(names[label])[0] for label in labels]
    wrong = [
        captions_of(names[(label + 1 + index % (len(names) - 1)) % len(names)])[0] for index, label in enumerate(labels)
    ]
    refined = RefinedScheme(str(settings.codec), str(folder), users)
    ways: dict[str, tuple[LearnedScheme, list[str]]] = {
        "decoded": (LearnedScheme(str(settings.codec), users), []),
        "without_text": (refined, []),
    }
    if settings.text:
        ways |= {"right_caption": (refined, right), "wrong_caption": (refined, wrong)}
    report: dict[str, Any] = {}
    for name, (scheme, captions) in ways.items():
        rows = compare(
            open_images(source, split="test"),
            [scheme],
            "awgn",
            users,
            SNRS_DB,
            None,
            None,
            metrics=measures,
            captions=captions,
        )
        report[name] = {
            f"{row.snr_db:g}": {
                "psnr_db": row.psnr_db,
                "st_lpips": row.perceptual["st-lpips"],
                "class_accuracy": row.perceptual[CLASS_ACCURACY],
            }
            for row in rows
        }
    return report
