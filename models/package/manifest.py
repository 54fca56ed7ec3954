"""The manifest of a codec folder: architecture, files with checksums, provenance and metrics."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator

from models.errors import ModelError
from models.faults import Faults, read
from models.package.file_entry import FileEntry, Strict, describe_file, verify_file
from models.side_information import FIELDS

__all__ = [
    "CodecFiles",
    "CodecManifest",
    "FileEntry",
    "Provenance",
    "RefinerManifest",
    "RefinerMethod",
    "describe_file",
    "load_manifest",
    "load_refiner_manifest",
    "verify_file",
    "write_manifest",
]

FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.json"
ONNX_ARCHITECTURE = "onnx"


RefinerMethod = Literal[
    "diffusion", "conditioned-diffusion", "one-step", "conditioned-one-step", "conditional-gan", "text-one-step"
]

Form = TypeVar("Form", bound=Strict)


class CodecFiles(Strict):
    """The encoder as ONNX, and the decoders: all in one safetensors file, or as ONNX in one file for each user or
    one file that takes the user as an input. foresight: of codecs that share symbols out over a picture, as ONNX
    (models/codecs/foresight.py).
    """

    encoder: FileEntry
    decoders: FileEntry | list[FileEntry]
    foresight: FileEntry | None = None

    def entries(self) -> list[FileEntry]:
        """Every file."""
        decoders = self.decoders if isinstance(self.decoders, list) else [self.decoders]
        return [self.encoder, *decoders, *([self.foresight] if self.foresight else [])]


class Provenance(Strict):
    """How the weights were trained. note: deviations of the run from its command, and limitations."""

    data: str
    command: str
    seed: int
    minutes: float = Field(ge=0)
    images_seen: int = Field(ge=0)
    note: str = ""


class CodecManifest(Strict):
    """Everything about a codec besides its weights; ``manifest.json`` in the codec's folder.

    architecture and arguments: the network's registered name and its constructor arguments; "onnx" and none where the
    decoders are ONNX files. stride: image
    sides are padded to a multiple of it. channel_use_ratio: complex channel uses per image real, k / (3HW). levels: of
    a codec that shares symbols out over a picture, what a position may have, in complex channels, ascending; the last
    is how many there are. Its encoder takes the input ``shares`` too, and its decoders one more feature plane with
    them. metrics: what was measured, for example ``{"psnr_db": {"random-phase": {"10": 24.9}}, "images": ...}``.
    """

    format_version: Literal[1]
    kind: Literal["codec"]
    name: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    version: str
    architecture: str
    arguments: dict[str, Any]
    users: int = Field(ge=1, le=64)
    stride: int = Field(ge=1, le=256)
    latent_channels: int = Field(ge=2, multiple_of=2)
    channel_use_ratio: float = Field(gt=0)
    side_information: list[str]
    levels: list[int] | None = None
    files: CodecFiles
    provenance: Provenance
    metrics: dict[str, Any]
    licence: str

    @field_validator("side_information")
    @classmethod
    def _known_fields(cls, fields: list[str]) -> list[str]:
        unknown = [name for name in fields if name not in FIELDS]
        if unknown:
            raise ValueError(f"side information field {unknown[0]!r} is not one of {', '.join(FIELDS)}")
        return fields

    @model_validator(mode="after")
    def _consistent(self) -> CodecManifest:
        ratio = self.latent_channels / 2 / self.stride**2 / 3
        if not math.isclose(self.channel_use_ratio, ratio, rel_tol=1e-6):
            raise ValueError(
                f"channel_use_ratio is {self.channel_use_ratio:g}, but {self.latent_channels} latent channels at "
                f"stride {self.stride} make {ratio:g}"
            )
        onnx = self.architecture == ONNX_ARCHITECTURE
        if onnx != isinstance(self.files.decoders, list):
            raise ValueError(f"architecture {self.architecture!r} does not go with this form of files.decoders")
        if isinstance(self.files.decoders, list) and len(self.files.decoders) not in (1, self.users):
            raise ValueError(f"{len(self.files.decoders)} decoders are named, but there must be 1 or {self.users}")
        levels = self.levels or [1]
        if levels[0] < 1 or any(upper <= lower for lower, upper in pairwise(levels)):
            raise ValueError(f"levels must ascend from 1 or more, but are {levels}")
        if (self.levels is None) != (self.files.foresight is None) or (self.levels and not self.takes_any_share):
            raise ValueError("levels go with files.foresight and the side information share")
        names = [entry.name for entry in self.files.entries()]
        if len(set(names)) < len(names) or MANIFEST_NAME in names:
            raise ValueError("one file name stands for two files")
        return self

    @property
    def feature_planes(self) -> int:
        """Of what a decoder is given."""
        return 2 * self.levels[-1] + 1 if self.levels else self.latent_channels

    @property
    def takes_any_share(self) -> bool:
        """True for a codec whose networks are told how many symbols are sent: any number of them is a code."""
        return "share" in self.side_information

    def channel_uses(self, height: int, width: int) -> int:
        """k, complex symbols for an image of ``height`` x ``width`` pixels (after padding to the stride)."""
        if height < 1 or width < 1:
            raise ModelError(f"an image needs at least 1x1 pixels, but has {height}x{width}.")
        return self.latent_channels // 2 * math.ceil(height / self.stride) * math.ceil(width / self.stride)


class RefinerManifest(Strict):
    """The same for a refiner folder: a diffusion prior and the schedule it was trained with.

    method: "diffusion" contracts the error and denoises in several passes; "conditioned-diffusion" does so with the
    decoded picture before it; "one-step" and "conditioned-one-step" do the same work in one; "conditional-gan" is a
    generator trained against a critic, in one pass too; "text-one-step" is one pass that may be told the caption.
    """

    format_version: Literal[1]
    kind: Literal["refiner"]
    name: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    version: str
    architecture: str
    arguments: dict[str, Any]
    scheduler: dict[str, Any]
    method: RefinerMethod = "diffusion"
    weights: FileEntry
    provenance: Provenance
    metrics: dict[str, Any]
    licence: str


def load_manifest(folder: Path | str) -> CodecManifest:
    """Read and verify a codec folder: the manifest's form, and every file's name, size and sha256.

    Raises ModelError naming the folder and what is wrong with it.
    """
    manifest = read_form(Path(folder), CodecManifest)
    for entry in manifest.files.entries():
        verify_file(Path(folder), entry)
    return manifest


def load_refiner_manifest(folder: Path | str) -> RefinerManifest:
    """The same for a refiner folder."""
    manifest = read_form(Path(folder), RefinerManifest)
    verify_file(Path(folder), manifest.weights)
    return manifest


def read_form(folder: Path, form: type[Form]) -> Form:
    """A folder's manifest of this form; its files are not verified. ModelError when it is not there or not of it."""
    path = folder / MANIFEST_NAME
    try:
        return form.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ModelError(f"{folder} is not a model folder: it has no {MANIFEST_NAME}.") from error
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValidationError as error:
        raise ModelError(_faults(path, form, error)) from error


def _faults(path: Path, form: type[Form], error: ValidationError) -> str:
    """All that is wrong with a manifest that was refused."""
    what = f"{path} is not a valid manifest"
    try:
        read(form, json.loads(path.read_bytes()))
    except Faults as faults:
        return faults.of(what)
    except (ValueError, OSError, RecursionError):
        pass  # no JSON at all
    return f"{what}: {error.errors()[0]['msg']}."


def write_manifest(folder: Path, manifest: Strict) -> None:
    """Write ``manifest.json``, by a rename so that a reader never sees half of it."""
    partial = folder / (MANIFEST_NAME + ".partial")
    partial.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    partial.replace(folder / MANIFEST_NAME)
