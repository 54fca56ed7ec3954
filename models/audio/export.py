"""Trained networks of sound as a folder: two ONNX files whose weights have 16 bits, and their manifest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import ModelProto, helper, numpy_helper
from torch import Tensor, nn
from torch.export import Dim

from models.audio.mdct import HOP
from models.audio.modality import ARCHITECTURE
from models.audio.network import USES, AudioNetworks
from models.export.onnx_file import write_onnx
from models.package.file_entry import describe_file
from models.package.manifest import Provenance, write_manifest
from models.package.networks import NetworkManifest

_LARGE = 1000  # values from which a tensor is stored with 16 bits


def export(networks: AudioNetworks, folder: Path, name: str, provenance: Provenance, licence: str) -> NetworkManifest:
    """Write encoder.onnx, decoder.onnx and manifest.json into a folder; `metrics` are for the caller to fill in."""
    folder.mkdir(parents=True, exist_ok=True)
    halves = (
        ("encoder.onnx", networks.encoder, "coefficients", HOP),
        ("decoder.onnx", networks.decoder, "features", 2 * USES),
    )
    for file, half, given, channels in halves:
        path = folder / file
        example = torch.zeros(1, channels, 11), torch.zeros(1)
        write_onnx(_Batchless(half).eval(), example, [given, "sinr"], "made", ({2: Dim("frames", min=2)}, None), path)
        onnx.save(_halved(onnx.load(path)), path)
    manifest = NetworkManifest(
        format_version=1,
        kind="network",
        name=name,
        version="0.1.0",
        architecture=ARCHITECTURE,
        arguments={"uses": USES, "hop_samples": HOP, "rate_hz": 16_000},
        files=[describe_file(folder / file) for file, *_ in halves],
        provenance=provenance,
        metrics={},
        licence=licence,
    )
    write_manifest(folder, manifest)
    return manifest


class _Batchless(nn.Module):
    """One item at a time: float [1, given, T] and SINR [1] -> float [made, T]."""

    def __init__(self, half: nn.Module) -> None:
        super().__init__()
        self.network = half

    def forward(self, x: Tensor, sinr: Tensor) -> Tensor:
        made: Tensor = self.network(x, sinr)[0]
        return made


def _halved(model: ModelProto) -> ModelProto:
    """Large float32 constants as float16 with a cast behind each, which ONNX Runtime does once when it loads."""
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size > _LARGE:
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
            casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model
