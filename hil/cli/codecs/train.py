"""`semnoma-hil train`: train a codec or a refiner and export it with its measured figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hil.cli.codecs.train_run import common, exported, finished, first_process
from hil.cli.codecs.train_sound import command as train_sound_command
from hil.cli.codecs.train_task import train_task_command
from hil.cli.codecs.train_text import (
    train_classifier_command,
    train_refiner_lora_command,
    train_text_refiner_command,
)
from hil.cli.options.answer import answer
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
      semnoma-hil train classifier --images cifar-10-binary.tar.gz --minutes 15 --out run5
      semnoma-hil train refiner-lora --images photos/ --captions sidecar --minutes 10 --out run6
      semnoma-hil train sound --sounds speech/ --minutes 15 --out my-speech
      semnoma-hil train one-step --refiner run2/refiner-32 --codec compact-2u --images photos/ --steps 4000 --out run3
    """


command.add_command(train_sound_command)
command.add_command(train_classifier_command)
command.add_command(train_task_command)
command.add_command(train_text_refiner_command)
command.add_command(train_refiner_lora_command)


_codec_name = click.option("--name", help="Name of the codec and of its folder in --out.")
_refiner_name = click.option("--name", help="Name of the refiner and of its folder in --out.")
_users = click.option("--users", type=int, help="Users that share the channel.")


_initial_codec = click.option("--initial-codec", help="Codec, by name or path, or training run to start from.")


def _located(name: str | None) -> Path | None:
    """The folder of ``--initial-codec``: a training run, or a codec by name or path."""
    from models.package.zoo import codec_folder

    if name is None or (Path(name) / "checkpoint.safetensors").is_file():
        return None if name is None else Path(name)
    return codec_folder(name)


@command.command("codec")
@common
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
    exported(settings, train_codec(settings, resume)[1], finish_codec, as_json)


@command.command("adaptive")
@common
@_codec_name
@click.option("--teacher", help="Adaptive codec, by name or path, that teaches one half; the other half is its own.")
@click.option("--taught", type=click.Choice(["encoder", "decoder"]), help="The half that is taught (encoder).")
@click.option("--distil", type=float, help="Weight of the regression on the teacher (10); 0 for none.")
def train_adaptive_command(resume: bool, as_json: bool, **flags: Any) -> None:
    """Train one encoder and one decoder for any number of users and symbols; writes OUT/NAME."""
    from models.package.zoo import codec_folder
    from models.training.adaptive.finish import finish_adaptive
    from models.training.adaptive.loop import train_adaptive
    from models.training.config import AdaptiveTraining

    flags["teacher"] = None if flags["teacher"] is None else codec_folder(flags["teacher"])
    settings = training_settings(AdaptiveTraining, flags)
    exported(settings, train_adaptive(settings, resume)[1], finish_adaptive, as_json)


@command.command("teacher")
@common
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
    if first_process() and finished(settings, progress, as_json):
        psnr_db = finish_teacher(settings.out)["psnr_db"]
        answer(as_json, {"folder": settings.out, "psnr_db": psnr_db}, f"{settings.out}: {psnr_db}")


@command.command("student")
@common
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
    exported(settings, train_student(settings, resume)[1], finish_codec, as_json)


@command.command("baseline")
@click.argument("baseline", type=click.Choice(["joint-decoder", "no-distillation", "orthogonal", "conditional-gan"]))
@common
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
    exported(settings, train_codec(settings, resume)[1], finish_codec, as_json)


def _train_conditional_gan(resume: bool, as_json: bool, flags: dict[str, Any]) -> None:
    from models.package.zoo import codec_folder
    from models.training.refiner.conditional_gan import train_conditional_gan
    from models.training.refiner.finish import finish_refiner
    from models.training.stage_config import ConditionalGanTraining

    if any(flags.pop(name) is not None for name in ("users", "initial_codec")):
        raise click.UsageError("--users and --initial-codec are for codecs; conditional-gan refines those of --codec.")
    flags["codec"] = codec_folder(flags["codec"] or "compact-2u")
    settings = training_settings(ConditionalGanTraining, flags)
    exported(settings, train_conditional_gan(settings, resume)[1], finish_refiner, as_json)


@command.command("refiner")
@common
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
    exported(settings, train(settings, resume)[1], finish_refiner, as_json)


@command.command("one-step")
@common
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
    exported(settings, train_one_step(settings, resume)[1], finish_refiner, as_json)
