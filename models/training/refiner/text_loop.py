"""Training the refiner that reads captions, on what an adaptive codec decodes of labelled pictures."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor, nn

from models.classifier import PictureClassifier
from models.codecs.adaptive import AdaptiveCodec
from models.decoding.decoder import choose_device
from models.errors import ModelError
from models.evaluation.st_lpips import ShiftTolerantLpips
from models.refiner.text_network import TextArguments, TextRefinerNetwork
from models.text import EMBEDDING_SIZE, SentenceEmbedder
from models.training.classifier.loop import labelled_sources
from models.training.codec.warm_start import load_torch_codec
from models.training.refiner.captions import captions_of
from models.training.refiner.sending import sent_through
from models.training.refiner.text_settings import TextRefinerTraining
from models.training.running.checkpoint import Progress
from models.training.running.descent import channels_last_
from models.training.running.matrix_optimizer import MatrixOptimizer
from models.training.running.runner import refuse_overwrite, run_updates

MOST_SHIFT_PX = 2  # of what the classifier is shown, so that the network does not learn its grid


class TextRefinerRun(nn.Module):
    """network: what is trained; average: the moving average of its weights, which is what is shipped."""

    def __init__(self, settings: TextRefinerTraining) -> None:
        super().__init__()
        try:
            first, second, third = settings.blocks
            arguments = TextArguments(
                (settings.widths[0], settings.widths[1]), (first, second, third), settings.code_size, settings.text
            )
        except ValueError as error:
            raise ModelError(f"{error}.") from error
        self.network = TextRefinerNetwork(arguments)
        self.average = copy.deepcopy(self.network).requires_grad_(False)

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(now, 1 - decay)


@dataclass(frozen=True)
class _Batch:
    """originals, decoded: float [B, 3, H, W] in [0, 1]; labels: int64 [B]; snr_db, told: float [B]; text: float
    [B, 384].
    """

    originals: Tensor
    decoded: Tensor
    labels: Tensor
    snr_db: Tensor
    text: Tensor
    told: Tensor


class TextPairs:
    """Labelled pictures, sent by the codec through drawn channels, with a caption of each."""

    def __init__(self, settings: TextRefinerTraining, device: torch.device) -> None:
        self._settings, self._device = settings, device
        codec = load_torch_codec(settings.codec)
        if not isinstance(codec, AdaptiveCodec):
            raise ModelError(f"{settings.codec} is no adaptive codec, on whose output this refiner is trained.")
        self._codec = codec.eval().requires_grad_(False).to(device)
        channels_last_(self._codec)
        self._sources, weights = labelled_sources(settings.images, len(settings.names))
        self._shares = np.array(weights) / np.sum(weights)
        if any(side_px % codec.arguments.stride for side_px in self._sources[0][0].shape[1:3]):
            raise ModelError(
                f"the sides of pictures to learn from must be multiples of {codec.arguments.stride} pixels."
            )
        self._embeddings: list[NDArray[np.float32]] = []
        if settings.text:
            embedder = SentenceEmbedder.load()
            self._embeddings = [embedder.embed(captions_of(name)) for name in settings.names]

    @torch.no_grad()
    def draw(self, seed: list[int]) -> _Batch:
        """The same seed gives the same batch."""
        settings, rng = self._settings, np.random.default_rng(seed)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        pictures, labels = [], []
        for source in rng.choice(len(self._sources), size=settings.batch, p=self._shares):
            index = rng.integers(len(self._sources[source][1]))
            picture = self._sources[source][0][index]
            pictures.append(picture[:, ::-1] if rng.random() < 0.5 else picture)
            labels.append(int(self._sources[source][1][index]))
        text = np.zeros((settings.batch, EMBEDDING_SIZE), np.float32)
        told = np.zeros(settings.batch, np.float32)
        for row, label in enumerate(labels):
            if self._embeddings and rng.random() >= settings.text_dropped:
                text[row] = self._embeddings[label][rng.integers(len(self._embeddings[label]))]
                told[row] = 1
        originals = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
        originals = originals.to(self._device, memory_format=torch.channels_last)
        decoded, snr_db = sent_through(self._codec, originals, settings.channel, generator, settings.mixed_precision)
        rest = (torch.tensor(labels), snr_db, torch.from_numpy(text), torch.from_numpy(told))
        return _Batch(originals, decoded, *(one.to(self._device) for one in rest))


class TextLoss:
    """What ``TextRefinerTraining`` says, of refined pictures that are not clamped."""

    def __init__(self, settings: TextRefinerTraining, device: torch.device) -> None:
        self._settings = settings
        self._perceptual = ShiftTolerantLpips.load() if settings.perceptual else None
        self._classifier = None
        if settings.class_weight or settings.feature:
            if settings.classifier is None:
                raise ModelError(
                    "class_weight and feature ask a classifier: name it with --classifier, or set both to 0."
                )
            classifier = PictureClassifier.load(settings.classifier, str(device))
            self._classifier = classifier.network.requires_grad_(False)
            channels_last_(self._classifier)

    def __call__(self, refined: Tensor, batch: _Batch, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(loss, mean PSNR in dB), scalars."""
        settings = self._settings
        error = (refined - batch.originals).square().mean(dim=(1, 2, 3))
        loss = (error + settings.mse_floor).log().mean()
        shown = refined.clamp(0, 1)
        if self._perceptual is not None:
            some = max(1, round(settings.perceptual_share * len(refined)))
            with torch.no_grad():
                wanted = self._perceptual.features(batch.originals[:some])
            distance = self._perceptual.differences(self._perceptual.features(shown[:some]), wanted).float()
            loss = loss + settings.perceptual * (distance + settings.distance_floor).log().mean()
        if self._classifier is not None:
            shift = tuple(int(px) for px in rng.integers(-MOST_SHIFT_PX, MOST_SHIFT_PX + 1, size=2))
            judged = self._classifier.features(shown.roll(shift, (2, 3)))
            logits = self._classifier.head(judged[-1].mean(dim=(2, 3))).float()
            missed = F.cross_entropy(logits, batch.labels, reduction="none")
            told = batch.told if settings.text else torch.ones_like(batch.told)
            loss = loss + settings.class_weight * (told * missed).mean()
            if settings.feature:
                with torch.no_grad():
                    right = self._classifier.features(batch.originals.roll(shift, (2, 3)))
                pairs = zip(judged, right, strict=True)
                loss = loss + settings.feature * torch.stack([(a - b).abs().mean() for a, b in pairs]).mean()
        return loss, -10 * error.detach().clamp_min(1e-10).log10().mean()


