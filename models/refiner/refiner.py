"""Refining a decoded picture with a diffusion model, with or without sight of what was decoded."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from models.decoding.decoder import choose_device
from models.errors import ModelError
from models.package.manifest import RefinerManifest, load_refiner_manifest
from models.refiner.conditioned import PASSES as CONDITIONED_PASSES
from models.refiner.conditioned import refine_conditioned, refine_conditioned_at_once, shown
from models.refiner.generator import generate
from models.refiner.network import build_prior, build_scheduler, prior_stride
from models.refiner.start_step import error_rms, start_timestep, useful_passes
from models.refiner.text_refine import TextRefining, is_text_refiner
from models.side_information import SideInformation

NOISE_SEED = 7
DDIM_STEPS = 4


class Refiner:
    """A prior, its schedule, and how many network passes a refinement takes."""

    def __init__(self, manifest: RefinerManifest, network: nn.Module, device: torch.device) -> None:
        self.manifest = manifest
        self.device = device
        self._network = network.eval().to(device)
        self._text = TextRefining(manifest, self._network) if is_text_refiner(manifest) else None
        self._scheduler: Any = None if self._text else build_scheduler(manifest.scheduler)
        self._stride = self._text.stride if self._text else prior_stride(manifest.arguments)

    @property
    def network(self) -> nn.Module:
        """float [B, 3, H, W] and a timestep -> an object with ``sample``, the predicted noise in channels 0 to 2."""
        return self._network

    @property
    def scheduler(self) -> Any:
        """The schedule, with ``alphas_cumprod``."""
        return self._scheduler

    @property
    def passes(self) -> int:
        """Network passes that a refinement takes, at most."""
        return {"diffusion": DDIM_STEPS, "conditioned-diffusion": CONDITIONED_PASSES}.get(self.manifest.method, 1)

    @property
    def takes_text(self) -> bool:
        """Whether ``refine`` makes use of a caption."""
        return self._text is not None and self._text.reads

    def prepare_text(self) -> None:
        """Load what texts are read with, which otherwise happens at the first; ModelError when it is not installed."""
        if self._text is not None and self._text.reads:
            self._text.prepare()

    def ignore_text(self) -> None:
        """Read no text from now on."""
        if self._text is not None:
            self._text.reads = False

    def level_db(self, side: SideInformation, user: int) -> float:
        """Which of a frame's SNRs ``refine`` is to be told: the user's own after separation, where it was trained so,
        or that of all users together.
        """
        return side.heard_db(user) if self._text is not None else side.snr_db

    @classmethod
    def load(cls, folder: Path | str, device: str = "auto") -> Refiner:
        """Load from a refiner folder; ModelError when manifest, checksum, tensors or device are not as they
        should be.
        """
        manifest = load_refiner_manifest(folder)
        path = Path(folder) / manifest.weights.name
        build = TextRefining.build if is_text_refiner(manifest) else build_prior
        network = build(manifest.architecture, manifest.arguments)
        try:
            network.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
        except (SafetensorError, RuntimeError, OSError) as error:
            raise ModelError(f"{path} does not hold this refiner's weights: {str(error).splitlines()[0]}.") from error
        return cls(manifest, network, choose_device(device))

    def useful_passes(self, snr_db: float) -> int:
        """How many network passes are worth their time at this SNR."""
        return useful_passes(snr_db, self.passes) if self.manifest.method == "diffusion" else self.passes

    @torch.inference_mode()
    def refine(
        self, image: NDArray[np.float32], snr_db: float, passes: int | None = None, text: str | None = None
    ) -> NDArray[np.float32]:
        """float32 [3, H, W] in [0, 1], decoded at ``snr_db`` -> the same, refined. The same input gives the
        same output.

        passes: network passes to spend at most; None is all, 0 leaves the image as it is. text: what is said to be on
        it, for a refiner that takes texts; None or "" for nothing.

        Raises ModelError on another shape, values that are not finite, or an SNR that is not finite.
        """
        if image.ndim != 3 or image.shape[0] != 3 or image.size == 0:
            raise ModelError(f"an image to refine must be float32 [3, H, W], but has the shape {list(image.shape)}.")
        if not np.isfinite(image).all() or not math.isfinite(snr_db):
            raise ModelError("an image to refine and its snr_db must be finite.")
        if passes == 0:
            return image
        height, width = image.shape[1:]
        below, right = (_padded_px(side_px, self._stride) - side_px for side_px in (height, width))
        padded = np.pad(image, ((0, 0), (0, below), (0, right)), mode="edge").astype(np.float32)
        batch = torch.from_numpy(padded)[None].to(self.device) * 2 - 1
        refined = self._text(batch, snr_db, text) if self._text else self._improved(batch, snr_db, passes)
        return ((refined[0, :, :height, :width] + 1) / 2).clamp(0, 1).cpu().numpy()

    def _improved(self, batch: Tensor, snr_db: float, passes: int | None) -> Tensor:
        method, most = self.manifest.method, self.passes if passes is None else passes
        if method == "conditional-gan":
            return generate(self._network, batch, snr_db)
        if method == "conditioned-diffusion":
            return shown(batch, refine_conditioned(self._network, batch, error_rms(snr_db), most))
        if method == "conditioned-one-step":
            return shown(batch, refine_conditioned_at_once(self._network, batch, error_rms(snr_db)))
        assert self._scheduler is not None  # of methods in several steps
        start = start_timestep(snr_db, self._scheduler.alphas_cumprod.numpy())
        if method == "one-step":
            return refine_at_once(self._network, self._scheduler, batch, start)
        return contract_and_denoise(self._network, self._scheduler, batch, start, most=most)


def _padded_px(side_px: int, stride: int) -> int:
    """A multiple of the stride; two of them at least, as the deepest layer normalises over its positions."""
    return max(2, math.ceil(side_px / stride)) * stride


def refine_at_once(network: nn.Module, scheduler: Any, batch: Tensor, start: int) -> Tensor:
    """One pass in place of contraction and DDIM: float [B, 3, H, W] in [-1, 1] -> the same.

        x0 = x_init - sqrt((1 - abar) / abar) eps_hat(sqrt(abar) x_init, start), clamped

    is the prior's own estimate of x0 for an x_t without noise added; the one-step network is the prior trained on
    so that this is what the several passes give. ``models.training.refiner.one_step`` trains it.
    """
    if start <= 0:
        return batch
    abar = scheduler.alphas_cumprod[start].to(batch.device)
    predicted = network(abar.sqrt() * batch, start).sample[:, :3]
    refined: Tensor = (batch - ((1 - abar) / abar).sqrt() * predicted).clamp(-1, 1)
    return refined


@torch.inference_mode()
def contract_and_denoise(
    network: nn.Module, scheduler: Any, batch: Tensor, start: int, seed: int = NOISE_SEED, most: int = DDIM_STEPS
) -> Tensor:
    """Error contraction and DDIM (eta = 0) back: float [B, 3, H, W] in [-1, 1] -> the same.

        x_start = sqrt(abar) x_init + sqrt(1 - abar) eps, then x0 = (x_t - sqrt(1 - abar_t) eps_hat) /
        sqrt(abar_t), clamped; x_s = sqrt(abar_s) x0 + sqrt(1 - abar_s) eps_hat

    over at most ``most`` steps of even length down to t = 0 (Song et al. 2021). The steps are stepped
    here because the scheduler's own respacing always starts from its last training step.
    """
    abar = scheduler.alphas_cumprod.to(batch.device)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(batch.shape, generator=generator).to(batch.device)
    steps = sorted({round(start * part / most) for part in range(1, most + 1)} - {0}, reverse=True)
    if not steps:
        return batch
    current = scheduler.add_noise(batch, noise, torch.tensor([steps[0]] * len(batch), device=batch.device))
    clean = batch
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        predicted = network(current, step).sample[:, :3]  # Priors with learned variance give that in channels 3 to 5.
        clean = ((current - (1 - abar[step]).sqrt() * predicted) / abar[step].sqrt()).clamp(-1, 1)
        if following is not None:
            current = abar[following].sqrt() * clean + (1 - abar[following]).sqrt() * predicted
    return clean
