"""What an adaptive codec meets in training: a number of symbols, a channel, and what both ends know of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.codecs.adaptive import AdaptiveArguments
from models.codecs.channel import draw_channel
from models.sharing import LEAST_ERROR, LEAST_SYMBOL_SINR, MOST_ERROR
from models.side_information import SNR_SCALE_DB, SPREAD_SCALE_DB
from models.training.config import AdaptiveChannel


@dataclass(frozen=True)
class AdaptiveFrame:
    """counts: int [B, h, w], complex latent channels that are sent at each position. sinr: float [B, C, h, w], linear,
    of all that could be, 0 where a symbol is lost. encoder_side, decoder_side: float [B, 3].
    """

    counts: Tensor
    sinr: Tensor
    encoder_side: Tensor
    decoder_side: Tensor


def side_vector(sinr_db: Tensor, spread_db: Tensor, share: Tensor) -> Tensor:
    """float [B] each -> float [B, 3]: SINR and its spread as the networks read them, and m of all complex channels."""
    return torch.stack((sinr_db / SNR_SCALE_DB, spread_db / SPREAD_SCALE_DB, share), dim=1)


def effective_sinr_db(sinr: Tensor) -> Tensor:
    """float [B, ...] linear -> [B] dB: the SINR of one channel with the same mean error after MMSE estimation,
    mean(1 / (1 + sinr_i)) = 1 / (1 + sinr).
    """
    error = (1 / (1 + sinr)).flatten(1).mean(dim=1).clamp(LEAST_ERROR, MOST_ERROR)
    return 10 * (1 / error - 1).log10()


def sinr_spread_db(sinr: Tensor) -> Tensor:
    """float [B, ...] linear -> [B]: standard deviation in dB over the symbols, each taken as at least -10 dB."""
    return (10 * sinr.clamp_min(LEAST_SYMBOL_SINR).log10()).flatten(1).std(dim=1, correction=0)


def draw_adaptive_frame(
    settings: AdaptiveChannel, arguments: AdaptiveArguments, shape: tuple[int, int, int], generator: torch.Generator
) -> AdaptiveFrame:
    """Draw a batch; all of it sends the same number of symbols at every position. shape: batch, and rows and columns of
    the latent.
    """
    batch, rows, columns = shape
    all_channels = arguments.latent_channels // 2
    count = _drawn_count(settings, all_channels, generator)
    low, high = settings.sinr_db
    mean_db = low + (high - low) * torch.rand(batch, 1, 1, 1, generator=generator)
    power = torch.ones(batch, arguments.complex_channels, rows, columns)
    selective = torch.rand(batch, generator=generator) < settings.selective
    if selective.any():
        size = int(selective.sum())
        gains = draw_channel("selective", size, 1, power[0].numel(), generator)[:, 0]
        gains = gains.abs().square()
        power[selective] = (gains / gains.mean(dim=1, keepdim=True)).reshape(size, *power.shape[1:])
    hit = torch.rand(batch, 1, 1, 1, generator=generator) < settings.erased
    lost_share = settings.erased_share * torch.rand(batch, 1, 1, 1, generator=generator)
    lost = hit & (torch.rand(power.shape, generator=generator) < lost_share)
    sinr = torch.where(lost, 0, power * 10 ** (mean_db / 10))
    share = torch.full((batch,), count / all_channels)
    sinr_db, spread_db = effective_sinr_db(sinr[:, :count]), sinr_spread_db(sinr[:, :count])
    known = side_vector(sinr_db + settings.decoder_error_db * torch.randn(batch, generator=generator), spread_db, share)
    reported_db = sinr_db + settings.encoder_error_db * torch.randn(batch, generator=generator)
    reported = side_vector(reported_db, spread_db, share)
    unknown = torch.rand(batch, generator=generator) < settings.unknown_csi
    default = side_vector(torch.full((batch,), 10.0), torch.zeros(batch), share)
    counts = torch.full((batch, rows, columns), count)
    return AdaptiveFrame(counts, sinr, torch.where(unknown[:, None], default, reported), known)


def _drawn_count(settings: AdaptiveChannel, all_channels: int, generator: torch.Generator) -> int:
    if float(torch.rand((), generator=generator)) < settings.any_count:
        return int(torch.randint(1, all_channels + 1, (), generator=generator))
    counts = [count for count in settings.counts if count <= all_channels] or [all_channels]
    return counts[int(torch.randint(len(counts), (), generator=generator))]


def shares_of(frame: AdaptiveFrame, all_channels: int) -> Tensor:
    """What the networks are told of every position: float [B, 1, h, w], 1 where as much is sent as a payload has."""
    return frame.counts[:, None].float() / all_channels


def pass_channel(latent: Tensor, frame: AdaptiveFrame, all_channels: int, generator: torch.Generator) -> Tensor:
    """latent float [B, 2C, h, w] -> what the decoder is given, float [B, 2C + 1, h, w].

    At each position the first complex channels, as many as count there, are sent at unit mean power, each symbol is
    seen through its LMMSE estimate sinr / (1 + sinr) (s + n / sqrt(sinr)), and the whole is scaled to unit mean power;
    the rest is zero. The channel is applied on the CPU, so that a seed means the same everywhere. all_channels: of a
    payload, of which the last plane tells the share.
    """
    symbols = as_complex(latent.float().cpu())
    sent = torch.arange(symbols.shape[1])[None, :, None, None] < frame.counts[:, None]
    symbols = normalised(symbols * sent, sent)
    noise = torch.randn(symbols.shape, dtype=symbols.dtype, generator=generator)
    sinr = frame.sinr
    seen = normalised((sinr / (1 + sinr) * symbols + sinr.sqrt() / (1 + sinr) * noise) * sent, sent)
    planes = torch.cat((seen.real, seen.imag, shares_of(frame, all_channels)), dim=1)
    return planes.to(latent.device).contiguous(memory_format=torch.channels_last)


def as_complex(latent: Tensor) -> Tensor:
    """float [B, M, h, w] -> complex64 [B, M/2, h, w]."""
    return torch.complex(*latent.chunk(2, dim=1))


def normalised(symbols: Tensor, sent: Tensor) -> Tensor:
    """complex [B, ...], zero where ``sent`` is false, scaled to unit mean power of those sent in each row."""
    power = symbols.abs().square().flatten(1).sum(dim=1) / sent.flatten(1).sum(dim=1)
    return symbols * torch.rsqrt(power + 1e-12).reshape(-1, *[1] * (symbols.ndim - 1))
