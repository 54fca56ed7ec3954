"""A network that names what a picture shows from the symbols that arrived of it, without anybody seeing the picture.

It reads what the adaptive codec's decoder reads, and starts as that decoder with a classifier of pictures behind it:
two networks that were trained apart, the first so that pictures are near, the second on pictures that nobody had sent.
Between the last nonlinearity of the one and the first of the other everything is linear. Trained as one they need not
pass a picture on, and what is there then is none: the features that tell classes apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.classifier.network import ClassifierArguments, ClassifierNetwork
from models.codecs.adaptive import AdaptiveArguments, AdaptiveDecoder


@dataclass(frozen=True)
class TaskArguments:
    """codec: of the one whose symbols are read; classifier: of the one that it starts from."""

    codec: AdaptiveArguments
    classifier: ClassifierArguments


class TaskHead(nn.Module):
    """``forward(features float [B,M,h,w], side float [B,3]) -> logits float [B,classes]``; features and side as the
    codec's decoder takes them.
    """

    def __init__(self, arguments: TaskArguments) -> None:
        super().__init__()
        self.arguments = arguments
        self.symbols = AdaptiveDecoder(arguments.codec)
        self.classes = ClassifierNetwork(arguments.classifier)

    def forward(self, features: Tensor, side: Tensor) -> Tensor:
        logits: Tensor = self.classes(self.symbols(features, side))
        return logits


def probabilities(logits: Tensor) -> Tensor:
    """float [B, classes], each row adding up to 1."""
    return torch.softmax(logits.float(), dim=1)
