"""From a training run to a folder that can be used: measure, then export with where it came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from models.codecs.channel import ChannelMode
from models.errors import ModelError
from models.export.codec_folder import CodecCard, export_codec
from models.package.manifest import CodecManifest
from models.training.codec.frames import SIDE_FIELDS
from models.training.codec.loop import fresh_codec
from models.training.codec.two_stage import load_teacher
from models.training.codec.validation import VALIDATION_MODES, VALIDATION_SEED, measure_codec, measure_overlap
from models.training.config import ChannelMix, CodecTraining
from models.training.running.checkpoint import load_checkpoint
from models.training.running.provenance import MODEL_VERSION, provenance_of, settings_text
from models.training.running.runner import SETTINGS_NAME
from models.training.stage_config import BaselineTraining, StudentTraining

METRICS_NAME = "metrics.json"
PAPER_MODES: tuple[ChannelMode, ...] = ("awgn", "rayleigh")


def finish_codec(run: Path, folder: Path) -> CodecManifest:
    """Export the codec of a run folder's checkpoint, finished or not, measured on the run's validation
    sources.

    Raises ModelError when ``run`` holds no codec run.
    """
    text = settings_text(run)
    what, settings = _codec_settings(text)
    codec = fresh_codec(settings)
    progress = load_checkpoint(run, codec, torch.optim.AdamW(codec.parameters()))
    # Measure what is shipped: the decoders as half precision stores them.
    codec.decoders.load_state_dict({k: v.half().float() for k, v in codec.decoders.state_dict().items()})
    metrics: dict[str, Any] = {}
    if settings.validation:
        metrics = {
            "psnr_db": measure_codec(codec, settings.validation, modes=_modes(settings.channel)),
            "symbol_overlap": measure_overlap(codec, settings.validation),
            "method": "mean PSNR of 8-bit pictures over all pictures and users, bare baseband channel, "
            f"perfect channel knowledge, seed {VALIDATION_SEED}",
        }
    card = CodecCard(
        settings.name,
        MODEL_VERSION,
        SIDE_FIELDS,
        provenance_of(what, settings, progress),
        metrics,
        settings.licence,
    )
    return export_codec(codec, folder, card)


def finish_teacher(run: Path) -> dict[str, Any]:
    """Measure the teacher of a run folder over interference-free channels, into ``metrics.json`` of that folder.

    A teacher is no codec of the testbed: with N users it takes N times the channel uses.
    """
    teacher, settings, progress = load_teacher(run)
    metrics: dict[str, Any] = {
        "psnr_db": measure_codec(teacher, settings.validation, modes=PAPER_MODES, orthogonal=True),
        "method": "mean PSNR of 8-bit pictures, every user on channel uses of its own at full power, "
        f"perfect channel knowledge, seed {VALIDATION_SEED}",
        "provenance": provenance_of("teacher", settings, progress).model_dump(),
    }
    (run / METRICS_NAME).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    return metrics


def _modes(mix: ChannelMix) -> tuple[ChannelMode, ...]:
    """The testbed's channels, or the paper's for a codec that was trained on those alone."""
    return VALIDATION_MODES if mix.random_phase or mix.selective else PAPER_MODES


def _codec_settings(text: str) -> tuple[str, CodecTraining]:
    """(kind of run, its settings) of a codec or a student."""
    try:
        content = json.loads(text)
        if "teacher" in content:
            return "student", StudentTraining.model_validate(content)
        if "baseline" in content:
            return f"baseline {content['baseline']}", BaselineTraining.model_validate(content)
        return "codec", CodecTraining.model_validate(content)
    except ValueError as error:
        raise ModelError(f"{SETTINGS_NAME} is not of a codec's training run: {str(error).splitlines()[0]}.") from error
