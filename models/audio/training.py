"""Trains the networks of sound on recordings that the user names."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.audio.mdct import HOP, analyse
from models.audio.network import AudioNetworks

CROP_SAMPLES = 49 * HOP
BATCH = 8
FIRST_CROPS = 60  # batches whose statistics the networks begin with
LEARNING_RATE = 2e-3
SINR_DB = (-5.0, 22.0)


def train(
    sounds: Sequence[NDArray[np.float32]],
    minutes: float,
    seed: int,
    tell: Callable[[int, float], None] = lambda _step, _sdr_db: None,
) -> tuple[AudioNetworks, int]:
    """The networks after so many minutes, and their updates; sounds: float32 [n], 16 kHz, of one channel.

    The loss is the mean over crops of the signal to distortion ratio in dB. tell hears it every 100 updates.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    joined = np.concatenate([*sounds, np.zeros(CROP_SAMPLES, np.float32)])
    networks = AudioNetworks()
    squares = np.mean([np.mean(_crops(joined, rng) ** 2, axis=(0, 2)) for _ in range(FIRST_CROPS)], axis=0)
    networks.begin(torch.from_numpy(np.sqrt(squares)).float())
    optimiser = torch.optim.AdamW(networks.parameters(), LEARNING_RATE, weight_decay=1e-3)
    start, step, mean = time.monotonic(), 0, 0.0
    while (share := (time.monotonic() - start) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * (1 - share) ** 1.2)
        coefficients = torch.from_numpy(_crops(joined, rng))
        sinr_db = torch.from_numpy(rng.uniform(*SINR_DB, BATCH).astype(np.float32))
        error = (networks(coefficients, sinr_db) - coefficients).square().mean(dim=(1, 2))
        loss = 10 * torch.log10(error / coefficients.square().mean(dim=(1, 2)) + 1e-5).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(networks.parameters(), 10.0)
        optimiser.step()
        mean = -loss.item() if step == 0 else 0.98 * mean - 0.02 * loss.item()
        if step % 100 == 0:
            tell(step, mean)
        step += 1
    return networks.eval(), step


def _crops(joined: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """float32 [BATCH, HOP, T] of unit mean power, of crops that are not silent."""
    found: list[NDArray[np.float32]] = []
    while len(found) < BATCH:
        length = CROP_SAMPLES if rng.random() < 0.8 else int(rng.integers(HOP, CROP_SAMPLES))
        at = int(rng.integers(0, joined.size - length))
        crop = np.zeros(CROP_SAMPLES, np.float32)
        crop[:length] = joined[at : at + length]
        coefficients = analyse(crop)
        power = float(np.mean(coefficients**2))
        if power > 1e-8:
            found.append(coefficients.T / np.float32(np.sqrt(power)))
    return np.stack(found)
