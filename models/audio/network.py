"""The networks that map frames of MDCT coefficients to symbols and back; torch, for training and export."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.audio.mdct import HOP

USES = 64  # complex symbols of a frame
WIDTH = 128


class Half(nn.Module):
    """float [B, given, T] and SINR over 20 dB, [B] -> float [B, made, T]: a linear map beside a network that looks at
    five frames.
    """

    def __init__(self, given: int, made: int) -> None:
        super().__init__()
        self.straight = nn.Conv1d(given, made, 1, bias=False)
        self.first = nn.Conv1d(given + 1, WIDTH, 3, padding=1)
        self.second = nn.Conv1d(WIDTH, WIDTH, 3, padding=1)
        self.bends = nn.ModuleList(nn.PReLU(WIDTH) for _ in range(2))
        self.last = nn.Conv1d(WIDTH, made, 1)

    def forward(self, x: Tensor, sinr: Tensor) -> Tensor:
        told = torch.cat([x, sinr[:, None, None].expand(-1, 1, x.shape[2])], dim=1)
        y = self.bends[0](self.first(told))
        y = y + self.bends[1](self.second(y))
        made: Tensor = self.straight(x) + self.last(y)
        return made


class AudioNetworks(nn.Module):
    """Encoder: coefficients [B, HOP, T] of unit mean power to reals [B, 2 * USES, T]; decoder: the way back."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Half(HOP, 2 * USES)
        self.decoder = Half(2 * USES, HOP)

    @torch.no_grad()
    def begin(self, deviations: Tensor) -> None:
        """Start as a linear code: each real is one coefficient, those of the largest deviations, float [HOP], scaled by
        their roots, which is best for independent Gaussians (Lee and Petersen, IEEE Trans. Commun. 24(12), 1976).
        """
        chosen = torch.argsort(deviations, descending=True)[: 2 * USES].sort().values
        scales = deviations[chosen].rsqrt()
        for half in (self.encoder, self.decoder):
            half.straight.weight.zero_()
            half.last.weight.mul_(0.1)
        places = torch.arange(2 * USES)
        self.encoder.straight.weight[places, chosen, 0] = scales / (scales * deviations[chosen]).square().mean().sqrt()
        self.decoder.straight.weight[chosen, places, 0] = deviations[chosen].sqrt() * deviations[chosen].mean().sqrt()

    def forward(self, coefficients: Tensor, sinr_db: Tensor) -> Tensor:
        """Coefficients as received over noise at sinr_db, [B], of symbols of unit mean power an item."""
        reals = self.encoder(coefficients, sinr_db / 20)
        symbols = reals / reals.square().mean(dim=(1, 2), keepdim=True).sqrt()
        noise = torch.randn_like(symbols) * torch.pow(10.0, -sinr_db / 20)[:, None, None]
        heard = symbols + noise
        heard = heard / heard.square().mean(dim=(1, 2), keepdim=True).sqrt()
        restored: Tensor = self.decoder(heard, sinr_db / 20)
        return restored
