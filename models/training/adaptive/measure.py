"""How good an exported codec's pictures are, by number of symbols and SINR: the curve that sharing is chosen by."""

from __future__ import annotations

from pathlib import Path

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
METHOD = (
    "mean PSNR of 8-bit pictures of one user alone, by complex channels of a latent position on average and SINR in "
    f"dB, white noise, perfect channel knowledge, as transmitters and receivers code, seed {VALIDATION_SEED}"
)


def measured_psnr_db(folder: Path, manifest: CodecManifest, source: str) -> dict[str, dict[str, float]]:
    """``{channels: {sinr: mean PSNR}}`` at an eighth, a quarter, a half, three quarters and all of the channels
    (``models/choice/rate_quality.py``).
    """
    all_channels = manifest.latent_channels // 2
    counts = sorted({max(1, all_channels * eighths // 8) for eighths in (1, 2, 4, 6, 8)})
    pictures = [picture.pixels for picture in open_images(source, split="test")]
    table = {}
    for count in counts:
        sharing = Sharing(1.0, count)
        encoder = SemanticEncoder.load(folder, sharing=sharing)
        decoder = SemanticDecoder.load(folder, "cpu", sharing)
        table[str(count)] = {
            f"{sinr_db:g}": round(_mean_psnr_db(encoder, decoder, pictures, sinr_db), 3) for sinr_db in SINRS_DB
        }
    return table


def _mean_psnr_db(
    encoder: SemanticEncoder, decoder: SemanticDecoder, pictures: list[NDArray[np.uint8]], sinr_db: float
) -> float:
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
    return float(np.mean(values))
