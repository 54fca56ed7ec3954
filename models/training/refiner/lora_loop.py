"""Fine-tuning the refiner that reads texts on a user's own pictures, by matrices of low rank beside its layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor, nn

from models.codecs.adaptive import AdaptiveCodec
from models.decoding.decoder import choose_device
from models.errors import ModelError
from models.evaluation.st_lpips import ShiftTolerantLpips
from models.export.refiner_folder import export_refiner
from models.images import open_images
from models.package.manifest import RefinerManifest
from models.refiner import Refiner
from models.refiner.low_rank import low_rank_parameters, merged, with_low_rank
from models.refiner.text_network import TEXT_ARCHITECTURE, TextRefinerNetwork
from models.text import EMBEDDING_SIZE, SentenceEmbedder
from models.training.codec.warm_start import load_torch_codec
from models.training.refiner.lora_settings import RefinerLoraTraining
from models.training.refiner.sending import sent_through
from models.training.running.checkpoint import Progress, load_checkpoint
from models.training.running.provenance import MODEL_VERSION, provenance_of, settings_of
from models.training.running.runner import refuse_overwrite, run_updates


def base_network(settings: RefinerLoraTraining) -> TextRefinerNetwork:
    """What is fine-tuned. ModelError when it is another kind of refiner."""
    network = Refiner.load(settings.refiner, "cpu").network
    if not isinstance(network, TextRefinerNetwork):
        raise ModelError(f"{settings.refiner} is no refiner of the kind text-one-step, which alone is fine-tuned.")
    return network


class _OwnPictures:
    """Crops of the user's pictures, each with what is said of the whole."""

    def __init__(self, settings: RefinerLoraTraining, reads: bool) -> None:
        self._settings = settings
        pictures = [picture.pixels for source in settings.images for picture in open_images(source, split="train")]
        if settings.captions and len(settings.captions) != len(pictures):
            raise ModelError(f"there are {len(settings.captions)} captions, but {len(pictures)} pictures.")
        side = settings.crop_px
        kept = [index for index, pixels in enumerate(pictures) if min(pixels.shape[:2]) >= side]
        if not kept:
            raise ModelError(f"none of {len(pictures)} pictures has {side}x{side} pixels to train on.")
        self._pictures = [pictures[index] for index in kept]
        said = [settings.captions[index] for index in kept] if settings.captions and reads else []
        self._embeddings = SentenceEmbedder.load().embed(said) if any(said) else None
        self._said = np.array([bool(text) for text in said])

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures float [B, 3, S, S] in [0, 1], text float [B, 384], told float [B]."""
        settings, side = self._settings, self._settings.crop_px
        text = np.zeros((settings.batch, EMBEDDING_SIZE), np.float32)
        told = np.zeros(settings.batch, np.float32)
        crops: list[NDArray[np.uint8]] = []
        for row, index in enumerate(rng.integers(len(self._pictures), size=settings.batch)):
            pixels = self._pictures[index]
            top, left = (int(rng.integers(length - side + 1)) for length in pixels.shape[:2])
            crop = pixels[top : top + side, left : left + side]
            crops.append(crop[:, ::-1] if rng.random() < 0.5 else crop)
            if self._embeddings is not None and self._said[index] and rng.random() >= settings.text_dropped:
                text[row], told[row] = self._embeddings[index], 1
        planes = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 255
        return planes, torch.from_numpy(text), torch.from_numpy(told)


def train_refiner_lora(
    settings: RefinerLoraTraining, resume: bool = False, console: Console | None = None
) -> tuple[nn.Module, Progress]:
    """Train until the minutes or steps are spent; the logged figure is the mean PSNR of refined pictures. Errors and
    resume as ``train_codec``; ModelError when refiner or codec are of another kind or peft is missing.
    """
    refuse_overwrite(settings.out, resume)
    torch.manual_seed(settings.seed)
    device = choose_device("auto")
    base = base_network(settings)
    tuned = with_low_rank(base, settings.rank, settings.alpha).to(device).train()
    trained = [parameter for parameter in tuned.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, settings.learning_rate, weight_decay=0.0)
    codec = load_torch_codec(settings.codec)
    if not isinstance(codec, AdaptiveCodec):
        raise ModelError(f"{settings.codec} is no adaptive codec, on whose output this refiner is trained.")
    codec = codec.eval().requires_grad_(False).to(device)
    pictures = _OwnPictures(settings, base.arguments.text)
    perceptual = ShiftTolerantLpips.load() if settings.perceptual else None

    def update(progress: Progress) -> float:
        rng = np.random.default_rng([settings.seed, progress.step])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        originals, *texts = (one.to(device) for one in pictures.draw(rng))
        decoded, snr_db = sent_through(codec, originals, settings.channel, generator, settings.mixed_precision)
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.mixed_precision == "bf16"):
            made = tuned(2 * decoded - 1, snr_db.to(device), *texts)
            refined = (made.float() + 1) / 2
            error = (refined - originals).square().mean(dim=(1, 2, 3))
            loss = (error + settings.mse_floor).log().mean()
            if perceptual is not None:
                pair = (perceptual.features(one) for one in (refined.clamp(0, 1), originals))
                distance = perceptual.differences(*pair).float()
                loss = loss + settings.perceptual * (distance + settings.distance_floor).log().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, settings.gradient_norm)
        optimizer.step()
        progress.images_seen += settings.batch
        return float(-10 * error.detach().clamp_min(1e-10).log10().mean())

    progress = run_updates(settings, tuned, optimizer, update, resume, console)
    return tuned, progress


def finish_refiner_lora(run: Path, folder: Path) -> RefinerManifest:
    """Merge what was learnt into the refiner and write its folder. ModelError when ``run`` holds no run."""
    settings = settings_of(run, RefinerLoraTraining)
    base, of = base_network(settings), Refiner.load(settings.refiner, "cpu").manifest
    tuned = with_low_rank(base, settings.rank, settings.alpha)
    trained = [parameter for parameter in tuned.parameters() if parameter.requires_grad]
    progress = load_checkpoint(run, tuned, torch.optim.AdamW(trained))
    further = f"--refiner {of.name} --codec {settings.codec.name} --rank {settings.rank}"
    told = provenance_of("refiner-lora", settings, progress, further)
    metrics: dict[str, Any] = {
        "fine_tuned_from": f"{of.name} {of.version}",
        "trained_parameters": low_rank_parameters(tuned),
    }
    card = (settings.name, MODEL_VERSION, of.arguments, told, metrics, settings.licence)
    return export_refiner(merged(tuned, base), folder, *card, {}, "text-one-step", TEXT_ARCHITECTURE)
