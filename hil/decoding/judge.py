"""What a generated picture is judged by: whether it shows what was meant, and how far it is from it to the eye.

PSNR is told too, but is no measure of a picture that nobody claims to be the one that was sent. Each judge needs
packages or weights that may not be there; its column is then empty.
"""

import logging
from typing import Any

import numpy as np
import torch

from hil.language.table import described
from hil.results.metrics import psnr_db
from hil.results.rows import ResultRow
from hil.results.ssim import ssim
from models.classifier import PictureClassifier
from models.errors import ModelError
from models.evaluation.st_lpips import LEAST_PX, ShiftTolerantLpips
from models.text import SentenceEmbedder

log = logging.getLogger(__name__)


class Judge:
    """st_lpips, classifier, embedder: None where they are not installed."""

    def __init__(
        self,
        st_lpips: ShiftTolerantLpips | None = None,
        classifier: PictureClassifier | None = None,
        embedder: SentenceEmbedder | None = None,
    ) -> None:
        self._st_lpips, self._classifier, self._embedder = st_lpips, classifier, embedder

    @classmethod
    def open(cls) -> "Judge":
        """With all that is installed here; what is missing is told."""
        judges: list[Any] = []
        for kind in (ShiftTolerantLpips, PictureClassifier, SentenceEmbedder):
            try:
                judges.append(kind.load())  # type: ignore[attr-defined]
            except ModelError as error:
                log.warning("generated pictures are judged without %s: %s", kind.__name__, error)
                judges.append(None)
        return cls(*judges)

    def judge(self, row: ResultRow, sent: np.ndarray, received: np.ndarray) -> None:
        """Fill in the columns of a generated picture; both pictures are uint8 [H, W, 3] of one size."""
        row.generated_psnr_db, row.generated_ssim = psnr_db(sent, received), ssim(sent, received)
        if self._st_lpips is not None and min(sent.shape[:2]) >= LEAST_PX:
            row.st_lpips = float(self._st_lpips.distance(_planes(received), _planes(sent))[0])
        classifier = self._classifier
        if classifier is None or sent.shape[:2] != (classifier.side_px, classifier.side_px):
            return  # what it says of other pictures means nothing
        of_sent, of_received = classifier.classify(np.stack([sent, received]))
        row.class_sent = row.label_sent or classifier.names[of_sent]
        row.class_received = classifier.names[of_received]
        if self._embedder is not None and row.caption:
            meant, shown = self._embedder.embed([row.caption, described(row.class_received)])
            row.caption_similarity = float(meant @ shown)


def _planes(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].float() / 255
