"""Refining with the network that reads captions: one pass, or two where the caption's effect is amplified."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from models.errors import ModelError
from models.package.manifest import RefinerManifest
from models.refiner.text_network import STRIDE, TEXT_ARCHITECTURE, TEXT_SIZE, TextArguments, TextRefinerNetwork
from models.text import SentenceEmbedder

METHOD = "text-one-step"
_NETWORK_ARGUMENTS = frozenset({"widths", "blocks", "code_size", "text"})
_SHOWING_ARGUMENTS = frozenset({"strength", "guidance", "caption_weight"})


def is_text_refiner(manifest: RefinerManifest) -> bool:
    return manifest.method == METHOD


class TextRefining:
    """``refining(batch, snr_db, text)``; strength, guidance and caption_weight of the manifest's arguments, all 1 by
    default:

        shown = y + strength (f(y) + guidance (f(y, w text) - f(y)) - y)

    with f(y, w text) the network's output where the text counts w = caption_weight of what it did in training, inside
    the network and at no cost. Guidance 1 needs no more than one pass.
    """

    stride = STRIDE

    def __init__(self, manifest: RefinerManifest, network: nn.Module) -> None:
        self._network = network
        try:
            self._strength = float(manifest.arguments.get("strength", 1.0))
            self._guidance = float(manifest.arguments.get("guidance", 1.0))
            self._weight = float(manifest.arguments.get("caption_weight", 1.0))
        except (TypeError, ValueError) as error:
            raise ModelError(f"a refiner's strength, guidance and caption_weight must be numbers: {error}.") from error
        self._embedder: SentenceEmbedder | None = None
        self.reads = isinstance(network, TextRefinerNetwork) and network.arguments.text

    @staticmethod
    def build(architecture: str, arguments: dict[str, Any]) -> nn.Module:
        """Fresh weights; ModelError on another architecture or arguments that do not fit."""
        if architecture != TEXT_ARCHITECTURE:
            raise ModelError(f"refiner architecture {architecture!r} is not {TEXT_ARCHITECTURE}.")
        unknown = sorted(set(arguments) - _NETWORK_ARGUMENTS - _SHOWING_ARGUMENTS)
        if unknown:
            raise ModelError(f"a refiner that reads texts has no constructor argument {unknown[0]!r}.")
        taken: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in arguments.items()
            if key in _NETWORK_ARGUMENTS
        }
        try:
            return TextRefinerNetwork(TextArguments(**taken))
        except (TypeError, ValueError) as error:
            raise ModelError(f"the arguments of the refiner's network do not fit it: {error}.") from error

    def prepare(self) -> None:
        """ModelError when the package with the embedding's weights is missing."""
        if self._embedder is None:
            self._embedder = SentenceEmbedder.load()

    def __call__(self, batch: Tensor, snr_db: float, text: str | None) -> Tensor:
        """float [B, 3, H, W] in [-1, 1] -> the same, clamped. text: None or "" for none."""
        if not text or not self.reads:
            return self._shown(batch, self._pass(batch, snr_db, None))
        self.prepare()
        assert self._embedder is not None
        told = self._pass(batch, snr_db, torch.from_numpy(self._embedder.embed([text])))
        if self._guidance != 1:
            alone = self._pass(batch, snr_db, None)
            told = alone + self._guidance * (told - alone)
        return self._shown(batch, told)

    def _pass(self, batch: Tensor, snr_db: float, embedding: Tensor | None) -> Tensor:
        level = torch.full((len(batch),), float(snr_db), device=batch.device)
        told = torch.full_like(level, 0.0 if embedding is None else self._weight)
        text = torch.zeros(1, TEXT_SIZE) if embedding is None else embedding
        made: Tensor = self._network(batch, level, text.to(batch.device).expand(len(batch), -1), told)
        return made

    def _shown(self, batch: Tensor, made: Tensor) -> Tensor:
        return (batch + self._strength * (made - batch)).clamp(-1, 1)
