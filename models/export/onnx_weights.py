"""Reading an encoder's torch weights back out of its ONNX file, so that a shipped codec can be trained further."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import ModelProto, numpy_helper
from torch import Tensor, nn

from models.errors import ModelError


def load_onnx_weights(network: nn.Module, path: Path) -> None:
    """Fill ``network`` with the tensors of ``path``, an ONNX file that ``write_onnx`` made of such a network.

    The exporter keeps a parameter's name unless it folds the parameter into another constant: the weight of a linear
    layer becomes a transposed operand of the MatMul before the Add of its bias, and a parameter that is only indexed
    keeps its shape alone. ModelError when a parameter is not found, or not found once; whether the result computes
    the same is for the caller to check (``export.encoder_parity``).
    """
    try:
        model = onnx.load(path)
        found = {one.name: torch.tensor(numpy_helper.to_array(one)) for one in model.graph.initializer}
    except Exception as error:  # protobuf has no one class for a file that is not its own.
        raise ModelError(f"{path} is not an ONNX file: {str(error).splitlines()[0]}.") from error
    found |= _linear_weights(model, found) | _convolution_weights(model, found)
    wanted = dict(network.named_parameters())
    unnamed = [tensor for name, tensor in found.items() if name not in wanted]
    weights: dict[str, Tensor] = {}
    for name, parameter in wanted.items():
        if name in found and found[name].numel() == parameter.numel():  # MatrixConv2d keeps its kernel as a matrix.
            found[name] = found[name].reshape(parameter.shape)
        alike = [found[name]] if name in found else [one for one in unnamed if one.shape == parameter.shape]
        if len(alike) != 1 or alike[0].shape != parameter.shape:
            raise ModelError(f"{path} does not hold this encoder's weights: {len(alike)} tensors could be {name}.")
        weights[name] = alike[0].float()
    network.load_state_dict(weights | dict(network.named_buffers()), strict=False)


def _convolution_weights(model: ModelProto, found: dict[str, Tensor]) -> dict[str, Tensor]:
    """``{"layer.weight": [out, in, k, k]}`` of every convolution with a bias ``layer.bias``."""
    nodes = [node for node in model.graph.node if node.op_type == "Conv" and len(node.input) == 3]
    return {
        node.input[2].removesuffix("bias") + "weight": found[node.input[1]]
        for node in nodes
        if node.input[2].endswith(".bias") and node.input[1] in found
    }


def _linear_weights(model: ModelProto, found: dict[str, Tensor]) -> dict[str, Tensor]:
    """``{"layer.weight": [out, in]}`` of every MatMul with a constant whose sum with ``layer.bias`` follows."""
    products = {
        node.output[0]: node.input[1]
        for node in model.graph.node
        if node.op_type == "MatMul" and node.input[1] in found and found[node.input[1]].ndim == 2
    }
    weights = {}
    for node in model.graph.node:
        if node.op_type != "Add":
            continue
        for product, bias in (node.input, reversed(node.input)):
            if product in products and bias.endswith(".bias"):
                weights[bias.removesuffix("bias") + "weight"] = found[products[product]].T.contiguous()
    return weights
