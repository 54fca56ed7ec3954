"""Writing a torch network as an ONNX file."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from models.errors import ModelError


def write_onnx(
    network: nn.Module, example: tuple[Tensor, ...], inputs: list[str], output: str, sizes: tuple[Any, ...], path: Path
) -> None:
    """Write ``network`` as ONNX, traced on ``example``; ``sizes`` are torch.export's dynamic shapes."""
    # The exporter reports absent optional packages; none of it concerns this network.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            example,
            input_names=inputs,
            output_names=[output],
            dynamo=True,
            verbose=False,
            dynamic_shapes=sizes,
        )
    if program is None:
        raise ModelError("the network could not be exported to ONNX.")
    onnx.save(_without_remarks(program.model_proto), path)


def _without_remarks(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without the exporter's notes on every node, which hold source paths and stack traces."""
    holders = [model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer]
    holders += [*model.graph.input, *model.graph.output, *model.functions]
    holders += [node for function in model.functions for node in function.node]
    for holder in holders:
        holder.ClearField("doc_string")
        holder.ClearField("metadata_props")
    return model
