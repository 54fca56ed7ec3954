"""The receiver's half of a codec: one torch network per user."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Sequence
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
from models.rate.plan import read_plan
from models.runtime.encoder import payload_uses, sharing_of
from models.sharing import Sharing
from models.side_information import SideInformation

PIXELS_AT_ONCE = 1 << 16  # of pictures that are decoded together: more would not fit a processor's caches
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
        self._decoded: Counter[tuple[int, int]] = Counter()  # pictures, and graphs, by network's identity and planes
        self._frozen: dict[tuple[int, int], nn.Module] = {}
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
        return self.decode_all([features], user, [side], height, width, sharing)[0]

    @torch.inference_mode()
    def decode_all(
        self,
        features: Sequence[NDArray[np.complex64]],
        user: int,
        sides: Sequence[SideInformation],
        height: int,
        width: int,
        sharing: Sharing | None = None,
    ) -> list[NDArray[np.float32]]:
        """Several pictures of one user and one size, each with its own side information, as ``decode_float``.

        They go through the network together where it takes them so: the same images but for float rounding.
        """
        fed = [self.feed(one, user, side, height, width, sharing) for one, side in zip(features, sides, strict=True)]
        size = 1 if self._onnx else max(1, PIXELS_AT_ONCE // (height * width))  # ONNX files take one picture
        chunks = [fed[first : first + size] for first in range(0, len(fed), size)]
        groups = [group for chunk in chunks for group in _alike(chunk)]
        return [image for group in groups for image in self._images(user, group, height, width)]

    def _images(self, user: int, fed: list[tuple[Tensor, Tensor]], height: int, width: int) -> NDArray[np.float32]:
        """What the network makes of this: float32 [pictures, 3, H, W]."""
        stride = self.manifest.stride
        rows, columns = math.ceil(height / stride), math.ceil(width / stride)
        latents, vectors = fed[0] if len(fed) == 1 else (torch.cat(parts) for parts in zip(*fed, strict=True))
        image = self._fastest(user, latents.shape[1])(latents, vectors)
        if image.ndim != 4 or tuple(image.shape) != (len(fed), 3, rows * stride, columns * stride):
            raise ModelError(
                f"the decoder gave an image of the shape {list(image.shape)}, but its manifest makes it "
                f"[{len(fed)}, 3, {rows * stride}, {columns * stride}]."
            )
        decoded: NDArray[np.float32] = image[:, :, :height, :width].clamp(0, 1).cpu().numpy()
        return decoded

    def feed(
        self,
        features: NDArray[np.complex64],
        user: int,
        side: SideInformation,
        height: int,
        width: int,
        sharing: Sharing | None = None,
        with_shares: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """What a user's network is given, float [1, M, h, w] and side float [1, d], on the decoder's device; arguments
        and errors as ``decode_float``. with_shares: of a codec that shares symbols out over a picture, also the plane
        with every position's share where all have the same, as its ONNX files take it.
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
        stride = self.manifest.stride
        shape = math.ceil(height / stride), math.ceil(width / stride)
        shares: NDArray[np.float32] | None = None
        if self.sharing is not None:
            sharing = sharing or self.sharing
            features, shares = self._own(features, user, side, sharing, shape)
            side = sharing.informed(side, self.all_channels)
        else:
            features = gathered(features, self.all_channels).ravel()
        vector = torch.from_numpy(side.vector(user, self.manifest.side_information))[None].to(self.device)
        symbols = torch.from_numpy(np.ascontiguousarray(features, np.complex64))[None].to(self.device)
        latent = symbols_to_latent(symbols, *shape)
        if shares is not None and (with_shares or self._onnx or shares.min() < shares.max()):
            # Where all positions have the same the side says enough, and the network has less to do.
            plane = torch.from_numpy(shares).reshape(1, 1, *shape).to(self.device)
            latent = torch.cat((latent, plane), dim=1)
        return latent, vector

    def _own(
        self,
        payload: NDArray[np.complex64],
        user: int,
        side: SideInformation,
        sharing: Sharing,
        shape: tuple[int, int],
    ) -> tuple[NDArray[np.complex64], NDArray[np.float32] | None]:
        """A user's symbols of a shared payload, as the prefix of all channels that its network reads at every position,
        complex64 [channels * positions]; and the share of each position, where the codec shares symbols out.
        """
        symbols = sharing.pick(payload, user, side.users, self.all_channels)
        if self.manifest.levels is None:
            features = np.zeros((self.all_channels, symbols.shape[1]), np.complex64)
            features[: len(symbols)] = symbols
            return features.ravel(), None
        levels = tuple(self.manifest.levels)
        plan, own = read_plan(symbols.ravel(), levels, *shape, channels=len(symbols))
        shares = (plan.counts / np.float32(self.all_channels)).astype(np.float32)
        return plan.latent(own, levels[-1]).ravel(), shares

    @property
    def _onnx(self) -> bool:
        return isinstance(self.manifest.files.decoders, list)

    def _fastest(self, user: int, planes: int) -> nn.Module:
        """A user's network; on a CPU a frozen graph of it for features of so many planes, once it has decoded enough
        pictures to be worth one.
        """
        network = self.network(user)
        if self.device.type != "cpu" or self._onnx:
            return network
        key = id(network), planes
        with self._freezing:
            if key not in self._frozen:
                self._decoded[key] += 1
                if self._decoded[key] <= EAGER_PICTURES:
                    return network
                self._frozen[key] = freeze(network.eval(), planes, len(self.manifest.side_information))
            return self._frozen[key]


def _alike(chunk: list[tuple[Tensor, Tensor]]) -> list[list[tuple[Tensor, Tensor]]]:
    """Pictures with a plane of shares and without one do not go together."""
    together = len({latent.shape[1] for latent, _ in chunk}) == 1
    return [chunk] if together else [[one] for one in chunk]
