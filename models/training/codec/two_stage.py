"""The two stages of knowledge distillation: the orthogonal teacher, then the superposed student."""

from __future__ import annotations

from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor, nn

from models.codecs.base import CodecNetwork
from models.errors import ModelError
from models.training.codec.distillation import cross_head, cross_image_relations, feature_affinity, run_decoder
from models.training.codec.frames import draw_frame
from models.training.codec.loop import CodecStep, Outcome, of_each, starting_codec, sum_over_users, train_step
from models.training.codec.transmission import Reception, pass_frame, symbol_count
from models.training.codec.warm_start import part_users
from models.training.config import CodecTraining
from models.training.running.checkpoint import Progress, has_checkpoint, load_checkpoint
from models.training.running.runner import SETTINGS_NAME
from models.training.stage_config import StudentTraining, TeacherTraining


def train_teacher(
    settings: TeacherTraining, resume: bool = False, console: Console | None = None
) -> tuple[CodecNetwork, Progress]:
    """Train the teacher: all users share one decoder and none disturbs another. Errors and resume as train_codec."""
    return train_step(settings, teacher_network, lambda codec: CodecStep(codec, True), resume, console, orthogonal=True)


def teacher_network(settings: CodecTraining) -> CodecNetwork:
    """The teacher's networks to start from: those of ``settings`` with one decoder for all users."""
    arguments = settings.arguments | {"decoders": "shared", "sharing": "superposed"}
    return starting_codec(settings.model_copy(update={"arguments": arguments}))


def load_teacher(run: Path) -> tuple[CodecNetwork, TeacherTraining, Progress]:
    """The teacher of a run folder, finished or not; ModelError when it holds none."""
    if not has_checkpoint(run) or not (run / SETTINGS_NAME).is_file():
        raise ModelError(f"{run} is not a teacher's training folder: it needs a checkpoint and {SETTINGS_NAME}.")
    try:
        settings = TeacherTraining.model_validate_json((run / SETTINGS_NAME).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{run} is not a teacher's training folder: its {SETTINGS_NAME} is of another run.") from error
    teacher = teacher_network(settings)
    progress = load_checkpoint(run, teacher, torch.optim.AdamW(teacher.parameters()))
    return teacher, settings, progress


def student_network(settings: StudentTraining, teacher: CodecNetwork) -> CodecNetwork:
    """The student of settings ``as_taught``, with the teacher's weights unless told otherwise."""
    student = starting_codec(settings)
    if settings.initial_codec is None and settings.from_teacher:
        student.encoder.load_state_dict(teacher.encoder.state_dict())
        for decoder in student.decoders:
            decoder.load_state_dict(teacher.decoders[0].state_dict())
    if settings.parted:
        part_users(student, before=1)
    return student


def train_student(
    settings: StudentTraining, resume: bool = False, console: Console | None = None
) -> tuple[CodecNetwork, Progress]:
    """Train the student under the frozen teacher of ``settings.teacher``. Errors and resume as ``train_codec``.

    ``settings`` takes users, architecture and arguments from the teacher, and is written into the run so.
    """
    teacher, taught, _ = load_teacher(settings.teacher)
    settings = as_taught(settings, taught)
    return train_step(
        settings,
        lambda own: student_network(own, teacher),
        lambda codec: StudentStep(codec, teacher),
        resume,
        console,
    )


def as_taught(settings: StudentTraining, taught: TeacherTraining) -> StudentTraining:
    """The settings with the teacher's users, architecture and arguments."""
    arguments = taught.arguments | {"decoders": "per-user", "sharing": "superposed"}
    same = {"users": taught.users, "architecture": taught.architecture, "arguments": arguments}
    return settings.model_copy(update=same)


class StudentStep(nn.Module):
    """One forward pass of the student beside the frozen teacher, over the same pictures, fading and SNR."""

    def __init__(self, codec: CodecNetwork, teacher: CodecNetwork) -> None:
        super().__init__()
        self.codec = codec
        self.teacher = teacher.eval().requires_grad_(False)

    def forward(self, images: Tensor, settings: StudentTraining, generator: torch.Generator) -> Outcome:
        """images: float [users, B, 3, H, W] in [0,1]; one row of every loss for each user."""
        users, batch, _, height, width = images.shape
        frame = draw_frame(settings.channel, batch, users, symbol_count(self.codec, height, width), generator)
        own = pass_frame(self.codec, images, frame, generator)
        with torch.no_grad():
            taught = pass_frame(self.teacher, images, frame, generator, orthogonal=True)
        sent = frame.active.T.to(images.device)
        errors, losses = [], []
        for user in range(users):
            squared, loss = self._one_user(images[user], user, own, taught, settings)
            errors.append(squared)
            losses.append(loss)
        loss = sum_over_users(torch.stack(losses), sent)
        if settings.relational:
            relations = [cross_image_relations(taught.views[u], own.views[u]) for u in range(users)]
            loss = loss + settings.relational * torch.stack(relations).sum()
        return Outcome(loss, torch.where(sent, torch.stack(errors), torch.nan).detach())

    def _one_user(
        self, images: Tensor, user: int, own: Reception, taught: Reception, settings: StudentTraining
    ) -> tuple[Tensor, Tensor]:
        """(squared errors, weighted loss), float [B] each."""
        hidden, decoded = run_decoder(
            self.codec.decoders[user], own.views[user], own.sides[user], settings.cross_head_layer
        )
        difference = decoded.float() - images
        squared = difference.square().mean(dim=(1, 2, 3))
        absolute = settings.loss == "l1"
        restored = difference.abs().mean(dim=(1, 2, 3)) if absolute else of_each(squared, settings.loss)
        loss = settings.reconstruction * restored
        if settings.feature_affinity:
            loss = loss + settings.feature_affinity * feature_affinity(taught.views[user], own.views[user])
        if settings.cross_head:
            master, side = self.teacher.decoders[user], taught.sides[user]
            with torch.no_grad():
                target = master(taught.views[user], side)
            loss = loss + settings.cross_head * cross_head(hidden, master, settings.cross_head_layer, side, target)
        return squared, loss
