"""An adapter: a Python file of the user's, named on the command line, that says how his networks are used.

It defines `build(weights, config) -> (encoder, decoder)` and `describe() -> dict`, and may define
`encode(encoder, image, side, user)` and `decode(decoder, features, side, user)`: see docs/howto/add-codec.md.
Nothing else is ever run: a folder of weights is data, whatever Python files it holds.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import Tensor, nn

from models.errors import ModelError

Networks = nn.Module | list[nn.Module]


class Half(nn.Module):
    """A network as ONNX export sees it: ``forward(tensor, side, user)`` through the adapter's own function."""

    def __init__(self, network: nn.Module, call: Callable[..., Tensor]) -> None:
        super().__init__()
        self.network = network
        self._call = call

    def forward(self, given: Tensor, side: Tensor, user: Tensor) -> Tensor:
        return self._call(self.network, given, side, user)


class Adapter:
    """The functions of one adapter file, checked when opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        module = _run(path)
        for name in ("build", "describe"):
            if not callable(getattr(module, name, None)):
                raise ModelError(f"{path} defines no function {name}, which an adapter needs.")
        self._module = module

    def describe(self) -> dict[str, Any]:
        """What it says of the codec. ModelError when that is no dictionary."""
        said = self._called("describe")
        if not isinstance(said, dict):
            raise ModelError(f"{self.path}: describe() gives a {type(said).__name__}, not a dictionary.")
        return {str(key): value for key, value in said.items()}

    def build(self, weights: dict[str, Tensor], config: dict[str, Any]) -> tuple[Half, list[Half]]:
        """The encoder, and one decoder for all users or one for each, in eval mode. ModelError when it fails."""
        built = self._called("build", weights, config)
        if not isinstance(built, tuple) or len(built) != 2:
            raise ModelError(f"{self.path}: build(weights, config) must give an encoder and a decoder.")
        encoder, decoders = built[0], list(built[1]) if isinstance(built[1], list | tuple) else [built[1]]
        if not decoders or not all(isinstance(network, nn.Module) for network in (encoder, *decoders)):
            raise ModelError(f"{self.path}: build(weights, config) must give torch modules.")
        encode = getattr(self._module, "encode", _plain)
        decode = getattr(self._module, "decode", _plain)
        return Half(encoder, encode).eval(), [Half(network, decode).eval() for network in decoders]

    def _called(self, name: str, *given: Any) -> Any:
        try:
            with _importing_beside(self.path):
                return getattr(self._module, name)(*given)
        except ModelError:
            raise
        except Exception as error:  # whatever the user's own code raises
            raise ModelError(f"{self.path}: {name} fails: {said_by(error)}.") from error


def said_by(error: BaseException) -> str:
    """Type and first line of what another's code raised."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__


def _plain(network: nn.Module, given: Tensor, side: Tensor, user: Tensor) -> Tensor:
    """What is done where the adapter says nothing: the network is called with the tensor alone."""
    result: Tensor = network(given)
    return result


def _run(path: Path) -> ModuleType:
    if not path.is_file() or path.suffix != ".py":
        raise ModelError(f"--adapter {path} is not a Python file.")
    spec = importlib.util.spec_from_file_location("semnoma_adapter", path)
    assert spec is not None and spec.loader is not None
    # Dataclasses look their module up.
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    try:
        with _importing_beside(path):
            spec.loader.exec_module(module)
    except Exception as error:
        raise ModelError(f"{path} cannot be run: {said_by(error)}.") from error
    return module


@contextmanager
def _importing_beside(path: Path) -> Iterator[None]:
    """Modules beside the adapter can be imported; they come last, so that none stands before an installed one."""
    folder = str(path.resolve().parent)
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
