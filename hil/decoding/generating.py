"""Pictures of a coarse code: what a refiner makes of a picture decoded from few symbols, and of the words beside it.

Any refiner will do; one that takes text is told the words that arrived. A refiner expects as large an error as the SNR
leaves in the codes that it was trained on; a coarse one leaves more, so it is told the SNR at which those would leave
as much.
"""

import math
from typing import Any, Protocol

import numpy as np

from hil.errors import UsageError
from models.choice.rate_quality import RateQuality
from models.package.manifest import CodecManifest
from models.refiner.start_step import ERROR_AT_0_DB, SLOPE, SNR_RANGE_DB
from models.sharing import Sharing
from models.side_information import SideInformation

FULL_SCALE = 2.0  # of pictures in [-1, 1], which errors are told of


class Refines(Protocol):
    """`models.refiner.Refiner`, or whatever has its call. One with `takes_text` also takes text=."""

    manifest: Any

    def refine(self, image: np.ndarray, snr_db: float, passes: int | None = None) -> np.ndarray:
        """float32 [3, H, W] in [0, 1] -> the same."""
        ...


class Generator:
    """Makes pictures of coarse ones. Raises ModelError for a codec that does not say what PSNR it reaches, UsageError
    for one whose users have one fixed way of sharing, and so no coarse code.
    """

    def __init__(self, codec: CodecManifest, refiner: Refines, users: int) -> None:
        if not codec.takes_any_share:
            raise UsageError(
                f"semantic mode needs a codec that takes any number of symbols, but {codec.name} has one fixed number."
            )
        self._quality = RateQuality.of(codec)
        self._channels, self._users = codec.latent_channels // 2, users
        self._refiner = refiner

    @property
    def takes_text(self) -> bool:
        return bool(getattr(self._refiner, "takes_text", False))

    def name(self, words: str | None) -> str:
        """Of what pictures are generated, and by whom."""
        what = "a coarse picture and words" if self.takes_text and words else "a coarse picture"
        return f"{what}, by {self._refiner.manifest.name}"

    def picture(
        self, coarse: np.ndarray, user: int, side: SideInformation, sharing: Sharing, words: str | None
    ) -> np.ndarray:
        """float32 [3, H, W] in [0, 1], decoded from the channels that `sharing` gives a user -> the same, generated."""
        informed = sharing.informed(side, self._channels)
        assert informed.sinr_db is not None
        own = sharing.own_channels(user, self._users, self._channels).size
        psnr_db = self._quality.predicted_db(own, float(informed.sinr_db[user]))
        snr_db = self._half_code_db(psnr_db) if self.takes_text else equivalent_snr_db(psnr_db)
        if self.takes_text and words:
            made: np.ndarray = self._refiner.refine(coarse, snr_db, text=words)  # type: ignore[call-arg]
            return made
        return self._refiner.refine(coarse, snr_db)

    def _half_code_db(self, psnr_db: float) -> float:
        """The SINR in dB at which half of the codec's channels reach this PSNR: refiners that take text are told the
        SINR of such codes (`models.training.refiner.text_settings`).
        """
        sinrs_db = np.linspace(*SNR_RANGE_DB, 161)
        reached_db = [self._quality.predicted_db(self._channels / 2, float(sinr_db)) for sinr_db in sinrs_db]
        return float(np.interp(psnr_db, reached_db, sinrs_db))


def equivalent_snr_db(psnr_db: float) -> float:
    """The SNR in dB at which refiners expect the error of pictures with this PSNR (`start_step.error_rms` inverted)."""
    error = FULL_SCALE * 10 ** (-psnr_db / 20)
    lowest, highest = SNR_RANGE_DB
    return min(max(-20 / SLOPE * math.log10(error / ERROR_AT_0_DB), lowest), highest)
