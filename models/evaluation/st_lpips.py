"""Shift-tolerant LPIPS (Ghildyal and Liu 2022): a perceptual distance whose weights come with a package.

The weights are those of ``stlpips-pytorch`` (AlexNet, shift tolerant), read from its files without importing it: it
needs torchvision, which the network itself has no use for.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from models.errors import ModelError

PACKAGE = "stlpips_pytorch"
LEAST_PX = 24
_WEIGHTS = Path("weights") / "vST0.0" / "alex_shift_tolerant.pth"
# Of each layer: name of the convolution, its zero padding, name of the blur, whether the blur precedes it.
_LAYERS = (
    ("net.slice1.0", 2, "net.slice1.1", False),
    ("net.slice2.5", 2, "net.slice2.4", True),
    ("net.slice3.9", 1, "net.slice3.8", True),
    ("net.slice4.11", 1, None, False),
    ("net.slice5.13", 1, None, False),
)


class ShiftTolerantLpips:
    """``distance(a, b)``: float [n, 3, H, W] in [0, 1] twice -> float [n]; 0 for equal pictures, more is worse."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        self._weights = weights

    @classmethod
    def load(cls) -> ShiftTolerantLpips:
        """From the installed package; ModelError when it is missing or holds other weights."""
        spec = find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise ModelError("st-lpips needs the weights of stlpips-pytorch: pip install stlpips-pytorch.")
        path = Path(spec.origin).parent / _WEIGHTS
        try:
            weights = torch.load(path, map_location="cpu", weights_only=True)
            weights = {name: tensor.float() for name, tensor in weights.items()}
            loaded = cls(weights)
            loaded.distance(torch.zeros(1, 3, LEAST_PX, LEAST_PX), torch.ones(1, 3, LEAST_PX, LEAST_PX))
        except Exception as error:  # torch.load raises a dozen unrelated types on a broken file.
            raise ModelError(f"{path} does not hold the weights of st-lpips: {type(error).__name__}.") from error
        return loaded

    @torch.inference_mode()
    def distance(self, a: Tensor, b: Tensor) -> Tensor:
        """Weighted squared differences of unit-length features, meaned over positions, summed over five layers."""
        return self.differences(self.features(a), self.features(b))

    def differences(self, a: list[Tensor], b: list[Tensor]) -> Tensor:
        """``distance`` of what ``features`` found, through which gradients flow."""
        total = torch.zeros(len(a[0]))
        for layer, pair in enumerate(zip(a, b, strict=True)):
            first, second = (F.normalize(features, dim=1, eps=1e-10) for features in pair)
            weighted = F.conv2d((first - second).square(), self._weights[f"lin{layer}.model.1.weight"])
            total += weighted.mean(dim=(1, 2, 3))
        return total

    def features(self, pictures: Tensor) -> list[Tensor]:
        """Of float [n, 3, H, W] in [0, 1], after each of the five layers."""
        hidden = (2 * pictures - 1 - self._weights["scaling_layer.shift"]) / self._weights["scaling_layer.scale"]
        found = []
        for convolution, padding, blur, before in _LAYERS:
            if before and blur is not None:
                hidden = self._halve(F.max_pool2d(hidden, 3, stride=1), blur)
            kernel, bias = self._weights[f"{convolution}.weight"], self._weights[f"{convolution}.bias"]
            hidden = F.conv2d(hidden, kernel, bias, padding=padding)
            if blur is not None and not before:
                hidden = self._halve(hidden, blur)
            hidden = F.relu(hidden)
            found.append(hidden)
        return found

    def _halve(self, features: Tensor, blur: str) -> Tensor:
        """Low-pass filter and every second position, with the edges reflected."""
        kernel = self._weights[f"{blur}.filt"]
        return F.conv2d(F.pad(features, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=len(kernel))
