"""What the conditional-GAN refiner is trained with: a critic of patches and its losses.

The losses are those of WGAN-GP (Gulrajani et al. 2017). The critic sees a candidate beside the decoded picture that it
was made from (Isola et al. 2017) and gives a score for every patch, so that the size of the picture does not matter.
Pictures are float [B, 3, H, W] in [-1, 1].
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Critic = Callable[[Tensor, Tensor], list[Tensor]]


class PatchCritic(nn.Module):
    """``forward(candidate, condition)`` -> features of every layer, the last being the scores float [B, 1, h, w].

    Convolutions of 4 x 4 and stride 2 without normalisation over the batch, which the gradient penalty, taken for
    each picture by itself, would not allow.
    """

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        widths = [6, *channels]
        pairs = itertools.pairwise(widths)
        self.layers = nn.ModuleList(nn.Conv2d(before, after, 4, stride=2, padding=1) for before, after in pairs)
        self.score = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, candidate: Tensor, condition: Tensor) -> list[Tensor]:
        hidden, features = torch.cat((candidate, condition), dim=1), []
        for layer in self.layers:
            hidden = F.leaky_relu(layer(hidden), 0.2)
            features.append(hidden)
        return [*features, self.score(hidden)]


def critic_loss(critic: Critic, real: Tensor, made: Tensor, condition: Tensor, penalty: float, mix: Tensor) -> Tensor:
    """E D(made) - E D(real) + penalty * E (|grad_x D(x)| - 1)^2 at x = mix real + (1 - mix) made, a scalar.

    mix: float [B, 1, 1, 1] in [0, 1]. D is the mean score of a picture's patches; the gradient is a picture's own.
    """
    difference = critic(made, condition)[-1].mean() - critic(real, condition)[-1].mean()
    between = (mix * real + (1 - mix) * made).detach().requires_grad_(True)
    scores = critic(between, condition)[-1].mean(dim=(1, 2, 3)).sum()
    (slope,) = torch.autograd.grad(scores, between, create_graph=True)
    steepness = slope.flatten(1).square().sum(dim=1).add(1e-12).sqrt()
    return difference + penalty * (steepness - 1).square().mean()


def adversarial_losses(critic: Critic, real: Tensor, made: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
    """(L_WGAN = -E D(made), L_features = mean absolute difference of the critic's features of both), scalars."""
    judged = critic(made, condition)
    with torch.no_grad():
        wanted = critic(real, condition)
    pairs = zip(judged[:-1], wanted[:-1], strict=True)
    features = torch.stack([(one - other).abs().mean() for one, other in pairs]).mean()
    return -judged[-1].mean(), features
