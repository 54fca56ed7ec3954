"""The transmitter's half of a codec: ONNX Runtime and numpy, no torch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.errors import ModelError
from models.layout import laid_out
from models.package.manifest import CodecManifest, load_manifest
from models.sharing import Sharing
from models.side_information import SideInformation


class SemanticEncoder:
    """An exported encoder, ready to turn images into channel symbols."""

    def __init__(self, manifest: CodecManifest, session: ort.InferenceSession, sharing: Sharing | None = None) -> None:
        self.manifest = manifest
        self.sharing = sharing_of(manifest, sharing)
        self._session = session

    @classmethod
    def load(cls, folder: Path | str, threads: int = 1, sharing: Sharing | None = None) -> SemanticEncoder:
        """Load from a codec folder; ModelError when its manifest, checksum or network is not as it should
        be. sharing: for codecs that take any number of symbols, parted by default.
        """
        if threads < 1:
            raise ModelError(f"the encoder needs at least 1 thread, but {threads} were asked for.")
        manifest = load_manifest(folder)
        path = Path(folder) / manifest.files.encoder.name
        session = open_session(path, threads)
        inputs = [node.name for node in session.get_inputs()]
        if "image" not in inputs or not set(inputs) <= {"image", "user", "side"}:
            raise ModelError(f"{path} takes the inputs {inputs}, but an encoder takes image, user and side.")
        return cls(manifest, session, sharing)

    @property
    def users(self) -> int:
        return self.manifest.users

    @property
    def all_channels(self) -> int:
        """Complex latent channels, of which a payload may have fewer."""
        return self.manifest.latent_channels // 2

    def channel_uses(self, height: int, width: int, sharing: Sharing | None = None) -> int:
        """k, complex symbols for an image of ``height`` x ``width`` pixels (after padding to the stride).

        sharing: of a frame, where it is not the encoder's own.
        """
        return payload_uses(self.manifest, self.sharing and (sharing or self.sharing), height, width)

    def encode(
        self, image: NDArray[np.uint8], user: int, side: SideInformation, sharing: Sharing | None = None
    ) -> NDArray[np.complex64]:
        """uint8 [H, W, 3] -> complex64 [k] with mean |s|^2 = 1, in the order of models/layout.py. Sides are padded to
        the stride by edge replication.

        sharing: of this frame, where it is not the encoder's own; no matter to a codec with one fixed way of sharing.
        Side information for fewer users than the codec serves means that the others are silent. Raises
        ModelError on another shape or dtype, or a user or side information that does not fit the codec.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
            raise ModelError(f"an image must be uint8 [H, W, 3], but is {image.dtype} {list(image.shape)}.")
        if side.users > self.users:
            raise ModelError(f"the codec serves {self.users} users, but the side information is for {side.users}.")
        all_channels = self.all_channels
        sharing = None if self.sharing is None else sharing or self.sharing
        latent = run_session(self._session, self.feed(image, user, side, sharing))
        if sharing is None:
            symbols = laid_out(_unit_power_symbols(latent).reshape(all_channels, -1))
        else:
            count = sharing.own_channels(user, side.users, all_channels).size
            channels = latent.reshape(2, all_channels, -1)[:, :count]
            symbols = sharing.place(channels[0] + 1j * channels[1], user, side.users, all_channels)
        expected = self.channel_uses(image.shape[0], image.shape[1], sharing)
        if symbols.size != expected:
            raise ModelError(f"the encoder gave {symbols.size} symbols, but its manifest makes them {expected}.")
        return symbols

    def feed(
        self, image: NDArray[np.uint8], user: int, side: SideInformation, sharing: Sharing | None = None
    ) -> dict[str, NDArray[Any]]:
        """What the network is given for a picture uint8 [H, W, 3]: those inputs that it has. sharing: as `encode`."""
        if self.sharing is not None:
            side = (sharing or self.sharing).informed(side, self.all_channels)
        vector = side.vector(user, self.manifest.side_information)[None]
        fed: dict[str, NDArray[Any]] = {"image": self._prepare(image), "user": np.array([user], np.int64)}
        fed["side"] = vector
        taken = {node.name for node in self._session.get_inputs()}  # An exporter drops inputs that have no effect.
        return {name: value for name, value in fed.items() if name in taken}

    def _prepare(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        stride = self.manifest.stride
        below, right = -image.shape[0] % stride, -image.shape[1] % stride
        padded = np.pad(image, ((0, below), (0, right), (0, 0)), mode="edge")
        return np.ascontiguousarray(padded.transpose(2, 0, 1)[None], dtype=np.float32) / np.float32(255)


def sharing_of(manifest: CodecManifest, sharing: Sharing | None) -> Sharing | None:
    """How the users of a codec share: as asked or parted; None for one whose networks decided it in training.

    ModelError when such a codec is asked to share otherwise, or a codec has fewer channels than are asked for.
    """
    if manifest.takes_any_share:
        chosen = sharing or Sharing()
        chosen.payload_channels(manifest.latent_channels // 2)
        return chosen
    if sharing not in (None, Sharing()):
        raise ModelError(f"codec {manifest.name} has one fixed way of sharing, which it learned; leave it as it is.")
    return None


def payload_uses(manifest: CodecManifest, sharing: Sharing | None, height: int, width: int) -> int:
    """k of a payload: ``manifest.channel_uses``, or fewer where only some of the channels are used."""
    uses, all_channels = manifest.channel_uses(height, width), manifest.latent_channels // 2
    return uses if sharing is None else uses // all_channels * sharing.payload_channels(all_channels)


def open_session(path: Path, threads: int = 0) -> ort.InferenceSession:
    """An ONNX file on the CPU; threads 0 is one per core. ModelError when ONNX Runtime cannot load it.

    It is loaded from its bytes, so that it cannot name further files.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return ort.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a dozen unrelated types from its C++ side.
        raise ModelError(f"{path} cannot be loaded by ONNX Runtime: {_first_line(error)}.") from error


def run_session(session: ort.InferenceSession, fed: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """The first output; ModelError when the network does not take these inputs."""
    try:
        return np.asarray(session.run(None, fed)[0])
    except Exception as error:  # As above.
        shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in fed.items())
        raise ModelError(f"the network cannot be run on {shapes}: {_first_line(error)}.") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _unit_power_symbols(latent: NDArray[np.float32]) -> NDArray[np.complex64]:
    """First half of the flattened reals is the real part, second half the imaginary; scaled to mean power
    1.
    """
    reals = latent.astype(np.float64).ravel()
    half = reals.size // 2
    symbols = reals[:half] + 1j * reals[half:]
    mean_power = float(np.mean(symbols.real**2 + symbols.imag**2))
    if not math.isfinite(mean_power) or mean_power <= 0:
        raise ModelError(f"the encoder gave symbols of mean power {mean_power}, which cannot be scaled to 1.")
    return (symbols / math.sqrt(mean_power)).astype(np.complex64)
