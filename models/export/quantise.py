"""Static 8-bit quantisation of a codec's ONNX files, calibrated on real frames."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from models.codecs.channel import transmit
from models.decoding.decoder import SemanticDecoder
from models.evaluation.frames import Frame, frames_of, same_size_groups
from models.images import ImageSource
from models.package.manifest import CodecManifest
from models.runtime.encoder import SemanticEncoder
from models.sharing import Sharing
from models.side_information import SideInformation

CALIBRATION_PICTURES = 64
CALIBRATION_SEED = 41
QUANTISED_OPERATORS = ["Conv", "MatMul"]

Feeds = list[dict[str, NDArray[Any]]]


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, feeds: Feeds) -> None:
        self._rest: Iterator[dict[str, NDArray[Any]]] = iter(feeds)

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return next(self._rest, None)


def quantise_codec(
    manifest: CodecManifest, source: Path, floats: Path, folder: Path, names: list[str], pictures: ImageSource
) -> None:
    """Write 8-bit versions of the files ``names`` (encoder first, then every user's decoder) of ``floats``.

    Weights are signed and have one scale per output channel, activations one scale per tensor with the range seen on
    up to 64 of ``pictures``, sent by the codec of ``source`` over random phases at 0 to 20 dB.
    """
    encoder_feeds, decoder_feeds = _feeds(manifest, source, pictures)
    for name, feeds in zip(names, [encoder_feeds, *decoder_feeds], strict=True):
        quantise(floats / name, folder / name, feeds)


def quantise(float_path: Path, path: Path, feeds: Feeds) -> None:
    """Write the 8-bit version of one network, its convolutions and products with constant matrices."""
    prepared = float_path.with_suffix(".prepared.onnx")
    with _without_advice():
        quant_pre_process(str(float_path), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(path),
            _Reader(feeds),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=QUANTISED_OPERATORS,
            nodes_to_exclude=_kept_in_float(onnx.load(prepared)),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
    prepared.unlink()


@contextmanager
def _without_advice() -> Iterator[None]:
    """ONNX Runtime advises, on the root logger, on preprocessing that was done."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)


def _kept_in_float(model: onnx.ModelProto) -> list[str]:
    """The first and the last convolution, and matrix products without a constant factor (the user's projection).

    The two convolutions touch pixels and symbols themselves: on the shipped codec, keeping them in float wins 0.35 dB
    of PSNR at 20 dB for a fifth more time.
    """
    constants = {tensor.name for tensor in model.graph.initializer}
    convolutions = [node.name for node in model.graph.node if node.op_type == "Conv"]
    free = [n.name for n in model.graph.node if n.op_type == "MatMul" and not constants.intersection(n.input)]
    return [*convolutions[:1], *convolutions[-1:], *free]


def _feeds(manifest: CodecManifest, source: Path, pictures: ImageSource) -> tuple[Feeds, list[Feeds]]:
    """What encoder and decoders are given; of a codec that takes any share one user's, with few and all channels."""
    users = manifest.users
    sharings: list[Sharing | None] = [None]
    if manifest.takes_any_share:
        all_channels = manifest.latent_channels // 2
        users, sharings = 1, [Sharing(1, max(1, all_channels // part)) for part in (1, 2, 4)]
    encoders = [SemanticEncoder.load(source, sharing=sharing) for sharing in sharings]
    decoders = [SemanticDecoder.load(source, "cpu", sharing) for sharing in sharings]
    encoder_feeds: Feeds = []
    decoder_feeds: list[Feeds] = [[] for _ in range(users)]
    for group in same_size_groups(pictures, CALIBRATION_PICTURES):
        uses = manifest.channel_uses(*group.pixels.shape[1:3])
        for index, frame in enumerate(frames_of(group.pixels, "random-phase", users, uses, CALIBRATION_SEED)):
            encoder, decoder = encoders[index % len(encoders)], decoders[index % len(decoders)]
            _one_frame(encoder, decoder, frame, float(5 * (index % 5)), encoder_feeds, decoder_feeds)
    return encoder_feeds, decoder_feeds


def _one_frame(
    encoder: SemanticEncoder,
    decoder: SemanticDecoder,
    frame: Frame,
    snr_db: float,
    encoder_feeds: Feeds,
    decoder_feeds: list[Feeds],
) -> None:
    users, height, width = frame.pictures.shape[:3]
    phases = frame.channel[0, :, 0].angle().numpy()
    side = SideInformation(snr_db, np.ones(users, np.float32), phases)
    for user in range(users):
        encoder_feeds.append(encoder.feed(frame.pictures[user], user, side))
    symbols = np.stack([encoder.encode(frame.pictures[user], user, side) for user in range(users)])
    generator = torch.Generator().manual_seed(frame.noise_seed)
    received = transmit(torch.from_numpy(symbols)[None], frame.channel, torch.tensor([snr_db]), generator=generator)
    for user in range(users):
        features = received.features[0, user].numpy()
        latent, vector = decoder.feed(features, user, side, height, width, with_shares=True)
        decoder_feeds[user].append({"features": latent.numpy(), "side": vector.numpy()})
