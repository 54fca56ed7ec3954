"""How good an exported codec's pictures are, by number of symbols and SINR: the curve that sharing is chosen by."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.decoding.decoder import SemanticDecoder
from models.images import open_images
from models.package.manifest import CodecManifest
from models.runtime.encoder import SemanticEncoder
from models.sharing import Sharing
from models.side_information import SideInformation
from models.training.codec.validation import VALIDATION_SEED

SINRS_DB = (0.0, 5.0, 10.0, 15.0, 20.0, 25.0)
LEAST_ERROR = 1e-10  # of a picture: 100 dB
BREAK_DB = 2.0  # noise alone makes no picture so much worse
METHOD = (
    "mean PSNR of 8-bit pictures of one user alone, by complex channels of a latent position on average and SINR in "
    f"dB, white noise, perfect channel knowledge, as transmitters and receivers code, seed {VALIDATION_SEED}"
)


class Measured(NamedTuple):
    """psnr_db: ``{channels: {sinr: mean PSNR}}``; broken: ids of the pictures that lose BREAK_DB or more where the SINR
    rises, which a mean over many pictures hardly shows.
    """

    psnr_db: dict[str, dict[str, float]]
    broken: list[str]


def measured(folder: Path, manifest: CodecManifest, source: str) -> Measured:
    """At an eighth, a quarter, a half, three quarters and all of the channels (``models/choice/rate_quality.py``)."""
    all_channels = manifest.latent_channels // 2
    counts = sorted({max(1, all_channels * eighths // 8) for eighths in (1, 2, 4, 6, 8)})
    pictures = list(open_images(source, split="test"))
    table, broken = {}, set()
    for count in counts:
        sharing = Sharing(1.0, count)
        encoder = SemanticEncoder.load(folder, sharing=sharing)
        decoder = SemanticDecoder.load(folder, "cpu", sharing)
        found = np.array([_psnr_db(encoder, decoder, [one.pixels for one in pictures], sinr) for sinr in SINRS_DB])
        means = np.round(found.mean(axis=1), 3).tolist()
        table[str(count)] = {f"{sinr:g}": mean for sinr, mean in zip(SINRS_DB, means, strict=True)}
        broken |= set(np.flatnonzero(breaks(found)).tolist())
    return Measured(table, [pictures[index].image_id for index in sorted(broken)])


def breaks(psnr_db: NDArray[np.float64]) -> NDArray[np.bool_]:
    """bool [pictures]: which lose BREAK_DB or more against a lower SINR; psnr_db: [SINRs, pictures], SINRs rising."""
    below: NDArray[np.bool_] = (np.maximum.accumulate(psnr_db) - psnr_db).max(axis=0) >= BREAK_DB
    return below


def _psnr_db(
    encoder: SemanticEncoder, decoder: SemanticDecoder, pictures: list[NDArray[np.uint8]], sinr_db: float
) -> list[float]:
    rng = np.random.default_rng(VALIDATION_SEED)
    alone = np.ones(1, np.float32)
    side = SideInformation(sinr_db, alone, 0 * alone, np.array([sinr_db], np.float32), 0 * alone)
    sinr = 10 ** (sinr_db / 10)
    values = []
    for picture in pictures:
        sent = encoder.encode(picture, 0, side)
        noise = (rng.standard_normal((sent.size, 2)) @ [1, 1j]) * np.sqrt(0.5 / sinr)
        estimate = (sinr / (1 + sinr) * (sent + noise)).astype(np.complex64)  # with the least mean square error
        decoded = decoder.decode(estimate, 0, side, *picture.shape[:2])
        error = float(np.mean(np.square(decoded.astype(np.float64) - picture))) / 255**2
        values.append(-10 * np.log10(max(error, LEAST_ERROR)))
    return values
