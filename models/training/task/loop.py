"""Training a task's network on symbols that a packaged encoder makes afresh of moved and mirrored pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor, nn

from models.classifier import PictureClassifier
from models.codecs.adaptive import AdaptiveCodec
from models.errors import ModelError
from models.images.labelled import open_labelled
from models.task.network import TaskArguments, TaskHead
from models.task.symbol_task import load_task_weights
from models.training.adaptive.channel import draw_adaptive_frame, pass_channel
from models.training.codec.warm_start import load_torch_codec
from models.training.running.averaging import averaged_model
from models.training.running.checkpoint import Progress
from models.training.running.descent import channels_last_
from models.training.running.runner import refuse_overwrite, run_updates
from models.training.task.config import TaskTraining


class TaskRun(nn.Module):
    """head: what is trained; average: the exponential moving average of its weights, which is what is shipped."""

    def __init__(self, head: TaskHead, decay: float) -> None:
        super().__init__()
        self.head = head
        self.average = averaged_model(head, decay)

    @property
    def averaged(self) -> TaskHead:
        head = self.average.module
        assert isinstance(head, TaskHead)
        return head


def adaptive_codec(folder: Path) -> AdaptiveCodec:
    """The torch network of a codec folder; ModelError for a codec of another form."""
    codec = load_torch_codec(folder)
    if not isinstance(codec, AdaptiveCodec):
        raise ModelError(f"{folder} is no adaptive codec: a task is learnt from the symbols of one.")
    return codec.eval()


def fresh_task(settings: TaskTraining, codec: AdaptiveCodec) -> TaskRun:
    """A network that starts as the codec's decoder with the classifier behind it, and its average."""
    classifier = PictureClassifier.load(settings.classifier, "cpu")
    head = TaskHead(TaskArguments(codec.arguments, classifier.network.arguments))
    head.symbols.load_state_dict(codec.decoder.state_dict())
    head.classes.load_state_dict(classifier.network.state_dict())
    if settings.initial_task is not None:
        load_task_weights(head, settings.initial_task)
    head.symbols.requires_grad_(settings.parts == "all")
    channels_last_(head)
    return TaskRun(head, settings.average_decay)


def task_optimizer(run: TaskRun, settings: TaskTraining) -> torch.optim.AdamW:
    """Of what is trained."""
    trained = [parameter for parameter in run.head.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(trained, settings.learning_rate, weight_decay=settings.weight_decay)


def train_task(
    settings: TaskTraining, resume: bool = False, console: Console | None = None
) -> tuple[TaskHead, Progress]:
    """Train until the minutes or steps are spent; the logged figure is the share of right answers on what is trained
    on. Errors and resume as ``train_codec``.
    """
    refuse_overwrite(settings.out, resume)
    torch.manual_seed(settings.seed)
    codec = adaptive_codec(settings.codec)
    run = fresh_task(settings, codec)
    optimizer = task_optimizer(run, settings)
    images, labels = labelled_pictures(settings, run.head.arguments.classifier.classes)
    run.train()

    def update(progress: Progress) -> float:
        """All randomness comes from (seed, step)."""
        rng = np.random.default_rng([settings.seed, progress.step])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        chosen = rng.integers(0, len(images), settings.batch)
        seen, side = received(codec, moved(images[chosen], settings.shift_px, rng), settings, generator)
        right = torch.from_numpy(labels[chosen])
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.mixed_precision == "bf16"):
            logits = run.head(seen, side)
        loss = nn.functional.cross_entropy(logits.float(), right, label_smoothing=settings.smoothing)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], settings.gradient_norm)
        optimizer.step()
        run.average.update_parameters(run.head)
        progress.images_seen += settings.batch
        return float((logits.argmax(dim=1) == right).float().mean())

    progress = run_updates(settings, run, optimizer, update, resume, console)
    return run.averaged, progress


def labelled_pictures(settings: TaskTraining, classes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All pictures and labels of the sources, which have one size and sides that are multiples of the stride."""
    pairs = [open_labelled(source, split="train") for source in settings.images]
    sizes = {images.shape[1:3] for images, _ in pairs}
    if len(sizes) > 1 or any(side % 8 for side in next(iter(sizes))):
        raise ModelError("pictures to learn a task from must have one size, with sides that are multiples of 8.")
    labels = np.concatenate([labels for _, labels in pairs])
    if labels.min() < 0 or labels.max() >= classes:
        raise ModelError(f"labels are from {labels.min()} to {labels.max()}, but the classifier has {classes} classes.")
    return np.concatenate([images for images, _ in pairs]), labels


def moved(pictures: NDArray[np.uint8], most_px: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """uint8 [n, H, W, 3], each moved by up to ``most_px`` in both directions (what comes in is a reflection), and every
    second one mirrored.
    """
    height, width = pictures.shape[1:3]
    padded = np.pad(pictures, ((0, 0), (most_px, most_px), (most_px, most_px), (0, 0)), mode="reflect")
    found = np.empty_like(pictures)
    for row, (top, left, mirror) in enumerate(
        zip(*(rng.integers(0, 2 * most_px + 1, (2, len(pictures)))), rng.random(len(pictures)) < 0.5, strict=True)
    ):
        part = padded[row, top : top + height, left : left + width]
        found[row] = part[:, ::-1] if mirror else part
    return found


@torch.no_grad()
def received(
    codec: AdaptiveCodec, pictures: NDArray[np.uint8], settings: TaskTraining, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """What a decoder would be given of pictures after a drawn channel: features [B, M, h, w] and side [B, 3]."""
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float().div(255)
    images = images.contiguous(memory_format=torch.channels_last)
    stride = codec.arguments.stride
    shape = (len(images), images.shape[2] // stride, images.shape[3] // stride)
    frame = draw_adaptive_frame(settings.channel, codec.arguments, shape, generator)
    with torch.autocast("cpu", torch.bfloat16, enabled=settings.mixed_precision == "bf16"):
        latent = codec.encoder(images, None, frame.encoder_side)
    seen = pass_channel(latent, frame, codec.arguments.latent_channels // 2, generator)
    return seen, frame.decoder_side
