"""Checkpoints in the improved-diffusion (and guided-diffusion) layout, as weights of diffusers' UNet2DModel.

The layout (Nichol and Dhariwal 2021) numbers its blocks: input_blocks.0 is the first convolution, then every
level has R residual blocks, each with an optional attention, and a block that halves the size; output_blocks mirror
them with R + 1 blocks a level, the last of which doubles the size. All sizes follow from the tensors, except
the channels per attention head. Time conditioning must be scale and shift; class labels are not converted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.errors import ModelError

HEAD_CHANNELS = 64
_RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}


@dataclass(frozen=True)
class Converted:
    """arguments: of UNet2DModel, as a manifest holds them; weights: its state dict."""

    arguments: dict[str, Any]
    weights: dict[str, Tensor]


def convert_checkpoint(source: Mapping[str, Tensor], sample_px: int, head_channels: int = HEAD_CHANNELS) -> Converted:
    """Map a checkpoint's tensors; ModelError when they are not of this layout, or some would be left over.

    sample_px: side of the images that it was trained on; head_channels: channels of one attention head.
    """
    return _Converter(source, head_channels).run(sample_px)


class _Converter:
    """Takes tensors out of ``source`` and puts them into ``weights`` until nothing is left."""

    def __init__(self, source: Mapping[str, Tensor], head_channels: int) -> None:
        self._left = dict(source)
        self._head_channels = head_channels
        self._weights: dict[str, Tensor] = {}

    def run(self, sample_px: int) -> Converted:
        if any(name.startswith("label_emb") for name in self._left):
            raise ModelError("the checkpoint is of a class-conditional model, which cannot refine pictures here.")
        inputs, outputs = self._count("input_blocks"), self._count("output_blocks")
        doubling = [index for index in range(outputs) if self._size_change(f"output_blocks.{index}") is not None]
        levels = len(doubling) + 1
        if outputs % levels or inputs != outputs or outputs < 2 * levels:
            raise ModelError(f"{inputs} input and {outputs} output blocks are not of an improved-diffusion U-Net.")
        per_level = outputs // levels - 1
        channels, attention, by_resnet = [], [], False
        for old, new in (("time_embed.0", "time_embedding.linear_1"), ("time_embed.2", "time_embedding.linear_2")):
            self._move(old, new)
        self._move("input_blocks.0.0", "conv_in")
        index = 1
        for level in range(levels):
            for block in range(per_level):
                attends = self._block(f"input_blocks.{index}", f"down_blocks.{level}", block)
                index += 1
            channels.append(len(self._weights[f"down_blocks.{level}.resnets.0.conv1.bias"]))
            attention.append(attends)
            if level < levels - 1:
                by_resnet = self._resize(f"input_blocks.{index}.0", f"down_blocks.{level}.downsamplers.0")
                index += 1
        if len(self._weights["conv_in.bias"]) != channels[0]:
            raise ModelError(
                "the checkpoint's first level is wider than its first convolution, which is not converted."
            )
        for old, new in (("0", "resnets.0"), ("2", "resnets.1")):
            self._resnet(f"middle_block.{old}", f"mid_block.{new}")
        self._attention("middle_block.1", "mid_block.attentions.0")
        for index in range(outputs):
            level, block = divmod(index, per_level + 1)
            doubles = self._size_change(f"output_blocks.{index}")
            if doubles is not None:
                self._resize(doubles, f"up_blocks.{level}.upsamplers.0")
            self._block(f"output_blocks.{index}", f"up_blocks.{level}", block)
        self._move("out.0", "conv_norm_out")
        self._move("out.2", "conv_out")
        if self._left:
            raise ModelError(f"the checkpoint holds {sorted(self._left)[0]!r}, which has no place in the network.")
        return Converted(self._arguments(sample_px, channels, attention, per_level, by_resnet), self._weights)

    def _arguments(
        self, sample_px: int, channels: list[int], attention: list[bool], per_level: int, by_resnet: bool
    ) -> dict[str, Any]:
        plain = ("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D") if by_resnet else ("DownBlock2D", "UpBlock2D")
        arguments: dict[str, Any] = {
            "sample_size": sample_px,
            "in_channels": 3,
            "out_channels": len(self._weights["conv_out.bias"]),
            "block_out_channels": channels,
            "layers_per_block": per_level,
            "down_block_types": ["AttnDownBlock2D" if attends else plain[0] for attends in attention],
            "up_block_types": ["AttnUpBlock2D" if attends else plain[1] for attends in reversed(attention)],
            "attention_head_dim": self._head_channels,
            "norm_num_groups": 32,
            "attn_norm_num_groups": 32,
            "norm_eps": 1e-5,
            "resnet_time_scale_shift": "scale_shift",
            "flip_sin_to_cos": True,
            "freq_shift": 0,
            "downsample_padding": 1,
        }
        return arguments | ({"downsample_type": "resnet", "upsample_type": "resnet"} if by_resnet else {})

    def _count(self, group: str) -> int:
        return len({name.split(".")[1] for name in self._left if re.match(rf"{group}\.\d+\.", name)})

    def _size_change(self, block: str) -> str | None:
        """The part of an output block that doubles the size: its last one, a convolution or a residual block."""
        for part in ("2", "1"):
            if {f"{block}.{part}.conv.weight", f"{block}.{part}.in_layers.0.weight"} & self._left.keys():
                return f"{block}.{part}"
        return None

    def _block(self, old: str, new: str, number: int) -> bool:
        """A residual block and, when there is one (returned), its attention."""
        self._resnet(f"{old}.0", f"{new}.resnets.{number}")
        attends = f"{old}.1.qkv.weight" in self._left
        if attends:
            self._attention(f"{old}.1", f"{new}.attentions.{number}")
        return attends

    def _resize(self, old: str, new: str) -> bool:
        """A change of size; True when it is a residual block."""
        for kind in ("op", "conv"):
            if f"{old}.{kind}.weight" in self._left:
                self._move(f"{old}.{kind}", f"{new}.conv")
                return False
        self._resnet(old, new)
        return True

    def _resnet(self, old: str, new: str) -> None:
        for theirs, ours in _RESNET.items():
            if theirs != "skip_connection" or f"{old}.{theirs}.weight" in self._left:
                self._move(f"{old}.{theirs}", f"{new}.{ours}")
        weights = self._weights[f"{new}.time_emb_proj.weight"], self._weights[f"{new}.conv1.weight"]
        if len(weights[0]) != 2 * len(weights[1]):
            raise ModelError("the checkpoint's time conditioning is not by scale and shift, which is not converted.")

    def _attention(self, old: str, new: str) -> None:
        self._move(f"{old}.norm", f"{new}.group_norm")
        for kind in ("weight", "bias"):
            packed = self._take(f"{old}.qkv.{kind}").flatten(1) if kind == "weight" else self._take(f"{old}.qkv.bias")
            if len(packed) % (3 * self._head_channels):
                raise ModelError(f"attention of {len(packed) // 3} channels has no heads of {self._head_channels}.")
            # Query, key and value lie together for each head.
            heads = packed.unflatten(0, (-1, 3, self._head_channels))
            for place, name in enumerate(("to_q", "to_k", "to_v")):
                self._weights[f"{new}.{name}.{kind}"] = heads[:, place].flatten(0, 1).contiguous()
            projection = self._take(f"{old}.proj_out.{kind}")
            self._weights[f"{new}.to_out.0.{kind}"] = projection.flatten(1) if kind == "weight" else projection

    def _move(self, old: str, new: str) -> None:
        for kind in ("weight", "bias"):
            self._weights[f"{new}.{kind}"] = self._take(f"{old}.{kind}")

    def _take(self, name: str) -> Tensor:
        try:
            return torch.as_tensor(self._left.pop(name)).float()
        except KeyError:
            raise ModelError(f"the checkpoint has no {name!r}: it is not of the improved-diffusion layout.") from None
