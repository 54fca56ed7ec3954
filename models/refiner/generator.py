"""The generator of the conditional-GAN refiner: one pass, conditioned on the decoded picture and the SNR."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from models.refiner.start_step import SNR_RANGE_DB

# The network is a U-Net of diffusers with a step embedding; the SNR takes the step's place, in tenths of a dB.
STEPS_PER_DB = 10.0


def snr_step(snr_db: float) -> int:
    """0 at -10 dB and below, 400 at 30 dB and above."""
    lowest, highest = SNR_RANGE_DB
    return round(STEPS_PER_DB * (float(np.clip(snr_db, lowest, highest)) - lowest))


def generate(network: nn.Module, batch: Tensor, snr_db: float) -> Tensor:
    """float [B, 3, H, W] in [-1, 1], decoded at ``snr_db`` -> the same with the network's correction, clamped."""
    refined: Tensor = (batch + network(batch, snr_step(snr_db)).sample).clamp(-1, 1)
    return refined
