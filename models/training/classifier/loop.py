"""Training the classifier on labelled pictures, mirrored, moved, and with a patch hidden."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor

from models.classifier.network import ClassifierArguments, ClassifierNetwork
from models.decoding.decoder import choose_device
from models.errors import ModelError
from models.images.labelled import Labelled, open_labelled
from models.training.classifier.settings import ClassifierTraining
from models.training.running.checkpoint import Progress
from models.training.running.dataset import split_weight
from models.training.running.descent import channels_last_
from models.training.running.runner import refuse_overwrite, run_updates

HIDDEN_SHARE = 0.25  # of a side, of the square that is hidden


def fresh_classifier(settings: ClassifierTraining) -> ClassifierNetwork:
    """ModelError when the settings make no network."""
    try:
        network = ClassifierNetwork(
            ClassifierArguments(len(settings.names), tuple(settings.widths), tuple(settings.blocks), settings.shortcuts)
        )
    except ValueError as error:
        raise ModelError(f"{error}.") from error
    channels_last_(network)
    return network


def train_classifier(
    settings: ClassifierTraining, resume: bool = False, console: Console | None = None
) -> tuple[ClassifierNetwork, Progress]:
    """Train until the minutes or steps are spent; the logged figure is the share of each batch that was classified
    rightly. Errors and resume as ``train_codec``; ModelError on pictures of several sizes or classes without a name.
    """
    refuse_overwrite(settings.out, resume)
    torch.manual_seed(settings.seed)
    device = choose_device("auto")
    network = fresh_classifier(settings).to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    sources, weights = labelled_sources(settings.images, len(settings.names))
    shares = np.array(weights) / np.sum(weights)
    bf16 = settings.mixed_precision == "bf16"

    def update(progress: Progress) -> float:
        rng = np.random.default_rng([settings.seed, progress.step])
        pictures, labels = _drawn(sources, shares, settings, rng)
        planes, wanted = pictures.to(device), labels.to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            logits = network(planes.contiguous(memory_format=torch.channels_last)).float()
        loss = F.cross_entropy(logits, wanted, label_smoothing=settings.smoothing)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_norm)
        optimizer.step()
        progress.images_seen += settings.batch
        return float((logits.argmax(dim=1) == wanted).float().mean())

    progress = run_updates(settings, network, optimizer, update, resume, console)
    return network, progress


def labelled_sources(images: list[str], classes: int) -> tuple[list[Labelled], list[float]]:
    """The sources and their weights. ModelError when their pictures differ in size or a label has no class."""
    sources, weights = [], []
    for image in images:
        path, weight = split_weight(image)
        pictures, labels = open_labelled(path, split="train")
        if labels.min() < 0 or labels.max() >= classes:
            raise ModelError(
                f"{path} has labels from {labels.min()} to {labels.max()}, but {classes} classes are named."
            )
        sources.append((pictures, labels))
        weights.append(weight)
    sizes = {pictures.shape[1:3] for pictures, _ in sources}
    if len(sizes) > 1:
        raise ModelError(f"pictures to classify must have one size, but have {sorted(sizes)}.")
    return sources, weights


def _drawn(
    sources: list[Labelled], shares: NDArray[np.float64], settings: ClassifierTraining, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """float [B, 3, H, W] in [0, 1] and int64 [B]."""
    pictures, labels = [], []
    for source in rng.choice(len(sources), size=settings.batch, p=shares):
        index = rng.integers(len(sources[source][1]))
        pictures.append(_varied(sources[source][0][index], settings.shift_px, rng))
        labels.append(sources[source][1][index])
    planes = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    return planes, torch.tensor(np.array(labels))


def _varied(picture: NDArray[np.uint8], shift_px: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """uint8 [H, W, 3], mirrored half of the time, moved, and with a square of grey."""
    height, width = picture.shape[:2]
    padded = np.pad(picture, ((shift_px, shift_px), (shift_px, shift_px), (0, 0)), mode="reflect")
    top, left = rng.integers(2 * shift_px + 1, size=2)
    varied = padded[top : top + height, left : left + width].copy()
    down, right = rng.integers(height), rng.integers(width)
    hidden = max(1, round(HIDDEN_SHARE * min(height, width)))
    varied[down : down + hidden, right : right + hidden] = 120
    return varied[:, ::-1] if rng.random() < 0.5 else varied
