"""`semnoma-hil train`: train a codec or a refiner and export it with its measured figures."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from hil.cli.codecs.train_sound import command as train_sound_command
from hil.cli.options.answer import answer, json_option
from hil.cli.options.training import training_settings


@click.group("train")
def command() -> None:
    """Train a codec, its teacher, what it is compared with, a refiner, or the networks of sound.

    \b
    Examples:
      semnoma-hil train codec --images photos/ --images cifar-10-binary.tar.gz --minutes 40 --out run1
      semnoma-hil train codec --images photos/ --minutes 40 --out run1 --resume
      semnoma-hil train adaptive --config real-time --images photos/ --minutes 60 --out run3
      semnoma-hil train teacher --images photos/ --steps 20000 --out teacher
      semnoma-hil train student --teacher teacher --images photos/ --steps 20000 --out student
      semnoma-hil train baseline joint-decoder --images photos/ --steps 20000 --out joint
      semnoma-hil train refiner --images photos/ --minutes 12 --codec compact-2u --out run2
      torchrun --nproc-per-node 4 -m hil train student --teacher teacher --images photos/ --steps 20000 --out student
      semnoma-hil train sound --sounds speech/ --minutes 15 --out my-speech
      semnoma-hil train one-step --refiner run2/refiner-32 --codec compact-2u --images photos/ --steps 4000 --out run3
    """


command.add_command(train_sound_command)


def _common(function: Any) -> Any:
    options = [
        click.option(
            "--config",
            type=click.Path(dir_okay=False, path_type=Path),
            help="YAML of settings, or a name in configs/training; flags win over it.",
        ),
        click.option(
            "--images",
            multiple=True,
            metavar="PATH[=WEIGHT]",
            help="Pictures to train on: a folder, a CIFAR-10 archive, an .npz. Repeatable.",
        ),
        click.option("--validation", multiple=True, metavar="PATH", help="Pictures to measure on. Repeatable."),
        click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder of the run."),
        click.option("--minutes", type=float, help="Time to train."),
        click.option("--steps", type=int, help="Updates to train, instead of a time."),
        click.option("--go-minutes", type=float, help="End this go after a time; --resume goes on with the run."),
        click.option("--seed", type=int, help="Seed of every random draw."),
        click.option("--resume", is_flag=True, help="Continue the run in --out."),
        json_option,
    ]
    for option in reversed(options):
        function = option(function)
    return function


_codec_name = click.option("--name", help="Name of the codec and of its folder in --out.")
_refiner_name = click.option("--name", help="Name of the refiner and of its folder in --out.")
_users = click.option("--users", type=int, help="Users that share the channel.")


def _first_process() -> bool:
    """Of the processes that torchrun starts only one writes results."""
    return int(os.environ.get("RANK", "0")) == 0


def _exported(settings: Any, progress: Any, finish: Callable[[Path, Path], Any], as_json: bool) -> None:
    """Export what was trained and say what it is."""
    if not _first_process() or not _finished(settings, progress, as_json):
        return
    folder = settings.out / settings.name
    manifest = finish(settings.out, folder)
    seen = manifest.provenance.images_seen
    facts = {"folder": folder, "name": settings.name, "images_seen": seen, "metrics": manifest.metrics}
    answer(as_json, facts, f"{folder}: {seen} images seen, {manifest.metrics}")


def _finished(settings: Any, progress: Any, as_json: bool) -> bool:
    """Whether the run is at its end; where only this go is, say how to go on."""
    if not progress.finished:
        sentence = f"{settings.out}: {progress.step} updates so far; the same command with --resume goes on."
        answer(as_json, {"folder": settings.out, "finished": False, "updates": progress.step}, sentence)
    return bool(progress.finished)


_initial_codec = click.option("--initial-codec", help="Codec, by name or path, or training run to start from.")


def _located(name: str | None) -> Path | None:
    """The folder of ``--initial-codec``: a training run, or a codec by name or path."""
    from models.package.zoo import codec_folder

    if name is None or (Path(name) / "checkpoint.safetensors").is_file():
        return None if name is None else Path(name)
    return codec_folder(name)


@command.command("codec")
@_common
@_initial_codec
@_codec_name
@_users
def train_codec_command(resume: bool, as_json: bool, **flags: Any) -> None:
    """Train an encoder and one decoder per user through superposed channels; writes OUT/NAME."""
    from models.training.codec.finish import finish_codec
    from models.training.codec.loop import train_codec
    from models.training.config import CodecTraining

    flags["initial_codec"] = _located(flags["initial_codec"])
    settings = training_settings(CodecTraining, flags)
    _exported(settings, train_codec(settings, resume)[1], finish_codec, as_json)


@command.command("adaptive")
@_common
@_codec_name
def train_adaptive_command(resume: bool, as_json: bool, **flags: Any) -> None:
    """Train one encoder and one decoder for any number of users and symbols; writes OUT/NAME."""
    from models.training.adaptive.finish import finish_adaptive
    from models.training.adaptive.loop import train_adaptive
    from models.training.config import AdaptiveTraining

    settings = training_settings(AdaptiveTraining, flags)
    _exported(settings, train_adaptive(settings, resume)[1], finish_adaptive, as_json)


@command.command("teacher")
@_common
@_initial_codec
@click.option("--name", help="Name of the teacher.")
@click.option("--users", type=int, help="Users of the student to come.")
def train_teacher_command(resume: bool, as_json: bool, **flags: Any) -> None:
    """First stage: encoder and one decoder over interference-free channels; writes OUT and its metrics.json."""
    from models.training.codec.finish import finish_teacher
    from models.training.codec.two_stage import train_teacher
    from models.training.stage_config import TeacherTraining

    flags["initial_codec"] = _located(flags["initial_codec"])
    settings = training_settings(TeacherTraining, flags)
    _, progress = train_teacher(settings, resume)
    if _first_process() and _finished(settings, progress, as_json):
        psnr_db = finish_teacher(settings.out)["psnr_db"]
        answer(as_json, {"folder": settings.out, "psnr_db": psnr_db}, f"{settings.out}: {psnr_db}")


@command.command("student")
@_common
@_codec_name
@_initial_codec
@click.option("--teacher", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Run of the teacher.")
def train_student_command(resume: bool, as_json: bool, **flags: Any) -> None:
    """Second stage: the superposed codec, started from the teacher and distilled from it; writes OUT/NAME."""
    from models.training.codec.finish import finish_codec
    from models.training.codec.two_stage import train_student
    from models.training.stage_config import StudentTraining

    flags["initial_codec"] = _located(flags["initial_codec"])
    settings = training_settings(StudentTraining, flags)
    _exported(settings, train_student(settings, resume)[1], finish_codec, as_json)


@command.command("baseline")
@click.argument("baseline", type=click.Choice(["joint-decoder", "no-distillation", "orthogonal", "conditional-gan"]))
@_common
@_initial_codec
@click.option("--name", help="Name of the codec or refiner and of its folder in --out.  [BASELINE]")
@_users
@click.option("--codec", help="For conditional-gan: codec, by name or path, whose pictures it refines.")
def train_baseline_command(baseline: str, resume: bool, as_json: bool, **flags: Any) -> None:
    """Train what student and refiner are compared with, by the same loop and channel uses; writes OUT/NAME."""
    if baseline == "conditional-gan":
        _train_conditional_gan(resume, as_json, flags)
        return
    if flags.pop("codec") is not None:
        raise click.UsageError(f"--codec is for conditional-gan; {baseline} is a codec itself.")
    from models.training.codec.finish import finish_codec
    from models.training.codec.loop import train_codec
    from models.training.stage_config import BaselineTraining

    flags["name"] = flags["name"] or baseline
    flags["initial_codec"] = _located(flags["initial_codec"])
    settings = training_settings(BaselineTraining, flags | {"baseline": baseline})
    _exported(settings, train_codec(settings, resume)[1], finish_codec, as_json)


def _train_conditional_gan(resume: bool, as_json: bool, flags: dict[str, Any]) -> None:
    from models.package.zoo import codec_folder
    from models.training.refiner.conditional_gan import train_conditional_gan
    from models.training.refiner.finish import finish_refiner
    from models.training.stage_config import ConditionalGanTraining

    if any(flags.pop(name) is not None for name in ("users", "initial_codec")):
        raise click.UsageError("--users and --initial-codec are for codecs; conditional-gan refines those of --codec.")
    flags["codec"] = codec_folder(flags["codec"] or "compact-2u")
    settings = training_settings(ConditionalGanTraining, flags)
    _exported(settings, train_conditional_gan(settings, resume)[1], finish_refiner, as_json)


@command.command("refiner")
@_common
@_refiner_name
@click.option("--codec", help="Codec, by name or path, whose pictures are refined.")
@click.option("--conditioned", is_flag=True, default=None, help="The network sees what --codec decoded.")
def train_refiner_command(resume: bool, as_json: bool, **flags: Any) -> None:
    """Train the diffusion model that refines decoded pictures; writes OUT/NAME."""
    from models.package.zoo import codec_folder
    from models.training.config import RefinerTraining
    from models.training.refiner.conditioned_loop import train_conditioned
    from models.training.refiner.finish import finish_refiner
    from models.training.refiner.loop import train_refiner

    if flags["codec"] is not None:
        flags["codec"] = codec_folder(flags["codec"])
    settings = training_settings(RefinerTraining, flags)
    train = train_conditioned if settings.conditioned else train_refiner
    _exported(settings, train(settings, resume)[1], finish_refiner, as_json)


@command.command("one-step")
@_common
@_refiner_name
@click.option("--refiner", help="Refiner to distil, by name or path.")
@click.option("--codec", help="Codec, by name or path, whose pictures it refines.")
def train_one_step_command(resume: bool, as_json: bool, **flags: Any) -> None:
    """Distil a diffusion refiner into a single network pass; writes OUT/NAME."""
    from models.package.zoo import codec_folder, refiner_folder
    from models.training.refiner.finish import finish_refiner
    from models.training.refiner.one_step import train_one_step
    from models.training.stage_config import OneStepTraining

    for name, find in (("codec", codec_folder), ("refiner", refiner_folder)):
        if flags[name] is not None:
            flags[name] = find(flags[name])
    settings = training_settings(OneStepTraining, flags)
    _exported(settings, train_one_step(settings, resume)[1], finish_refiner, as_json)
