"""A small U-Net of the improved-diffusion layout, written from its description, to check the conversion against."""

import math

import torch
import torch.nn.functional as F
from torch import nn


class Res(nn.Module):
    def __init__(self, channels_in, channels, time, change=None):
        super().__init__()
        self.change = change
        conv = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.in_layers = nn.Sequential(nn.GroupNorm(32, channels_in), nn.SiLU(), conv)
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(time, 2 * channels))
        last = nn.Conv2d(channels, channels, 3, padding=1)
        self.out_layers = nn.Sequential(nn.GroupNorm(32, channels), nn.SiLU(), nn.Dropout(0), last)
        self.skip_connection = nn.Identity() if channels == channels_in else nn.Conv2d(channels_in, channels, 1)

    def resize(self, x):
        if self.change == "up":
            return F.interpolate(x, scale_factor=2, mode="nearest")
        return F.avg_pool2d(x, 2) if self.change == "down" else x

    def forward(self, x, emb):
        h = self.in_layers[2](self.resize(self.in_layers[:2](x)))
        scale, shift = self.emb_layers(emb)[:, :, None, None].chunk(2, dim=1)
        h = self.out_layers[1:](self.out_layers[0](h) * (1 + scale) + shift)
        return self.skip_connection(self.resize(x)) + h


class Attention(nn.Module):
    def __init__(self, channels, per_head):
        super().__init__()
        self.heads = channels // per_head
        self.norm = nn.GroupNorm(32, channels)
        self.qkv, self.proj_out = nn.Conv1d(channels, 3 * channels, 1), nn.Conv1d(channels, channels, 1)

    def forward(self, x, emb):
        batch, channels, *size = x.shape
        flat = x.reshape(batch, channels, -1)
        q, k, v = self.qkv(self.norm(flat)).reshape(batch * self.heads, -1, flat.shape[2]).chunk(3, dim=1)
        weight = torch.softmax(q.transpose(1, 2) @ k / math.sqrt(q.shape[1]), dim=-1)
        mixed = (v @ weight.transpose(1, 2)).reshape(batch, channels, -1)
        return (flat + self.proj_out(mixed)).reshape(batch, channels, *size)


class Down(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x, emb):
        return self.op(x)


class Up(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x, emb):
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class Plain(nn.Conv2d):
    def forward(self, x, emb):
        return super().forward(x)


class ImprovedUNet(nn.Module):
    """attention: at which levels; updown: sizes change in residual blocks, as in the 256x256 checkpoints."""

    def __init__(self, base, multipliers, blocks, attention, per_head, updown, out_channels=6):
        super().__init__()
        time = 4 * base
        self.base = base
        self.time_embed = nn.Sequential(nn.Linear(base, time), nn.SiLU(), nn.Linear(time, time))
        self.input_blocks = nn.ModuleList([nn.ModuleList([Plain(3, base, 3, padding=1)])])
        stack, ch, last = [base], base, len(multipliers) - 1
        for level, factor in enumerate(multipliers):
            for _ in range(blocks):
                parts = [Res(ch, factor * base, time)]
                ch = factor * base
                self.input_blocks.append(nn.ModuleList(parts + [Attention(ch, per_head)] * (level in attention)))
                stack.append(ch)
            if level < last:
                self.input_blocks.append(nn.ModuleList([Res(ch, ch, time, "down") if updown else Down(ch)]))
                stack.append(ch)
        self.middle_block = nn.ModuleList([Res(ch, ch, time), Attention(ch, per_head), Res(ch, ch, time)])
        self.output_blocks = nn.ModuleList()
        for level, factor in reversed(list(enumerate(multipliers))):
            for block in range(blocks + 1):
                parts = [Res(ch + stack.pop(), factor * base, time)]
                ch = factor * base
                parts += [Attention(ch, per_head)] * (level in attention)
                if level and block == blocks:
                    parts.append(Res(ch, ch, time, "up") if updown else Up(ch))
                self.output_blocks.append(nn.ModuleList(parts))
        self.out = nn.Sequential(nn.GroupNorm(32, ch), nn.SiLU(), nn.Conv2d(ch, out_channels, 3, padding=1))

    def forward(self, x, t):
        half = self.base // 2
        angles = t[:, None].float() * torch.exp(-math.log(10000) * torch.arange(half) / half)
        emb = self.time_embed(torch.cat((angles.cos(), angles.sin()), dim=1))
        kept = []
        for block in self.input_blocks:
            for part in block:
                x = part(x, emb)
            kept.append(x)
        for part in self.middle_block:
            x = part(x, emb)
        for block in self.output_blocks:
            x = torch.cat((x, kept.pop()), dim=1)
            for part in block:
                x = part(x, emb)
        return self.out(x)
