"""A task out of its folder: the symbols that arrived of a picture in, what it shows out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from models.classifier.network import ClassifierArguments
from models.codecs.adaptive import AdaptiveArguments
from models.decoding.decoder import SemanticDecoder
from models.errors import ModelError
from models.package.networks import NetworkManifest, load_network_manifest
from models.package.zoo import network_folder
from models.sharing import Sharing
from models.side_information import SideInformation
from models.task.network import TaskArguments, TaskHead, probabilities

TASK_ARCHITECTURE = "symbol-task"
WEIGHTS_NAME = "task.safetensors"


class SymbolTask:
    """names: of the classes, in the order of the labels."""

    def __init__(self, manifest: NetworkManifest, head: TaskHead, decoder: SemanticDecoder) -> None:
        self.manifest = manifest
        self.names = [str(name) for name in manifest.arguments["names"]]
        self._decoder = decoder
        self._head = head.eval().to(decoder.device)

    @classmethod
    def load(cls, name_or_path: str | Path, decoder: SemanticDecoder) -> SymbolTask:
        """decoder: of the codec whose symbols arrive, which says how a network is fed with them.

        ModelError when folder, manifest, checksum or tensors are not as they should be, or the task was learnt from
        another encoder's symbols.
        """
        folder = network_folder(name_or_path)
        manifest = load_network_manifest(folder, TASK_ARCHITECTURE)
        encoder = decoder.manifest.files.encoder.sha256
        if manifest.arguments.get("encoder_sha256") != encoder:
            raise ModelError(
                f"task {manifest.name} was learnt from the symbols of another encoder than {decoder.manifest.name}'s."
            )
        try:
            head = TaskHead(task_arguments(manifest))
            if len(manifest.arguments["names"]) != head.arguments.classifier.classes:
                raise ValueError("its names are not one for each class")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(f"{folder} does not hold this task: {str(error).splitlines()[0]}.") from error
        load_task_weights(head, folder)
        return cls(manifest, head, decoder)

    @torch.inference_mode()
    def chances(
        self,
        features: NDArray[np.complex64],
        user: int,
        side: SideInformation,
        height: int,
        width: int,
        sharing: Sharing | None = None,
    ) -> NDArray[np.float32]:
        """float32 [classes], adding up to one; arguments and errors as ``SemanticDecoder.decode_float``."""
        seen, told = self._decoder.feed(features, user, side, height, width, sharing)
        found: NDArray[np.float32] = probabilities(self._head(seen, told))[0].cpu().numpy()
        return found

    def name(
        self,
        features: NDArray[np.complex64],
        user: int,
        side: SideInformation,
        height: int,
        width: int,
        sharing: Sharing | None = None,
    ) -> tuple[str, float]:
        """The likeliest class and its chance."""
        chances = self.chances(features, user, side, height, width, sharing)
        return self.names[int(chances.argmax())], float(chances.max())


def load_task_weights(head: TaskHead, folder: Path) -> None:
    """Fill the network with the tensors of a task's folder; ModelError when they are not of such a network."""
    path = folder / WEIGHTS_NAME
    try:
        head.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
    except (SafetensorError, RuntimeError, OSError) as error:
        raise ModelError(f"{path} does not hold this task: {str(error).splitlines()[0]}.") from error


def task_arguments(manifest: NetworkManifest) -> TaskArguments:
    """Of a manifest's ``arguments``; KeyError, TypeError or ValueError when they are not a task's."""
    codec, classifier = manifest.arguments["codec_arguments"], manifest.arguments["classifier_arguments"]
    if any(isinstance(one, list) and len(one) > 16 for one in [*codec.values(), *classifier.values()]):
        raise ValueError("its networks are too deep")
    numbers = [one for given in (codec, classifier) for value in given.values() for one in np.atleast_1d(value)]
    if any(isinstance(one, np.integer) and not 0 <= one <= 4096 for one in numbers):
        raise ValueError("its networks are too large")
    return TaskArguments(AdaptiveArguments(**_tuples(codec)), ClassifierArguments(**_tuples(classifier)))


def _tuples(given: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists where networks have tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
