"""A classifier out of its folder: pictures in, chances of the classes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from models.classifier.network import ClassifierArguments, ClassifierNetwork
from models.decoding.decoder import choose_device
from models.errors import ModelError
from models.package.networks import NetworkManifest, load_network_manifest
from models.package.zoo import network_folder

CLASSIFIER_ARCHITECTURE = "picture-classifier"
DEFAULT_CLASSIFIER = "classifier-32"
WEIGHTS_NAME = "classifier.safetensors"
_BATCH = 256


class PictureClassifier:
    """names: of the classes, in the order of the labels; side_px: of the pictures that it was trained on."""

    def __init__(self, manifest: NetworkManifest, network: ClassifierNetwork, device: torch.device) -> None:
        self.manifest = manifest
        self.device = device
        self.network = network.eval().to(device)
        self.names = [str(name) for name in manifest.arguments["names"]]
        self.side_px = int(manifest.arguments["side_px"])

    @classmethod
    def load(cls, name_or_path: str | Path = DEFAULT_CLASSIFIER, device: str = "auto") -> PictureClassifier:
        """ModelError when folder, manifest, checksum, tensors or device are not as they should be."""
        folder = network_folder(name_or_path)
        manifest = load_network_manifest(folder, CLASSIFIER_ARCHITECTURE)
        path = folder / WEIGHTS_NAME
        try:
            network = ClassifierNetwork(network_arguments(manifest))
            network.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()})
            if len(manifest.arguments["names"]) != network.arguments.classes or int(manifest.arguments["side_px"]) < 1:
                raise ValueError("its names are not one for each class, or its side_px is not positive")
        except (SafetensorError, RuntimeError, OSError, ValueError, TypeError, KeyError) as error:
            raise ModelError(f"{path} does not hold this classifier: {str(error).splitlines()[0]}.") from error
        return cls(manifest, network, choose_device(device))

    @torch.inference_mode()
    def chances(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 [n, H, W, 3] -> float32 [n, classes], each row adding to one. ModelError on another shape.

        Pictures of another size are resized to ``side_px`` by averaging or by linear interpolation.
        """
        if pictures.ndim != 4 or pictures.shape[3] != 3 or pictures.size == 0 or pictures.dtype != np.uint8:
            raise ModelError(f"pictures to classify must be uint8 [n, H, W, 3], but are {list(pictures.shape)}.")
        found = [self._some(pictures[start : start + _BATCH]) for start in range(0, len(pictures), _BATCH)]
        return np.concatenate(found)

    def classify(self, pictures: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The likeliest class of each, int64 [n]; shape and errors as ``chances``."""
        return np.asarray(self.chances(pictures).argmax(axis=1), np.int64)

    def _some(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        planes = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).float() / 255
        if planes.shape[2:] != (self.side_px, self.side_px):
            size = (self.side_px, self.side_px)
            planes = torch.nn.functional.interpolate(planes, size, mode="bilinear", antialias=True)
        chances: NDArray[np.float32] = self.network(planes.to(self.device)).softmax(dim=1).cpu().numpy()
        return chances


def network_arguments(manifest: NetworkManifest) -> ClassifierArguments:
    """Of a manifest's ``arguments``; KeyError, TypeError or ValueError when they are not a classifier's."""
    given = manifest.arguments
    return ClassifierArguments(
        int(given["classes"]),
        tuple(int(width) for width in given["widths"]),
        tuple(int(count) for count in given["blocks"]),
        bool(given["shortcuts"]),
    )
