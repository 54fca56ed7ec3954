"""Decoders that are ONNX files: a user's own, or exported ones, float or 8-bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor, nn

from models.errors import ModelError
from models.package.manifest import CodecManifest
from models.runtime.encoder import open_session, run_session

INPUTS = {"features", "user", "side"}


class OnnxDecoder(nn.Module):
    """One user's decoder: ``forward(features float [1,M,h,w], side float [1,d]) -> image float [1,3,H,W]``."""

    def __init__(self, session: ort.InferenceSession, user: int) -> None:
        super().__init__()
        self._session = session
        self._user = np.array([user], np.int64)
        self._taken = {node.name for node in session.get_inputs()}

    def forward(self, features: Tensor, side: Tensor) -> Tensor:
        fed = {"features": features.numpy(), "user": self._user, "side": side.numpy()}
        fed = {name: value for name, value in fed.items() if name in self._taken}
        return torch.from_numpy(np.array(run_session(self._session, fed), np.float32))


def open_onnx_decoders(manifest: CodecManifest, folder: Path) -> nn.ModuleList:
    """One decoder for every user. ModelError when a file cannot be loaded or takes other inputs.

    A file for one user takes ``features`` and ``side``; one file for all takes ``user``, int64 [1], besides, unless the
    codec serves every user alike.
    """
    assert isinstance(manifest.files.decoders, list)
    sessions = []
    threads = torch.get_num_threads()  # in a node one: its processes share the cores
    for entry in manifest.files.decoders:
        session = open_session(folder / entry.name, threads)
        inputs = {node.name for node in session.get_inputs()}
        if "features" not in inputs or not inputs <= INPUTS:
            raise ModelError(
                f"{folder / entry.name} takes the inputs {sorted(inputs)}, but a decoder takes features, user and side."
            )
        sessions.append(session)
    alike = manifest.takes_any_share
    if len(sessions) < manifest.users and not alike and "user" not in [n.name for n in sessions[0].get_inputs()]:
        raise ModelError(f"{folder}: one decoder for {manifest.users} users must take the user as an input.")
    return nn.ModuleList(OnnxDecoder(sessions[user % len(sessions)], user) for user in range(manifest.users))
