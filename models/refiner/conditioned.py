"""A diffusion refiner that sees the decoded picture while it denoises.

The prior of method.md knows pictures but not what the codec did to this one, and what it removes with the noise it
also removes from the picture. Here the network is given the decoded picture y beside the noisy one and models what
the codec left out, r = x0 - y, whose root-mean-square e follows from the SNR (``start_step.error_rms``). With
u = y + r + sigma n the estimate of x0 is preconditioned as in Karras et al. 2022 (eq. 7 and table 1) with e as the
data's deviation:

    D(u) = y + e^2 / (e^2 + sigma^2) (u - y) + sigma e / sqrt(e^2 + sigma^2) F(c_in (u - y), y, e; sigma / e),
    c_in = 1 / sqrt(e^2 + sigma^2)

so that a network of zeros is the best linear estimate. Error contraction starts from y + sqrt(e^2 + sigma^2) n, which
has the deviation that x0 + sigma n would have, and DDIM with eta = 0 (Song et al. 2021) leads back to a sample: as
sharp as the original, but with details of its own, which cost PSNR. What is shown lies between the two, on the line
that Freirich et al. 2021 find optimal: y + STRENGTH (sample - y). Pictures are float [B, 3, H, W] in [-1, 1].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

# Noisy part, decoded picture, and a plane that says how large the error is.
INPUT_CHANNELS = 7
PASSES = 10
# sigma / e where refinement starts and where its last pass takes the noise out altogether.
START_RATIO = 0.5
END_RATIO = 0.1
# Chosen on training pictures at 5 dB, with START_RATIO, for most sharpness at less than 0.45 dB of PSNR.
STRENGTH = 0.33
NOISE_SEED = 7
# The U-Net's step embedding takes the logarithm of sigma / e, so that the ratios in use spread over its range.
STEP_AT_ONE, STEPS_PER_E_FOLD = 500.0, 200.0


def ratios(passes: int) -> list[float]:
    """sigma / e before each pass, in even steps of the logarithm; ``passes`` of at least 1."""
    if passes == 1:
        return [START_RATIO]
    return [START_RATIO * (END_RATIO / START_RATIO) ** (index / (passes - 1)) for index in range(passes)]


def denoise(network: nn.Module, noisy: Tensor, decoded: Tensor, ratio: Tensor, error_rms: Tensor) -> Tensor:
    """D(u) above, not clamped. ratio, error_rms: float [B], sigma / e and e."""
    error = error_rms.view(-1, 1, 1, 1)
    sigma = ratio.view(-1, 1, 1, 1) * error
    spread = (error.square() + sigma.square()).sqrt()
    off = noisy - decoded
    plane = (10 * error).expand(-1, 1, *decoded.shape[2:])
    inputs = torch.cat((off / spread, decoded, plane), dim=1).contiguous(memory_format=torch.channels_last)
    step = STEP_AT_ONE + STEPS_PER_E_FOLD * ratio.log()
    correction = network(inputs, step).sample.float()
    return decoded + (error / spread).square() * off + sigma * error / spread * correction


def contracted(decoded: Tensor, error_rms: float, seed: int = NOISE_SEED) -> Tensor:
    """Where refinement starts: y + sqrt(e^2 + sigma^2) n."""
    noise = torch.randn(decoded.shape, generator=torch.Generator().manual_seed(seed)).to(decoded.device)
    return decoded + math.sqrt(1 + START_RATIO**2) * error_rms * noise


def shown(decoded: Tensor, sample: Tensor) -> Tensor:
    """y + STRENGTH (sample - y)."""
    return decoded + STRENGTH * (sample - decoded)


@torch.no_grad()
def refine_conditioned(
    network: nn.Module, decoded: Tensor, error_rms: float, passes: int = PASSES, seed: int = NOISE_SEED
) -> Tensor:
    """Error contraction and ``passes`` DDIM steps back: a sample of the original, clamped. ``passes`` of at least 1."""
    errors = torch.full((len(decoded),), error_rms, device=decoded.device)
    current, levels = contracted(decoded, error_rms, seed), ratios(passes)
    for level, following in zip(levels, [*levels[1:], 0.0], strict=True):
        clean = denoise(network, current, decoded, torch.full_like(errors, level), errors)
        current = clean + following / level * (current - clean)
    return current.clamp(-1, 1)


def refine_conditioned_at_once(network: nn.Module, decoded: Tensor, error_rms: float, seed: int = NOISE_SEED) -> Tensor:
    """The one-step form: a network trained on so that its first estimate is where ``refine_conditioned`` ends."""
    errors = torch.full((len(decoded),), error_rms, device=decoded.device)
    start = contracted(decoded, error_rms, seed)
    return denoise(network, start, decoded, torch.full_like(errors, START_RATIO), errors).clamp(-1, 1)


def drawn_ratios(count: int, generator: torch.Generator) -> Tensor:
    """sigma / e to train at, float [count]: log-uniform, and wide enough to try other starts."""
    lowest, highest = math.log(END_RATIO / 2), math.log(6 * START_RATIO)
    return torch.exp(lowest + (highest - lowest) * torch.rand(count, generator=generator))
