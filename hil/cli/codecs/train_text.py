"""`semnoma-hil train classifier` and `text-refiner`: the judge of classes, and the refiner that reads captions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hil.cli.codecs.train_run import common, exported
from hil.cli.options.training import training_settings


@click.command("classifier")
@common
@click.option("--name", help="Name of the classifier and of its folder in --out.")
@click.option("--plain", is_flag=True, default=None, help="Without shortcuts: another design, for a second opinion.")
def train_classifier_command(resume: bool, as_json: bool, plain: bool | None, **flags: Any) -> None:
    """Train a small classifier on labelled pictures (.npz with labels, CIFAR-10's archive); writes OUT/NAME.

    \b
    Examples:
      semnoma-hil train classifier --images cifar-10-binary.tar.gz --minutes 15 --out run5
    """
    from models.training.classifier.finish import finish_classifier
    from models.training.classifier.loop import train_classifier
    from models.training.classifier.settings import ClassifierTraining

    settings = training_settings(ClassifierTraining, flags | {"shortcuts": False if plain else None})
    exported(settings, train_classifier(settings, resume)[1], finish_classifier, as_json)


@click.command("text-refiner")
@common
@click.option("--name", help="Name of the refiner and of its folder in --out.")
@click.option("--codec", default="real-time", show_default=True, help="Adaptive codec, by name or path, to refine.")
@click.option(
    "--classifier",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the classifier that the loss asks; not the one that judges.",
)
@click.option("--plain", is_flag=True, default=None, help="Of the same cost, without text and without classifier.")
def train_text_refiner_command(resume: bool, as_json: bool, plain: bool | None, **flags: Any) -> None:
    """Train the one-step refiner that is told what a picture shows, on labelled pictures; writes OUT/NAME.

    \b
    Examples:
      semnoma-hil train classifier --plain --seed 2 --images cifar-10-binary.tar.gz --minutes 13 --out run6
      semnoma-hil train text-refiner --images cifar-10-binary.tar.gz --classifier run6/classifier-32 --minutes 40 \\
          --out run7
    """
    from models.package.zoo import codec_folder
    from models.training.refiner.text_finish import finish_text_refiner
    from models.training.refiner.text_loop import train_text_refiner
    from models.training.refiner.text_settings import TextRefinerTraining

    flags["codec"] = codec_folder(flags["codec"])
    as_plain = {"text": False, "class_weight": 0.0} if plain else {}
    settings = training_settings(TextRefinerTraining, flags | as_plain)
    exported(settings, train_text_refiner(settings, resume)[1], finish_text_refiner, as_json)
