"""Common base of all codecs: arguments, a shared encoder, and a decoder for each user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

DECODER_FORMS = ("per-user", "shared", "joint")
SHARING_FORMS = ("superposed", "time")

Layer = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class CodecArguments:
    """Constructor arguments that every architecture has, as they stand in a manifest.

    side_size: length of the side vector; latent_channels: M, even. decoders: "per-user", one network each; "shared",
    the same for all (the orthogonal teacher's); "joint", one with 3N output channels (Yilmaz et al. 2023), of which
    user i's picture are channels 3i to 3i+2. sharing: "superposed", or "time", where each user is silent on all but
    its share of the symbols. Raises ValueError on another form or odd M.
    """

    users: int = 2
    side_size: int = 3
    latent_channels: int = 16
    decoders: str = "per-user"
    sharing: str = "superposed"

    def __post_init__(self) -> None:
        if self.decoders not in DECODER_FORMS or self.sharing not in SHARING_FORMS:
            raise ValueError(f"decoders must be one of {DECODER_FORMS} and sharing one of {SHARING_FORMS}")
        if self.users < 1 or self.latent_channels < 2 or self.latent_channels % 2:
            raise ValueError("there must be at least one user, and latent_channels must be even")
        if self.sharing == "time" and (self.users > self.latent_channels // 2 or self.decoders != "per-user"):
            raise ValueError("time sharing needs one decoder a user and a complex latent channel for each")

    @property
    def stride(self) -> int:
        """Pixels per latent position and side."""
        raise NotImplementedError

    @property
    def channel_use_ratio(self) -> float:
        """Complex channel uses per image real: k / (3HW), k = (M/2) (H/stride) (W/stride)."""
        return self.latent_channels / 2 / self.stride**2 / 3

    @property
    def output_channels(self) -> int:
        """Channels that one decoder network gives."""
        return 3 * self.users if self.decoders == "joint" else 3


class LayeredDecoder(Protocol):
    """A decoder whose layers can be run apart, as cross-head prediction needs."""

    def layers(self) -> list[Layer]: ...


class OneForAll(nn.Module):
    """One decoder network in the place of N; ``joint`` takes user i's three channels of its output."""

    def __init__(self, decoder: nn.Module, users: int, joint: bool) -> None:
        super().__init__()
        self.decoder = decoder
        self._users, self._joint = users, joint

    def __len__(self) -> int:
        return self._users

    def __getitem__(self, user: int) -> nn.Module:
        if not 0 <= user < self._users:
            raise IndexError(user)
        return OneOfJoint(self.decoder, user) if self._joint else self.decoder

    def __iter__(self) -> Iterator[nn.Module]:
        return (self[user] for user in range(self._users))


class OneOfJoint(nn.Module):
    """User ``user``'s picture of a joint decoder's output."""

    def __init__(self, decoder: nn.Module, user: int) -> None:
        super().__init__()
        self.decoder = decoder
        self._first = 3 * user

    def forward(self, features: Tensor, side: Tensor) -> Tensor:
        picture: Tensor = self.decoder(features, side)[:, self._first : self._first + 3]
        return picture


class CodecNetwork(nn.Module):
    """arguments; ``encoder(image, user, side)`` -> latent; ``decoders[user](features, side)`` -> image."""

    arguments: Any
    encoder: nn.Module
    decoders: Any

    def __init__(self, arguments: CodecArguments, encoder: nn.Module, decoder: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.arguments = arguments
        self.encoder = encoder
        if arguments.decoders == "per-user":
            self.decoders = nn.ModuleList(decoder(user) for user in range(arguments.users))
        else:
            self.decoders = OneForAll(decoder(0), arguments.users, arguments.decoders == "joint")


def time_shares(arguments: CodecArguments) -> Tensor:
    """float [users, M, 1, 1]: 1 on the latent channels that a user may fill, 0 elsewhere; all 1 when superposed."""
    if arguments.sharing == "superposed":
        return torch.ones(arguments.users, arguments.latent_channels, 1, 1)
    symbols = arguments.latent_channels // 2
    owner = torch.arange(symbols) * arguments.users // symbols
    own = (owner[None] == torch.arange(arguments.users)[:, None]).float()
    return torch.cat((own, own), dim=1)[:, :, None, None]
