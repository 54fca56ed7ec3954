"""Refining with a Stable-Diffusion-class pipeline out of a local folder, as diffusers' ``save_pretrained`` writes it.

The decoded picture is what its image-to-image form starts from, the caption its prompt. Nothing is fetched, no code of
the folder is run, and weights are read from safetensors alone.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from models.decoding.decoder import choose_device
from models.errors import ModelError
from models.package.zoo import PIPELINE_INDEX as INDEX_NAME
from models.refiner.start_step import start_timestep
from models.side_information import SideInformation

CLASSES = frozenset(
    {
        "StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline",
        "StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline",
    }
)  # fmt: skip
LIBRARIES = frozenset({"diffusers", "transformers", "stable_diffusion", None})
PASSES = 4
TEXT_GUIDANCE = 5.0  # how much more than without its words a picture follows them
NOISE_SEED = 7


class PipelineRefiner:
    """Does what ``Refiner`` does, at what such a pipeline costs."""

    takes_text = True

    def __init__(self, name: str, pipeline: Any, device: torch.device) -> None:
        self.manifest = SimpleNamespace(name=name, method="img2img-pipeline")
        self.device = device
        self._pipeline = pipeline
        self._stride = pipeline.vae_scale_factor * 2 ** (len(pipeline.unet.config.block_out_channels) - 1)

    passes = PASSES

    @classmethod
    def load(cls, folder: Path | str, device: str = "auto") -> PipelineRefiner:
        """ModelError when the folder is no such pipeline, lacks safetensors, or asks for code of its own."""
        folder = Path(folder)
        _verify_index(folder)
        try:
            from diffusers import AutoPipelineForImage2Image

            pipeline = AutoPipelineForImage2Image.from_pretrained(
                str(folder), local_files_only=True, use_safetensors=True, safety_checker=None
            )
        except Exception as error:  # diffusers and transformers raise dozens of unrelated types on broken folders.
            raise ModelError(
                f"{folder} does not hold a usable pipeline: {(str(error).splitlines() or [type(error).__name__])[0]}."
            ) from error
        chosen = choose_device(device)
        pipeline.set_progress_bar_config(disable=True)
        return cls(folder.name, pipeline.to(chosen), chosen)

    def prepare_text(self) -> None:
        """Its text encoder came with it."""

    def ignore_text(self) -> None:
        """Read no text from now on."""
        self.takes_text = False

    def useful_passes(self, snr_db: float) -> int:
        """All of them."""
        return PASSES

    def level_db(self, side: SideInformation, user: int) -> float:
        """The user's own SINR after separation, or that of all users where it was not measured."""
        return side.heard_db(user)

    @torch.inference_mode()
    def refine(
        self, image: NDArray[np.float32], snr_db: float, passes: int | None = None, text: str | None = None
    ) -> NDArray[np.float32]:
        """As ``Refiner.refine``: float32 [3, H, W] in [0, 1], diffused to the step whose noise matches the error that
        the codec left (models/refiner/start_step.py), and back in ``passes`` steps.
        """
        if image.ndim != 3 or image.shape[0] != 3 or image.size == 0:
            raise ModelError(f"an image to refine must be float32 [3, H, W], but has the shape {list(image.shape)}.")
        if not np.isfinite(image).all() or not math.isfinite(snr_db):
            raise ModelError("an image to refine and its snr_db must be finite.")
        most = PASSES if passes is None else passes
        if most == 0:
            return image
        height, width = image.shape[1:]
        below, right = (-side_px % self._stride for side_px in (height, width))
        padded = np.pad(image, ((0, 0), (0, below), (0, right)), mode="edge")
        pixels = np.rint(np.clip(padded, 0, 1).transpose(1, 2, 0) * 255).astype(np.uint8)
        abar = self._pipeline.scheduler.alphas_cumprod.cpu().numpy()
        strength = max(1, start_timestep(snr_db, abar)) / len(abar)
        told = (text or "") if self.takes_text else ""
        made = self._pipeline(
            prompt=told,
            image=Image.fromarray(pixels),
            strength=strength,
            num_inference_steps=min(len(abar), math.ceil(most / strength)),
            guidance_scale=TEXT_GUIDANCE if told else 1.0,
            generator=torch.Generator(self.device).manual_seed(NOISE_SEED),
            output_type="np",
        ).images[0]
        return np.ascontiguousarray(made.transpose(2, 0, 1)[:, :height, :width], np.float32)


def _verify_index(folder: Path) -> None:
    """Only classes of diffusers and transformers, and one of the known pipelines."""
    path = folder / INDEX_NAME
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder} is no pipeline: {INDEX_NAME} cannot be read.") from error
    name = index.get("_class_name") if isinstance(index, dict) else None
    if not isinstance(name, str) or name not in CLASSES:
        raise ModelError(f"{path} names the pipeline {name!r}; allowed are {', '.join(sorted(CLASSES))}.")
    for part, value in index.items():
        if isinstance(value, list) and (not value or value[0] not in tuple(LIBRARIES)):
            raise ModelError(f"{path} takes {part} from {value[0] if value else 'nowhere'}, whose code is not run.")
