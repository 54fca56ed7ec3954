"""The transmitter's half of a codec: ONNX Runtime and numpy, no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from models.errors import ModelError
from models.layout import laid_out
from models.package.manifest import CodecManifest, load_manifest
from models.rate.levels import BLOCK
from models.rate.plan import Plan, best_plan, even_plan, may_be_uneven, read_plan
from models.sharing import Sharing
from models.side_information import SideInformation


class SemanticEncoder:
    """An exported encoder, ready to turn images into channel symbols."""

    def __init__(
        self,
        manifest: CodecManifest,
        session: ort.InferenceSession,
        sharing: Sharing | None = None,
        foresight: ort.InferenceSession | None = None,
    ) -> None:
        self.manifest = manifest
        self.sharing = sharing_of(manifest, sharing)
        self._session = session
        self._taken = {node.name for node in session.get_inputs()}  # An exporter drops inputs that have no effect.
        self._foresight = foresight

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
        if "image" not in inputs or not set(inputs) <= {"image", "user", "side", "shares"}:
            raise ModelError(f"{path} takes the inputs {inputs}, but an encoder takes image, user, side and shares.")
        entry = manifest.files.foresight
        foresight = open_session(Path(folder) / entry.name, threads) if entry else None
        return cls(manifest, session, sharing, foresight)

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
        self,
        image: NDArray[np.uint8],
        user: int,
        side: SideInformation,
        sharing: Sharing | None = None,
        plan: Plan | None = None,
    ) -> NDArray[np.complex64]:
        """uint8 [H, W, 3] -> complex64 [k] with mean |s|^2 = 1, in the order of models/layout.py. Sides are padded to
        the stride by edge replication.

        sharing: of this frame, where it is not the encoder's own; no matter to a codec with one fixed way of sharing.
        plan: how its symbols are shared out over the picture, where it is not the encoder's choice.
        Side information for fewer users than the codec serves means that the others are silent. Raises
        ModelError on another shape or dtype, or a user or side information that does not fit the codec.
        """
        return self.encode_all([image], user, side, sharing, plan)[0]

    def encode_all(
        self,
        images: Sequence[NDArray[np.uint8]],
        user: int,
        side: SideInformation,
        sharing: Sharing | None = None,
        plan: Plan | None = None,
    ) -> list[NDArray[np.complex64]]:
        """Several pictures of one user with the same side information, each as `encode`."""
        for image in images:
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
                raise ModelError(f"an image must be uint8 [H, W, 3], but is {image.dtype} {list(image.shape)}.")
        if side.users > self.users:
            raise ModelError(f"the codec serves {self.users} users, but the side information is for {side.users}.")
        sharing = None if self.sharing is None else sharing or self.sharing
        told = self._told(user, side, sharing)
        plans = [plan if plan or sharing is None else self.plan(image, user, side, sharing) for image in images]
        latents = [
            run_session(self._session, self._fed(image, told, one)) for image, one in zip(images, plans, strict=True)
        ]
        return [
            self._symbols(latent, image, user, side.users, sharing, one)
            for latent, image, one in zip(latents, images, plans, strict=True)
        ]

    def _symbols(
        self,
        latent: NDArray[np.float32],
        image: NDArray[np.uint8],
        user: int,
        users: int,
        sharing: Sharing | None,
        plan: Plan | None,
    ) -> NDArray[np.complex64]:
        """complex64 [k] of what the network made of an image."""
        all_channels = self.all_channels
        if sharing is None or plan is None:
            symbols = laid_out(_unit_power_symbols(latent).reshape(all_channels, -1))
        else:
            count = sharing.own_channels(user, users, all_channels).size
            own = plan.symbols(_complex_channels(latent), count * plan.counts.size).reshape(count, -1)
            symbols = sharing.place(own, user, users, all_channels)
        expected = self.channel_uses(image.shape[0], image.shape[1], sharing)
        if symbols.size != expected:
            raise ModelError(f"the encoder gave {symbols.size} symbols, but its manifest makes them {expected}.")
        return symbols

    def plan(self, image: NDArray[np.uint8], user: int, side: SideInformation, sharing: Sharing) -> Plan:
        """How a user's symbols are shared out over its picture: evenly, unless the codec can do otherwise, the SINR is
        measured, and another way promises less error.
        """
        rows, columns = (math.ceil(size / self.manifest.stride) for size in image.shape[:2])
        count = sharing.own_channels(user, side.users, self.all_channels).size
        if self._foresight is None or self.manifest.levels is None:
            return Plan(np.full(rows * columns, count, np.int64), np.zeros(0, np.complex64))
        floor_db = side.sinr_db if side.sinr_floor_db is None else side.sinr_floor_db
        if side.sinr_db is None or floor_db is None or not may_be_uneven(rows, columns, float(floor_db[user])):
            return even_plan(rows, columns, count)
        vector = sharing.informed(side, self.all_channels).vector(user, self.manifest.side_information)[None]
        padded = self._prepare(image, BLOCK * self.manifest.stride)
        foreseen = run_session(self._foresight, {"image": padded, "side": vector})
        wanted = (1, len(self.manifest.levels), -(-rows // BLOCK), -(-columns // BLOCK))
        if foreseen.shape != wanted:
            raise ModelError(f"the foresight gave errors of the shape {list(foreseen.shape)}, not {list(wanted)}.")
        errors = np.exp(foreseen[0].astype(np.float64))
        return best_plan(errors, tuple(self.manifest.levels), rows, columns, count, float(floor_db[user]))

    def plan_of(
        self, payload: NDArray[np.complex64], user: int, users: int, sharing: Sharing | None, height: int, width: int
    ) -> Plan | None:
        """The plan that a user's payload complex64 [k] names, as it was received for a picture of this size; None for
        codecs that share evenly, and MapLost as `read_plan`.
        """
        if self.sharing is None or self.manifest.levels is None:
            return None
        own = (sharing or self.sharing).pick(payload, user, users, self.all_channels)
        rows, columns = (math.ceil(size / self.manifest.stride) for size in (height, width))
        return read_plan(own.ravel(), tuple(self.manifest.levels), rows, columns, len(own))[0]

    def feed(
        self, image: NDArray[np.uint8], user: int, side: SideInformation, sharing: Sharing | None = None
    ) -> dict[str, NDArray[Any]]:
        """What the network is given for a picture uint8 [H, W, 3] whose symbols are shared out evenly: those inputs
        that it has. sharing: as `encode`.
        """
        sharing = None if self.sharing is None else sharing or self.sharing
        plan = None if sharing is None else self.plan(image, user, replace(side, sinr_db=None), sharing)
        return self._fed(image, self._told(user, side, sharing), plan)

    def _told(self, user: int, side: SideInformation, sharing: Sharing | None) -> dict[str, NDArray[Any]]:
        """What the network is told beside a picture."""
        if sharing is not None:
            side = sharing.informed(side, self.all_channels)
        vector = side.vector(user, self.manifest.side_information)[None]
        return {"user": np.array([user], np.int64), "side": vector}

    def _fed(
        self, image: NDArray[np.uint8], told: dict[str, NDArray[Any]], plan: Plan | None
    ) -> dict[str, NDArray[Any]]:
        fed = {"image": self._prepare(image), **told}
        if plan is not None:
            shares = plan.counts.astype(np.float32) / np.float32(self.all_channels)
            fed["shares"] = shares.reshape(1, 1, math.ceil(image.shape[0] / self.manifest.stride), -1)
        return {name: value for name, value in fed.items() if name in self._taken}

    def _prepare(self, image: NDArray[np.uint8], multiple: int | None = None) -> NDArray[np.float32]:
        """Padded to a multiple of the stride, or of so many pixels."""
        multiple = multiple or self.manifest.stride
        below, right = -image.shape[0] % multiple, -image.shape[1] % multiple
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


def _complex_channels(latent: NDArray[np.float32]) -> NDArray[np.complex64]:
    """float [1, 2C, h, w] -> complex64 [C, h * w]."""
    halves = latent.reshape(2, latent.shape[1] // 2, -1)
    return np.asarray(halves[0] + 1j * halves[1], np.complex64)


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
