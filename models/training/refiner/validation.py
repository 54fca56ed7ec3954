"""What refinement does to decoded pictures: PSNR, and how sharp they are against their originals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.codecs.channel import aligned_features
from models.decoding.decoder import SemanticDecoder
from models.images import open_images
from models.refiner import Refiner
from models.runtime.encoder import SemanticEncoder
from models.side_information import SideInformation

PICTURES_PER_SOURCE = 24
SNRS_DB = (0.0, 5.0, 10.0, 20.0)
SEED = 20_001


def measure_refiner(refiner: Refiner, codec: Path, sources: Sequence[str]) -> dict[str, object]:
    """``{source: {snr: {"psnr_db": [before, after], "sharpness": [before, after]}}}``, random-phase channel.

    The first 24 pictures of each source are sent by user 0 beside the next picture by user 1. Sharpness is
    the mean absolute difference of neighbouring pixels over that of the original: 1 is as sharp, less is
    blurred.
    """
    encoder, decoder = SemanticEncoder.load(codec), SemanticDecoder.load(codec)
    report: dict[str, object] = {}
    for source in sources:
        name = source.rstrip("/").rsplit("/", 1)[-1]
        report[name] = {f"{snr_db:g}": _measure(refiner, encoder, decoder, source, snr_db) for snr_db in SNRS_DB}
    return report


def _measure(
    refiner: Refiner, encoder: SemanticEncoder, decoder: SemanticDecoder, source: str, snr_db: float
) -> dict[str, list[float]]:
    images = open_images(source, split="test")
    rng = np.random.default_rng(SEED)
    rows: list[tuple[float, float, float, float]] = []
    for index in range(min(PICTURES_PER_SOURCE, len(images))):
        original = images[index].pixels
        decoded = _one_frame(encoder, decoder, original, images[(index + 1) % len(images)].pixels, snr_db, rng)
        refined = refiner.refine(decoded, snr_db)
        truth = np.asarray(original.transpose(2, 0, 1), np.float32) / np.float32(255)
        edges = max(_edges(truth), 1e-6)
        rows.append(
            (
                _psnr_db(truth, decoded),
                _psnr_db(truth, refined),
                _edges(decoded) / edges,
                _edges(refined) / edges,
            )
        )
    means = np.mean(rows, axis=0).round(3).tolist()
    return {"psnr_db": means[:2], "sharpness": means[2:]}


def _one_frame(
    encoder: SemanticEncoder,
    decoder: SemanticDecoder,
    own: NDArray[np.uint8],
    other: NDArray[np.uint8],
    snr_db: float,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    import torch

    phases = rng.uniform(0, 2 * np.pi, 2).astype(np.float32)
    side = SideInformation(snr_db, np.ones(2, np.float32), phases)
    first = encoder.encode(own, 0, side)
    second = np.resize(encoder.encode(other, 1, side), first.shape)
    gains = np.exp(1j * phases).astype(np.complex64) / np.sqrt(2, dtype=np.float32)
    noise_power = 10 ** (-snr_db / 10)
    noise = rng.standard_normal((2, first.size)) * np.sqrt(noise_power / 2)
    received = (gains[0] * first + gains[1] * second + noise[0] + 1j * noise[1]).astype(np.complex64)
    views = aligned_features(
        torch.from_numpy(received)[None], torch.from_numpy(gains)[None, :, None], torch.tensor([noise_power])
    )
    return decoder.decode_float(views[0, 0].numpy().astype(np.complex64), 0, side, *own.shape[:2])


def _psnr_db(truth: NDArray[np.float32], image: NDArray[np.float32]) -> float:
    error = float(np.mean((np.rint(image * 255) / 255 - truth) ** 2))
    return -10 * float(np.log10(max(error, 1e-10)))


def _edges(image: NDArray[np.float32]) -> float:
    return float(np.abs(np.diff(image, axis=1)).mean() + np.abs(np.diff(image, axis=2)).mean())
