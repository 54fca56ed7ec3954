"""Latency of the packaged codec, one picture at a time on one core."""

import importlib.util
import time
from functools import partial
from typing import Any

import numpy as np

from hil.bench.timing import median_seconds
from models.package.zoo import codec_folder
from models.runtime.encoder import SemanticEncoder
from models.side_information import SideInformation

WARM_UP_PICTURES = 8  # a decoder's network is frozen after some, and the frozen graph looks at its first inputs


def bench_codec(codec: str, runs: int = 7) -> dict[str, float | None]:
    """Median milliseconds an image, 32x32 and 256x256; decoders only where torch is installed."""
    figures: dict[str, float | None] = {}
    folder = codec_folder(codec)
    encoder = SemanticEncoder.load(folder)
    side = SideInformation.default(2)
    decoder: Any = None
    if importlib.util.find_spec("torch"):
        import torch

        from models.decoding.decoder import SemanticDecoder

        torch.set_num_threads(1)
        decoder = SemanticDecoder.load(folder, device="cpu")
    rng = np.random.default_rng(1)
    for size in (32, 256):
        picture = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
        symbols = encoder.encode(picture, 0, side)
        figures[f"encoder_ms_{size}"] = 1e3 * median_seconds(partial(encoder.encode, picture, 0, side), runs)
        # What it costs the core itself, whatever else the machine does meanwhile.
        figures[f"encoder_cpu_ms_{size}"] = 1e3 * median_seconds(
            partial(encoder.encode, picture, 0, side), runs, time.process_time
        )
        for _ in range(WARM_UP_PICTURES if decoder else 0):
            decoder.decode_float(symbols, 0, side, size, size)
        figures[f"decoder_ms_{size}"] = (
            1e3 * median_seconds(partial(decoder.decode_float, symbols, 0, side, size, size), runs) if decoder else None
        )
    return figures
