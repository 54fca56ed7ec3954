"""Another project's ONNX networks with this project's inputs, symbols and power around them.

Around an encoder: its latent's reals are ordered so that the first half is the real part; of a point-to-point code, the
channels of other users follow, empty. Around a decoder: the inverse, and symbols of the power that it was trained with.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, compose, helper, numpy_helper

from models.adapting.facts import CodecFacts
from models.errors import ModelError

PREFIX = "brought/"
OPSET = 17
LEAST_IR_VERSION = 8  # of ONNX files with functions and opset 17
SINR_FIELD = "sinr_db_over_20"


def around_encoder(model: onnx.ModelProto, facts: CodecFacts, latent_channels: int) -> onnx.ModelProto:
    """image [1,3,H,W], side [1,d], user [1] -> latent [1, M, h, w], or [1, users M, h, w] of a point-to-point code."""
    frame = Frame(model, "image", facts)
    latent = frame.run("image")
    half = latent_channels // 2
    if facts.symbols == "channel-pairs":
        latent = frame.gather(latent, [*range(0, latent_channels, 2), *range(1, latent_channels, 2)])
    elif facts.symbols == "flat-pairs":
        latent = frame.regrouped(latent, [1, -1, 2])
    if not facts.learned:
        empty = frame.constant([0, 0, 0, 0, 0, (facts.users - 1) * half, 0, 0])
        parts = [frame.gather(latent, list(range(first, first + half))) for first in (0, half)]
        latent = frame.node("Concat", [frame.node("Pad", [part, empty]) for part in parts], axis=1)
    return frame.finished(latent, "latent")


def around_decoder(
    model: onnx.ModelProto, facts: CodecFacts, latent_channels: int, symbol_power: float
) -> onnx.ModelProto:
    """features, side, user -> image. A point-to-point code's symbols, which arrive as LMMSE estimates of unit mean
    power, are made x + noise: at an SINR of s, a share s / (1 + s) of their power is signal.

    symbol_power: mean |x|^2 of a complex symbol that the network was trained with.
    """
    frame = Frame(model, "features", facts)
    features = "features"
    half = latent_channels // 2
    gain = frame.constant([math.sqrt(symbol_power)], np.float32)
    if not facts.learned:
        own = [first + channel for first in (0, facts.users * half) for channel in range(half)]
        features = frame.gather(features, own)
        noise = frame.node(
            "Exp", [frame.node("Mul", [frame.side(0, 1), frame.constant([-2 * math.log(10)], np.float32)])]
        )
        excess = frame.node("Sqrt", [frame.node("Add", [noise, frame.constant([1], np.float32)])])
        gain = frame.node("Reshape", [frame.node("Mul", [excess, gain]), frame.constant([1, 1, 1, 1])])
    features = frame.node("Mul", [features, gain])
    if facts.symbols == "channel-pairs":
        features = frame.gather(features, [c + part * half for c in range(half) for part in (0, 1)])
    elif facts.symbols == "flat-pairs":
        features = frame.regrouped(features, [1, 2, -1])
    return frame.finished(frame.run(features), "image")


def side_fields(facts: CodecFacts) -> list[str]:
    """What the networks with what is around them read: a point-to-point code's own fields between two of ours."""
    return facts.side_information if facts.learned else [SINR_FIELD, *facts.side_information, "share"]


