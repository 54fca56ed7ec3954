"""From an adaptive codec's training run to the codec's folder, measured and exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.codecs.adaptive import AdaptiveCodec
from models.errors import ModelError
from models.export.codec_folder import CodecCard, export_codec
from models.package.manifest import CodecManifest
from models.training.adaptive.channel import AdaptiveFrame, pass_channel, side_vector
from models.training.adaptive.loop import fresh_adaptive
from models.training.codec.validation import VALIDATION_SEED, same_size_groups
from models.training.config import AdaptiveTraining
from models.training.running.checkpoint import load_checkpoint
from models.training.running.matrix_optimizer import MatrixOptimizer
from models.training.running.provenance import MODEL_VERSION, provenance_of, settings_text
from models.training.running.runner import SETTINGS_NAME

SIDE_FIELDS = ["sinr_db_over_20", "sinr_spread_db_over_10", "share"]
SINRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0, 25.0)
_BATCH_PIXELS = 1 << 19


def finish_adaptive(run: Path, folder: Path) -> CodecManifest:
    """Export the averaged codec of a run folder's checkpoint, finished or not, measured on its validation sources.

    Raises ModelError when ``run`` holds no run of ``train adaptive``.
    """
    try:
        settings = AdaptiveTraining.model_validate_json(settings_text(run))
    except ValueError as error:
        raise ModelError(f"{SETTINGS_NAME} is not of an adaptive codec: {str(error).splitlines()[0]}.") from error
    trained = fresh_adaptive(settings)
    progress = load_checkpoint(run, trained, MatrixOptimizer(trained.codec, settings.learning_rate))
    codec = trained.averaged.eval()
    codec.decoders.load_state_dict({k: v.half().float() for k, v in codec.decoders.state_dict().items()})
    metrics: dict[str, Any] = {}
    if settings.validation:
        metrics = {
            "psnr_db": {source.rstrip("/").rsplit("/", 1)[-1]: _table(codec, source) for source in settings.validation},
            "method": "mean PSNR of 8-bit pictures by complex channels of a latent position and SINR in dB, white "
            f"noise, perfect channel knowledge, seed {VALIDATION_SEED}",
        }
    card = CodecCard(
        settings.name,
        MODEL_VERSION,
        SIDE_FIELDS,
        provenance_of("adaptive", settings, progress),
        metrics,
        settings.licence,
        codec.foresight.levels,
    )
    return export_codec(codec, folder, card)


def _table(codec: AdaptiveCodec, source: str) -> dict[str, dict[str, float]]:
    """``{channels: {sinr: mean PSNR}}`` at an eighth, a quarter, a half, three quarters and all of the channels: the
    curve that sharing is chosen by (``models/choice/rate_quality.py``).
    """
    groups = same_size_groups(source, codec.arguments.stride)
    all_channels = codec.arguments.latent_channels // 2
    counts = sorted({max(1, all_channels * eighths // 8) for eighths in (1, 2, 4, 6, 8)})
    return {
        str(count): {f"{snr_db:g}": round(_psnr_db(codec, groups, count, snr_db), 3) for snr_db in SINRS_DB}
        for count in counts
    }


@torch.inference_mode()
def _psnr_db(codec: AdaptiveCodec, groups: list[NDArray[np.uint8]], count: int, sinr_db: float) -> float:
    generator = torch.Generator().manual_seed(VALIDATION_SEED)
    values: list[Tensor] = []
    for group in groups:
        batch = max(1, _BATCH_PIXELS // (group.shape[1] * group.shape[2]))
        for start in range(0, len(group), batch):
            images = torch.from_numpy(group[start : start + batch]).permute(0, 3, 1, 2).float() / 255
            decoded = through_white_noise(codec, images, count, sinr_db, generator)
            error = ((decoded * 255).round() / 255 - images).square().mean(dim=(1, 2, 3))
            values.append(-10 * error.clamp_min(1e-10).log10())
    return float(torch.cat(values).mean())


@torch.inference_mode()
def through_white_noise(
    codec: AdaptiveCodec, images: Tensor, count: int, sinr_db: float, generator: torch.Generator
) -> Tensor:
    """images float [B, 3, H, W] in [0, 1], sides multiples of 8 -> decoded from ``count`` complex channels, clamped."""
    batch, all_channels = len(images), codec.arguments.latent_channels // 2
    side = side_vector(torch.full((batch,), sinr_db), torch.zeros(batch), torch.full((batch,), count / all_channels))
    latent = codec.encoder(images.contiguous(memory_format=torch.channels_last), None, side)
    rows, columns = latent.shape[2:]
    sinr = torch.full((batch, codec.arguments.complex_channels, rows, columns), 10 ** (sinr_db / 10))
    frame = AdaptiveFrame(torch.full((batch, rows, columns), count), sinr, side, side)
    seen = pass_channel(latent, frame, all_channels, generator)
    decoded: Tensor = codec.decoder(seen, side).clamp(0, 1)
    return decoded
