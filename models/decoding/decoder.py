"""The receiver's half of a codec: one torch network per user."""

from __future__ import annotations

import math
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from models.codecs.registry import build_codec, symbols_to_latent
from models.decoding.frozen import freeze
from models.errors import ModelError
from models.layout import gathered
from models.package.manifest import CodecManifest, load_manifest
from models.runtime.encoder import payload_uses, sharing_of
from models.sharing import Sharing
from models.side_information import SideInformation

EAGER_PICTURES = 4  # of each network: to freeze it takes longer than to decode some


def choose_device(device: str) -> torch.device:
    """``"auto"`` is CUDA when present, else the CPU; anything else as torch names it. ModelError if it is
    absent.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(f"device {device!r} is not available: {str(error).splitlines()[0]}.") from error
    return chosen


class SemanticDecoder:
    """All decoders of a codec, on one device."""

    def __init__(
        self, manifest: CodecManifest, decoders: nn.ModuleList, device: torch.device, sharing: Sharing | None = None
    ) -> None:
        self.manifest = manifest
        self.sharing = sharing_of(manifest, sharing)
        self.device = device
        self._decoders = decoders.eval().to(device)
        self._decoded: Counter[int] = Counter()  # pictures, and frozen networks, by the network's identity
        self._frozen: dict[int, nn.Module] = {}
        self._freezing = threading.Lock()  # decoding and scoring are threads of their own

    @classmethod
    def load(cls, folder: Path | str, device: str = "auto", sharing: Sharing | None = None) -> SemanticDecoder:
        """Load from a codec folder; ModelError when manifest, checksum, tensors or device are not as they
        should be. sharing: as the encoders have it.
        """
        manifest = load_manifest(folder)
        if isinstance(manifest.files.decoders, list):
            from models.decoding.onnx_decoder import open_onnx_decoders

            return cls(manifest, open_onnx_decoders(manifest, Path(folder)), torch.device("cpu"), sharing)
        path = Path(folder) / manifest.files.decoders.name
        codec = build_codec(manifest.architecture, manifest.arguments)
        if codec.arguments.users != manifest.users:
            raise ModelError(
                f"{folder}: the manifest says {manifest.users} users, its network {codec.arguments.users}."
            )
        try:
            tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
            codec.decoders.load_state_dict(tensors)
        except (SafetensorError, RuntimeError, OSError) as error:
            raise ModelError(f"{path} does not hold this codec's decoders: {str(error).splitlines()[0]}.") from error
        return cls(manifest, codec.decoders, choose_device(device), sharing)

    @property
    def users(self) -> int:
        return self.manifest.users

    @property
    def all_channels(self) -> int:
        """Complex latent channels, of which a payload may have fewer."""
        return self.manifest.latent_channels // 2

    def channel_uses(self, height: int, width: int, sharing: Sharing | None = None) -> int:
        """k, complex symbols of an image of ``height`` x ``width`` pixels (after padding to the stride).

        sharing: of a frame, where it is not the decoder's own.
        """
        return payload_uses(self.manifest, self.sharing and (sharing or self.sharing), height, width)

    def network(self, user: int) -> nn.Module:
        """The decoder of one user, float [B,M,h,w] and side float [B,d] to float [B,3,H,W]."""
        return self._decoders[user]

    def decode(
        self,
        features: NDArray[np.complex64],
        user: int,
        side: SideInformation,
        height: int,
        width: int,
        sharing: Sharing | None = None,
    ) -> NDArray[np.uint8]:
        """The image as uint8 [H, W, 3]; arguments and errors as ``decode_float``."""
        image = self.decode_float(features, user, side, height, width, sharing)
        return np.rint(image.transpose(1, 2, 0) * 255).astype(np.uint8)

    @torch.inference_mode()
    def decode_float(
        self,
        features: NDArray[np.complex64],
        user: int,
        side: SideInformation,
        height: int,
        width: int,
        sharing: Sharing | None = None,
    ) -> NDArray[np.float32]:
        """complex64 [k], user's aligned features (``channel.aligned_features``) -> float32 [3, H, W] in [0,
        1].

        height and width are the image's own, before padding to the stride. sharing: as the encoder had it. Raises
        ModelError when k does not fit them, a feature is not finite, or the user or side information does not fit the
        codec.
        """
        stride = self.manifest.stride
        rows, columns = math.ceil(height / stride), math.ceil(width / stride)
        image = self._fastest(user)(*self.feed(features, user, side, height, width, sharing))
        if image.ndim != 4 or tuple(image.shape) != (1, 3, rows * stride, columns * stride):
            raise ModelError(
                f"the decoder gave an image of the shape {list(image.shape)}, but its manifest makes it "
                f"[1, 3, {rows * stride}, {columns * stride}]."
            )
        return image[0, :, :height, :width].clamp(0, 1).cpu().numpy()

    def feed(
        self,
        features: NDArray[np.complex64],
        user: int,
        side: SideInformation,
        height: int,
        width: int,
        sharing: Sharing | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What a user's network is given, float [1, M, h, w] and side float [1, d], on the decoder's device; arguments
        and errors as ``decode_float``.
        """
        expected = self.channel_uses(height, width, sharing) if min(height, width) > 0 else 0
        if height < 1 or width < 1 or features.shape != (expected,):
            raise ModelError(
                f"an image of {height}x{width} pixels needs features of the shape [{expected}], "
                f"but they have the shape {list(features.shape)}."
            )
        if not np.isfinite(features).all():
            raise ModelError("the features hold values that are not finite.")
        if side.users > self.users:
            raise ModelError(f"the codec serves {self.users} users, but the side information is for {side.users}.")
        if self.sharing is not None:
            features, side = self._own(features, user, side, sharing or self.sharing)
        else:
            features = gathered(features, self.all_channels).ravel()
        vector = torch.from_numpy(side.vector(user, self.manifest.side_information))[None].to(self.device)
        symbols = torch.from_numpy(np.ascontiguousarray(features, np.complex64))[None].to(self.device)
        stride = self.manifest.stride
        return symbols_to_latent(symbols, math.ceil(height / stride), math.ceil(width / stride)), vector

    def _own(
        self, payload: NDArray[np.complex64], user: int, side: SideInformation, sharing: Sharing
    ) -> tuple[NDArray[np.complex64], SideInformation]:
        """A user's symbols of a shared payload as the prefix of all channels that its network reads, and what the
        network is told.
        """
        all_channels = self.all_channels
        symbols = sharing.pick(payload, user, side.users, all_channels)
        features = np.zeros((all_channels, symbols.shape[1]), np.complex64)
        features[: len(symbols)] = symbols
        return features.ravel(), sharing.informed(side, all_channels)

    def _fastest(self, user: int) -> nn.Module:
        """A user's network; on a CPU a frozen graph of it, once it has decoded enough pictures to be worth one."""
        network = self.network(user)
        if self.device.type != "cpu" or isinstance(self.manifest.files.decoders, list):
            return network
        key = id(network)
        with self._freezing:
            if key not in self._frozen:
                self._decoded[key] += 1
                if self._decoded[key] <= EAGER_PICTURES:
                    return network
                sizes = self.manifest.latent_channels, len(self.manifest.side_information)
                self._frozen[key] = freeze(network.eval(), *sizes)
            return self._frozen[key]
