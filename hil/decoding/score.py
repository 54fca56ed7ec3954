"""Quality of what was received beside the original, as its modality measures it."""

import time
from typing import Any

import numpy as np

from hil.decoding.judge import Judge
from hil.results.rows import ResultRow
from hil.results.ssim import ssim
from models.modality.halves import Receiving


def score(
    modality: Receiving, row: ResultRow, values: dict[str, Any], ideal: np.ndarray | None, judge: Judge | None = None
) -> None:
    """Fill in the row's figures where the original is known; what is lost is scored as what its user has instead.

    values: "original" and "received"; ideal: the ideal receiver's. A generated picture has no score: the judge's
    figures stand in its place, and none where it was lost.
    """
    original, received = values["original"], values.get("received")
    if original is None or original.size == 0 or (received is not None and original.shape != received.shape):
        return
    clock = time.perf_counter()
    if row.generated:
        if judge is not None and received is not None:
            judge.judge(row, original, received)
            row.latency_ms["score"] = (time.perf_counter() - clock) * 1e3
        return
    shown = modality.lost(original) if received is None else received
    row.delivered_score = modality.score(original, shown)
    if received is not None:
        row.score = row.delivered_score
        if ideal is not None:
            row.ideal_score = modality.score(original, ideal)
    if row.modality == "picture":
        _as_picture(row, original, shown, ideal)
    if received is not None:
        row.latency_ms["score"] = (time.perf_counter() - clock) * 1e3


def _as_picture(row: ResultRow, original: np.ndarray, shown: np.ndarray, ideal: np.ndarray | None) -> None:
    """The columns that only pictures have; a picture's score is its PSNR."""
    row.delivered_psnr_db, row.delivered_ssim = row.delivered_score, ssim(original, shown)
    if row.score is None:
        return
    row.psnr_db, row.ssim = row.score, row.delivered_ssim
    if ideal is not None:
        row.ideal_psnr_db, row.ideal_ssim = row.ideal_score, ssim(original, ideal)
