"""Writing a codec folder: ONNX encoder with a parity check, fp16 decoders, manifest."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor

from models.codecs.adaptive import AdaptiveCodec
from models.codecs.base import CodecNetwork
from models.codecs.registry import ARCHITECTURES
from models.errors import ModelError
from models.export.onnx_file import write_onnx
from models.export.tensors import write_halves
from models.package.manifest import CodecFiles, CodecManifest, Provenance, describe_file, write_manifest
from models.rate.levels import BLOCK
from models.runtime.encoder import open_session

ENCODER_NAME = "encoder.onnx"
DECODERS_NAME = "decoders.safetensors"
FORESIGHT_NAME = "foresight.onnx"
PARITY_LIMIT = 1e-3
_PARITY_POSITIONS = ((8, 8), (10, 16), (1, 1))


@dataclass(frozen=True)
class CodecCard:
    """What a manifest says beyond what the network itself tells."""

    name: str
    version: str
    side_information: list[str]
    provenance: Provenance
    metrics: dict[str, Any]
    licence: str
    levels: tuple[int, ...] | None = None


def export_codec(codec: CodecNetwork, folder: Path, card: CodecCard) -> CodecManifest:
    """Write ``encoder.onnx``, ``decoders.safetensors`` and ``manifest.json`` into ``folder``.

    The largest difference between torch and ONNX Runtime over several image sizes goes into the metrics as
    ``encoder_parity_max_abs``; ModelError when it exceeds 1e-3 (latents have values of order one).
    """
    if len(card.side_information) != codec.arguments.side_size:
        raise ModelError(
            f"the network reads {codec.arguments.side_size} side-information fields, "
            f"but {len(card.side_information)} are named."
        )
    folder.mkdir(parents=True, exist_ok=True)
    codec = copy.deepcopy(codec).to("cpu").eval()
    _write_encoder(codec, folder / ENCODER_NAME)
    parity = encoder_parity(codec, folder / ENCODER_NAME)
    if parity > PARITY_LIMIT:
        raise ModelError(f"the exported encoder differs from torch by {parity:.2e}, more than {PARITY_LIMIT:.0e}.")
    if card.levels:
        _write_foresight(codec, folder / FORESIGHT_NAME)
    write_halves(codec.decoders, folder / DECODERS_NAME)
    arguments = codec.arguments
    name = next(key for key, (_, form) in ARCHITECTURES.items() if type(arguments) is form)
    manifest = CodecManifest(
        format_version=1,
        kind="codec",
        name=card.name,
        version=card.version,
        architecture=name,
        arguments=_plain(asdict(arguments)),
        users=arguments.users,
        stride=arguments.stride,
        latent_channels=arguments.latent_channels,
        channel_use_ratio=arguments.channel_use_ratio,
        side_information=card.side_information,
        levels=list(card.levels) if card.levels else None,
        files=CodecFiles(
            encoder=describe_file(folder / ENCODER_NAME),
            decoders=describe_file(folder / DECODERS_NAME),
            foresight=describe_file(folder / FORESIGHT_NAME) if card.levels else None,
        ),
        provenance=card.provenance,
        metrics=card.metrics | {"encoder_parity_max_abs": parity},
        licence=card.licence,
    )
    write_manifest(folder, manifest)
    return manifest


def _plain(arguments: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in arguments.items()}


INPUTS = ("image", "user", "side", "shares")


def _example(codec: CodecNetwork, height: int, width: int, user: int) -> tuple[Tensor, ...]:
    """What an encoder takes; ``shares`` too where it reads them."""
    generator = torch.Generator().manual_seed(height * width + user)
    image = torch.rand(1, 3, height, width, generator=generator)
    side = torch.rand(1, codec.arguments.side_size, generator=generator)
    if not isinstance(codec, AdaptiveCodec):
        return image, torch.tensor([user]), side
    stride = codec.arguments.stride
    return image, torch.tensor([user]), side, torch.rand(1, 1, height // stride, width // stride, generator=generator)


def _write_encoder(codec: CodecNetwork, path: Path) -> None:
    rows, columns = torch.export.Dim("rows", min=1, max=4096), torch.export.Dim("columns", min=1, max=4096)
    stride = codec.arguments.stride
    example = _example(codec, 8 * stride, 12 * stride, 0)
    sizes = ({2: stride * rows, 3: stride * columns}, None, None, {2: rows, 3: columns})[: len(example)]
    write_onnx(codec.encoder, example, list(INPUTS[: len(example)]), "latent", sizes, path)


@torch.inference_mode()
def _write_foresight(codec: CodecNetwork, path: Path) -> None:
    """ModelError where the file foresees otherwise than the network."""
    assert isinstance(codec, AdaptiveCodec)
    unit = codec.arguments.stride * BLOCK
    rows, columns = torch.export.Dim("rows", min=1, max=4096), torch.export.Dim("columns", min=1, max=4096)
    sizes = ({2: unit * rows, 3: unit * columns}, None)
    image, _, side, *_ = _example(codec, 4 * unit, 6 * unit, 0)
    write_onnx(codec.foresight, (image, side), ["image", "side"], "errors", sizes, path)
    image, _, side, *_ = _example(codec, 3 * unit, unit, 1)
    given = open_session(path).run(None, {"image": image.numpy(), "side": side.numpy()})[0]
    unlike = float(np.abs(given - codec.foresight(image, side).numpy()).max())
    if unlike > PARITY_LIMIT:
        raise ModelError(f"the exported foresight differs from torch by {unlike:.2e}, more than {PARITY_LIMIT:.0e}.")


@torch.inference_mode()
def encoder_parity(codec: CodecNetwork, path: Path) -> float:
    """Largest absolute difference of the latents, torch against ONNX Runtime, over users and image sizes."""
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    stride = codec.arguments.stride
    for height, width in ((stride * rows, stride * columns) for rows, columns in _PARITY_POSITIONS):
        for user in range(codec.arguments.users):
            example = _example(codec, height, width, user)
            if "shares" not in [node.name for node in session.get_inputs()]:
                example = example[:3]
            expected = codec.encoder(*example).numpy()
            fed = dict(zip(INPUTS, (part.numpy() for part in example), strict=False))
            fed = {node.name: fed[node.name] for node in session.get_inputs()}
            worst = max(worst, float(np.abs(session.run(None, fed)[0] - expected).max()))
    return worst
