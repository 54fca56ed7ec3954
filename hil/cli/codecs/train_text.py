"""`semnoma-hil train classifier` and `text-refiner`: the judge of classes, and the refiner that reads captions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hil.cli.codecs.train_run import common, exported
from hil.cli.options.training import training_settings
from hil.errors import UsageError


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


@click.command("refiner-lora")
@common
@click.option("--name", help="Name of the refiner and of its folder in --out.")
@click.option("--refiner", default="text-refiner-32", show_default=True, help="Refiner to fine-tune, by name or path.")
@click.option("--codec", default="real-time", show_default=True, help="Adaptive codec, by name or path, to refine.")
@click.option("--captions", help="What is on the pictures: sidecar, a file, text:WORDS, or a captioner.  [nothing]")
@click.option("--rank", type=click.IntRange(1, 256), help="Of the matrices beside each layer.")
def train_refiner_lora_command(resume: bool, as_json: bool, captions: str | None, **flags: Any) -> None:
    """Fine-tune the refiner that reads texts on pictures of your own by LoRA; writes OUT/NAME.

    \b
    Examples:
      semnoma-hil train refiner-lora --images ~/photos --captions sidecar --minutes 10 --out run8
      semnoma-hil loopback --refine --refiner run8/refiner-lora --captions sidecar --images ~/photos
    """
    from models.package.zoo import codec_folder, refiner_folder
    from models.training.refiner.lora_loop import finish_refiner_lora, train_refiner_lora
    from models.training.refiner.lora_settings import RefinerLoraTraining
    from models.training.running.dataset import split_weight

    if captions is not None and not flags["images"]:
        raise UsageError("--captions are of the pictures of --images: name those on the command line too.")
    flags["codec"], flags["refiner"] = codec_folder(flags["codec"]), refiner_folder(flags["refiner"])
    flags["captions"] = [text for source in flags["images"] for text in _said_of(split_weight(source)[0], captions)]
    settings = training_settings(RefinerLoraTraining, flags)
    exported(settings, train_refiner_lora(settings, resume)[1], finish_refiner_lora, as_json)


def _said_of(source: str, captions: str | None) -> list[str]:
    """A caption of each picture of a source, cleaned; none where none are asked for."""
    from hil.language.captioner import open_captioner
    from hil.language.note import Note, clean
    from models.images import open_images

    captioner = open_captioner(captions, source, "train")
    if captioner is None:
        return []
    said = [captioner.describe(picture, index) for index, picture in enumerate(open_images(source, split="train"))]
    return [clean(one.caption if isinstance(one, Note) else one) for one in said]
