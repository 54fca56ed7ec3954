"""Networks that an adapter builds, as a pair of ONNX files that compute the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.adapting.adapter import Half, said_by
from models.adapting.facts import CodecFacts
from models.adapting.probe import clean_side
from models.errors import ModelError
from models.export.codec_folder import PARITY_LIMIT
from models.export.onnx_file import write_onnx
from models.runtime.encoder import open_session

_EXAMPLE = (8, 12)  # latent rows and columns that are traced
_CHECKED = ((8, 8), (5, 9), (16, 4))


def write_pair(encoder: Half, decoders: list[Half], facts: CodecFacts, folder: Path) -> tuple[list[Path], float]:
    """Write encoder.onnx and decoder-N.onnx; their paths, encoder first, and the largest difference to torch.

    The facts name stride and latent channels. ModelError when a network cannot be exported or differs by more than
    1e-3 of the latent's or the image's unit.
    """
    if facts.stride is None or facts.latent_channels is None:
        raise ModelError("describe() of an adapter has to say stride and latent_channels.")
    paths, worst = [], 0.0
    for number, half in enumerate([encoder, *decoders]):
        sending = number == 0
        path = folder / ("encoder.onnx" if sending else f"decoder-{number - 1}.onnx")
        worst = max(worst, _write(half, sending, max(number - 1, 0), facts, path))
        paths.append(path)
    if worst > PARITY_LIMIT:
        raise ModelError(f"a network as ONNX differs from torch by {worst:.2e}, more than {PARITY_LIMIT:.0e}.")
    return paths, worst


@torch.inference_mode()
def _write(half: Half, sending: bool, user: int, facts: CodecFacts, path: Path) -> float:
    assert facts.stride is not None and facts.latent_channels is not None
    scale = facts.stride if sending else 1
    channels = 3 if sending else facts.latent_channels
    rows, columns = torch.export.Dim("rows", min=2, max=1024), torch.export.Dim("columns", min=2, max=1024)
    sizes = ({2: scale * rows, 3: scale * columns}, None, None)
    name = "image" if sending else "features"
    what = "encoder" if sending else "decoder"
    examples = list(_examples(channels, scale, facts, user))
    try:
        expected = [half(*example) for example in examples]
    except Exception as error:  # whatever the user's own code raises
        raise ModelError(f"the {what} cannot be run on {list(examples[0][0].shape)}: {said_by(error)}.") from error
    if not all(isinstance(one, Tensor) and one.is_floating_point() for one in expected):
        raise ModelError(f"the {what} gives no float tensor; complex symbols are to be given as real channels.")
    try:
        write_onnx(half, examples[0], [name, "side", "user"], "output", sizes, path)
    except Exception as error:  # the exporter raises many unrelated types
        raise ModelError(f"the {what} cannot be exported to ONNX: {said_by(error)}.") from error
    session = open_session(path)
    taken = {node.name for node in session.get_inputs()}
    worst = 0.0
    for example, wanted in zip(examples, expected, strict=True):
        fed = dict(zip((name, "side", "user"), (part.numpy() for part in example), strict=True))
        given = session.run(None, {key: value for key, value in fed.items() if key in taken})[0]
        if given.shape != tuple(wanted.shape):
            raise ModelError(f"the {what} gives {list(given.shape)} as ONNX, {list(wanted.shape)} in torch.")
        worst = max(worst, float(np.abs(given - wanted.numpy()).max()))
    return worst


def _examples(channels: int, scale: int, facts: CodecFacts, user: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(17)
    side = torch.tensor([[clean_side(name) for name in facts.side_information]])
    for rows, columns in (_EXAMPLE, *_CHECKED):
        given = torch.rand(1, channels, rows * scale, columns * scale, generator=generator)
        yield given, side, torch.tensor([user])
