"""The superposed uplink as a differentiable layer, and the receiver's per-user view of it.

y = sum_i g_i x_i + n per channel use, with g_i = h_i sqrt(1/N), mean |x_i|^2 = 1 and n ~ CN(0,
noise_power). With E|h|^2 = 1 the users together spend unit power, so noise_power = 10^(-snr_db / 10)
whatever N is (method.md).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from models.errors import ModelError

ChannelMode = Literal["awgn", "random-phase", "rayleigh", "selective"]
MODES: tuple[ChannelMode, ...] = ("awgn", "random-phase", "rayleigh", "selective")
SUBCARRIERS = 64
MAX_TAPS = 8


@dataclass(frozen=True)
class ReceivedBatch:
    """What the receiver holds for a batch: all it hands to the decoders.

    features: complex64 [B, users, k], user i's aligned view at [:, i].
    gains: float32 [B, users], |h_i| (root mean square over the symbols where they differ).
    phases_rad: float32 [B, users], arg h_i (of the mean where symbols differ).
    """

    features: Tensor
    gains: Tensor
    phases_rad: Tensor


def noise_power_of(snr_db: Tensor) -> Tensor:
    """10^(-snr_db/10): noise power per channel use when the users together are received with unit power."""
    return torch.pow(10.0, -snr_db / 10.0)


def aligned_features(received: Tensor, gains: Tensor, noise_power: Tensor) -> Tensor:
    """Every user's phase-aligned, biased LMMSE view of the superposition.

        z_i = conj(g_i) y / (sum_j |g_j|^2 + noise_power)

    is the linear estimate of x_i from y with the least mean square error, for independent unit-power x_j and
    y = sum_j g_j x_j + n. It is left biased: its magnitude tells the decoder how far a symbol can be trusted.

    received: complex [B, k]; gains: complex [B, users, k] or [B, users, 1], g_j = h_j sqrt(1/N);
    noise_power: real [B] (or broadcastable against [B, k]). Returns complex [B, users, k].
    """
    noise = noise_power.reshape(-1, 1) if noise_power.ndim == 1 else noise_power
    total = gains.abs().square().sum(dim=1) + noise
    return gains.conj() * (received / total)[:, None, :]


def draw_channel(
    mode: ChannelMode, batch: int, users: int, symbols: int, generator: torch.Generator | None = None
) -> Tensor:
    """Draw h: complex64 [batch, users, 1], or [batch, users, symbols] for ``selective``; E|h|^2 = 1.

    awgn: 1. random-phase: exp(j phi), phi uniform per user and frame. rayleigh: CN(0,1) per user and frame.
    selective: an exponentially decaying impulse response of 1 to 8 taps seen on 64 subcarriers, each symbol
    on a subcarrier drawn at random, as interleaved OFDM spreads them. ModelError on another mode.
    """
    if mode == "awgn":
        return torch.ones(batch, users, 1, dtype=torch.complex64)
    if mode == "random-phase":
        phases = 2 * math.pi * torch.rand(batch, users, 1, generator=generator)
        return torch.polar(torch.ones_like(phases), phases)
    if mode == "rayleigh":
        return torch.randn(batch, users, 1, dtype=torch.complex64, generator=generator)
    if mode == "selective":
        return _draw_selective(batch, users, symbols, generator)
    raise ModelError(f"channel mode {mode!r} is not known; known are {', '.join(MODES)}.")


def _draw_selective(batch: int, users: int, symbols: int, generator: torch.Generator | None) -> Tensor:
    spread_taps = 0.2 + 3.0 * torch.rand(batch, users, 1, generator=generator)
    profile = torch.exp(-torch.arange(MAX_TAPS) / spread_taps)
    profile = profile / profile.sum(dim=2, keepdim=True)
    taps = torch.randn(batch, users, MAX_TAPS, dtype=torch.complex64, generator=generator) * profile.sqrt()
    response = torch.fft.fft(taps, n=SUBCARRIERS, dim=2)
    subcarrier = torch.randint(SUBCARRIERS, (batch, 1, symbols), generator=generator).expand(-1, users, -1)
    return torch.gather(response, 2, subcarrier)


def superpose(symbols: Tensor, gains: Tensor, noise_power: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """y = sum_i g_i x_i + n: complex [B, users, k] and gains [B, users, k or 1] -> complex [B, k].

    noise_power: real [B], the variance of the complex noise of each frame.
    """
    clean = (gains * symbols).sum(dim=1)
    noise = torch.randn(clean.shape, dtype=clean.dtype, generator=generator)
    return clean + noise * noise_power.sqrt()[:, None]


def transmit(
    symbols: Tensor,
    channel: Tensor,
    snr_db: Tensor,
    estimation_error_power: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> ReceivedBatch:
    """Send every user's symbols over ``channel`` at once and give each decoder its view.

    symbols: complex64 [B, users, k], unit mean power each; channel: h from ``draw_channel`` (zero for a
    silent user); snr_db: [B]; estimation_error_power: real [B], variance of the error of the receiver's
    estimate of h (the receiver then aligns with the wrong h), or None for perfect knowledge.
    """
    users = symbols.shape[1]
    noise_power = noise_power_of(snr_db)
    received = superpose(symbols, channel / math.sqrt(users), noise_power, generator)
    known = channel
    if estimation_error_power is not None:
        error = torch.randn(channel.shape, dtype=channel.dtype, generator=generator)
        error = error * estimation_error_power.sqrt()[:, None, None]
        # A user known to be silent is not estimated, so it gets no error either.
        known = torch.where(channel == 0, channel, channel + error)
    features = aligned_features(received, known / math.sqrt(users), noise_power)
    gains = known.abs().square().mean(dim=2).sqrt()
    return ReceivedBatch(features, gains, known.mean(dim=2).angle())
