"""The prior's network and schedule, built from what a manifest says."""

from __future__ import annotations

from typing import Any, cast

from diffusers import DDIMScheduler, UNet2DModel
from torch import nn

from models.errors import ModelError

ARCHITECTURE_NAME = "diffusers.UNet2DModel"

# What a manifest may set; anything else is refused, so that a manifest cannot reach odd code paths.
ALLOWED_ARGUMENTS = frozenset(
    {
        "sample_size",
        "in_channels",
        "out_channels",
        "block_out_channels",
        "layers_per_block",
        "down_block_types",
        "up_block_types",
        "norm_num_groups",
        "add_attention",
        "attention_head_dim",
        "norm_eps",
        "resnet_time_scale_shift",
        "flip_sin_to_cos",
        "freq_shift",
        "downsample_padding",
        "attn_norm_num_groups",
        "downsample_type",
        "upsample_type",
    }
)
SCHEDULER_ARGUMENTS: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_schedule": "squaredcos_cap_v2",
    "prediction_type": "epsilon",
    "clip_sample": True,
    "set_alpha_to_one": True,
}


def small_prior_arguments(channels: list[int], crop_px: int, in_channels: int = 3) -> dict[str, Any]:
    """Constructor arguments of a small prior without attention, which therefore runs on any image size."""
    return {
        "sample_size": crop_px,
        "in_channels": in_channels,
        "out_channels": 3,
        "block_out_channels": channels,
        "layers_per_block": 1,
        "down_block_types": ["DownBlock2D"] * len(channels),
        "up_block_types": ["UpBlock2D"] * len(channels),
        "norm_num_groups": 8,
        "add_attention": False,
    }


def build_prior(architecture: str, arguments: dict[str, Any]) -> nn.Module:
    """A UNet2DModel with fresh weights; ModelError on another architecture or arguments that do not fit."""
    if architecture != ARCHITECTURE_NAME:
        raise ModelError(f"refiner architecture {architecture!r} is not known; known is {ARCHITECTURE_NAME}.")
    unknown = sorted(set(arguments) - ALLOWED_ARGUMENTS)
    if unknown:
        raise ModelError(f"a refiner has no constructor argument {unknown[0]!r}.")
    try:
        tupled = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
        return cast(nn.Module, UNet2DModel(**tupled))  # diffusers hides its base classes from type checkers.
    except (TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise ModelError(f"the arguments of the refiner's network do not fit it: {error}.") from error


def build_scheduler(arguments: dict[str, Any]) -> Any:
    """The DDIMScheduler (Any: diffusers hides its members from type checkers).

    ModelError on arguments that a manifest may not set or that do not fit.
    """
    unknown = sorted(set(arguments) - set(SCHEDULER_ARGUMENTS))
    if unknown:
        raise ModelError(f"a refiner's schedule has no argument {unknown[0]!r}.")
    try:
        return DDIMScheduler(**arguments)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ModelError(f"the refiner's schedule is not usable: {error}.") from error


def prior_stride(arguments: dict[str, Any]) -> int:
    """Image sides must be multiples of this: each resolution but the last halves them."""
    return int(2 ** (len(arguments["block_out_channels"]) - 1))