def train_text_refiner(
    settings: TextRefinerTraining, resume: bool = False, console: Console | None = None
) -> tuple[TextRefinerNetwork, Progress]:
    """Train until the minutes or steps are spent; the logged figure is the mean PSNR of refined pictures.

    Returns the averaged network. Errors and resume as ``train_codec``; ModelError when the codec is not adaptive, or
    packages with the weights of text and st-lpips are missing.
    """
    refuse_overwrite(settings.out, resume)
    torch.manual_seed(settings.seed)
    device = choose_device("auto")
    run = TextRefinerRun(settings).to(device)
    optimizer = MatrixOptimizer(run.network, settings.learning_rate)
    pairs, loss_of = TextPairs(settings, device), TextLoss(settings, device)
    bf16 = settings.mixed_precision == "bf16"

    def update(progress: Progress) -> float:
        batch = pairs.draw([settings.seed, progress.step])
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            made = run.network(2 * batch.decoded - 1, batch.snr_db, batch.text, batch.told)
            loss, psnr_db = loss_of((made.float() + 1) / 2, batch, np.random.default_rng([progress.step, 7]))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(run.network.parameters(), settings.gradient_norm)
        optimizer.step()
        run.follow(settings.average_decay)
        progress.images_seen += settings.batch
        return float(psnr_db)

    progress = run_updates(settings, run, optimizer, update, resume, console)
    return run.average, progress