class Frame:
    """A network's graph under a prefix and the nodes around it, added in the order in which they are computed."""

    def __init__(self, model: onnx.ModelProto, given: str, facts: CodecFacts) -> None:
        self._model = compose.add_prefix(_at_opset(model), PREFIX)
        self._given, self._facts = given, facts
        self._inputs = inputs_by_role(self._model, given)
        self._nodes: list[NodeProto] = []

    def node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node and return its output's name."""
        name = f"around/{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def constant(self, values: list[int] | list[float], kind: type = np.int64) -> str:
        """A constant tensor's name."""
        name = f"around/constant-{len(self._model.graph.initializer)}"
        self._model.graph.initializer.append(numpy_helper.from_array(np.array(values, kind), name))
        return name

    def gather(self, tensor: str, channels: list[int]) -> str:
        """Channels of a tensor [1, C, h, w] in this order."""
        return self.node("Gather", [tensor, self.constant(channels)], axis=1)

    def regrouped(self, tensor: str, shape: list[int]) -> str:
        """The tensor's shape stays; as ``shape`` its last two sides change places."""
        turned = self.node("Transpose", [self.node("Reshape", [tensor, self.constant(shape)])], perm=[0, 2, 1])
        return self.node("Reshape", [turned, self.node("Shape", [tensor])])

    def side(self, first: int, last: int) -> str:
        """Fields [1, last - first] of the side vector."""
        return self.node("Slice", ["side", *(self.constant([n]) for n in (first, last, 1))])

    def run(self, given: str) -> str:
        """The network on ``given`` and the side information and user that it takes; its output's name."""
        for role, one in self._inputs.items():
            source = given if role == self._given else role
            if role == "side":
                before = 0 if self._facts.learned else 1
                source = self.side(before, before + len(self._facts.side_information))
                rank = len(one.type.tensor_type.shape.dim)
                source = self.node("Reshape", [source, self.constant([[], [-1], [1, -1]][min(rank, 2)])])
            self._nodes.append(helper.make_node("Identity", [source], [one.name], name=f"around/{role}"))
        self._nodes += self._model.graph.node
        return str(self._model.graph.output[0].name)

    def finished(self, output: str, name: str) -> onnx.ModelProto:
        """A model whose inputs are those of this project's codecs, as far as they are used."""
        self._nodes.append(helper.make_node("Identity", [output], [name], name=f"around/{name}"))
        used = {word for node in self._nodes for word in node.input}
        possible = (
            (self._given, TensorProto.FLOAT, [1, None, None, None]),
            ("side", TensorProto.FLOAT, [1, len(side_fields(self._facts))]),
            ("user", TensorProto.INT64, [1]),
        )
        inputs = [helper.make_tensor_value_info(*one) for one in possible if one[0] in used]
        result = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, None, None])
        graph = helper.make_graph(self._nodes, "codec", inputs, [result], list(self._model.graph.initializer))
        graph.sparse_initializer.extend(self._model.graph.sparse_initializer)
        return helper.make_model(
            graph,
            opset_imports=list(self._model.opset_import),
            functions=list(self._model.functions),
            ir_version=max(self._model.ir_version, LEAST_IR_VERSION),
        )


def inputs_by_role(model: onnx.ModelProto, given: str) -> dict[str, onnx.ValueInfoProto]:
    """A network's inputs as image or features (the one of rank 4), user (int64) and side. ModelError for others."""
    fixed = {one.name for one in model.graph.initializer}
    inputs = [one for one in model.graph.input if one.name not in fixed]
    roles: dict[str, onnx.ValueInfoProto] = {}
    for one in inputs:
        kind = one.type.tensor_type
        role = given if len(kind.shape.dim) == 4 else "user" if kind.elem_type == TensorProto.INT64 else "side"
        if role in roles or (role != "user" and kind.elem_type != TensorProto.FLOAT):
            names = ", ".join(other.name.removeprefix(PREFIX) for other in inputs)
            raise ModelError(
                f"the network's inputs ({names}) are not one float [1, C, H, W], and at most one float vector of side "
                "information and one int64 user."
            )
        roles[role] = one
    if given not in roles or not model.graph.output:
        raise ModelError(f"the network has no float input of the shape [1, C, H, W] for its {given}, or no output.")
    return roles


def _at_opset(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model at an opset that knows the operators around it."""
    version = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), OPSET)
    if version >= OPSET:
        return model
    try:
        return onnx.version_converter.convert_version(model, OPSET)
    except Exception as error:  # the converter raises what its C++ side does
        line = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(f"the network is of ONNX opset {version} and cannot be brought to {OPSET}: {line}.") from error
