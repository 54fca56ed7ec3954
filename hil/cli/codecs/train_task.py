"""`semnoma-hil train task`: the network that names pictures from their symbols."""

from __future__ import annotations

from typing import Any

import click

from hil.cli.codecs.train_run import common, exported
from hil.cli.options.training import training_settings


@click.command("task")
@common
@click.option("--name", help="Name of the task and of its folder in --out.")
@click.option("--codec", default="real-time", show_default=True, help="Adaptive codec, by name or path, that sends.")
@click.option(
    "--classifier", default="classifier-32", show_default=True, help="Classifier, by name or path, to start from."
)
@click.option("--initial-task", help="Task, by name or path, to start from in place of codec and classifier.")
@click.option(
    "--parts",
    type=click.Choice(["all", "classifier"]),
    help="What is trained; classifier: only that of decoded pictures.",
)
def train_task_command(resume: bool, as_json: bool, **flags: Any) -> None:
    """Train what names pictures from their received symbols, on labelled pictures; writes OUT/NAME.

    \b
    Examples:
      semnoma-hil train task --images cifar-10-binary.tar.gz --minutes 60 --out run8
    """
    from models.package.zoo import codec_folder, network_folder
    from models.training.task.config import TaskTraining
    from models.training.task.finish import finish_task
    from models.training.task.loop import train_task

    flags |= {"codec": codec_folder(flags["codec"]), "classifier": network_folder(flags["classifier"])}
    if flags["initial_task"] is not None:
        flags["initial_task"] = network_folder(flags["initial_task"])
    settings = training_settings(TaskTraining, flags)
    exported(settings, train_task(settings, resume)[1], finish_task, as_json)
