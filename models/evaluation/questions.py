"""The three questions that a comparison answers, each as one table: scheme against SNR, ablation, refiner cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from models.errors import ModelError
from models.evaluation.compare import Row

Question = Literal["scheme", "ablation", "refiner"]
QUESTIONS: tuple[Question, ...] = ("scheme", "ablation", "refiner")
PERCEPTUAL = "st-lpips"


class Answer(NamedTuple):
    """A table: ``columns`` are the SNRs or figures, ``lines`` a name and its cells; title says what the cells are."""

    title: str
    columns: list[str]
    lines: list[tuple[str, list[str]]]


class RefinerGain(NamedTuple):
    """What one refiner does at one SNR to the pictures of its codec.

    passes: network passes a picture; perceptual_share: fall of the perceptual distance, 0.1 is 10 %; loss_db: of PSNR.
    """

    scheme: str
    snr_db: float
    passes: int
    perceptual_share: float
    loss_db: float


def answer(rows: Sequence[Row], question: Question) -> Answer:
    """The table of ``question``. ModelError when the rows cannot answer it (see ``refiner_gains``)."""
    if question == "refiner":
        gains = refiner_gains(rows)
        cells = [
            (f"{g.scheme}, {g.snr_db:g} dB", [str(g.passes), f"{100 * g.perceptual_share:.1f}", f"{g.loss_db:.2f}"])
            for g in gains
        ]
        columns = ["network passes", f"fall of {PERCEPTUAL}, %", "PSNR lost, dB"]
        return Answer("What refinement costs and gains", columns, cells)
    by_scheme = _psnr_by_scheme(rows)
    snrs = list(dict.fromkeys(row.snr_db for row in rows))
    columns = [f"{snr_db:g} dB" for snr_db in snrs]
    if question == "scheme":
        lines = [(name, [f"{own[snr_db]:.2f}" for snr_db in snrs]) for name, own in by_scheme.items()]
        return Answer("PSNR, dB", columns, lines)
    first, *others = by_scheme
    lines = [(first, [f"{by_scheme[first][snr_db]:.2f}" for snr_db in snrs])]
    for name in others:
        lines.append((name, [f"{by_scheme[name][snr_db] - by_scheme[first][snr_db]:+.2f}" for snr_db in snrs]))
    return Answer(f"PSNR of {first}, dB, and what the others differ from it", columns, lines)


def refiner_gains(rows: Sequence[Row]) -> list[RefinerGain]:
    """Every refined scheme (CODEC+REFINER) against its codec at the same SNR.

    ModelError when no row is refined, or the codec's own rows or the perceptual figure are missing.
    """
    known = {(row.scheme, row.snr_db): row for row in rows}
    gains = []
    for row in (row for row in rows if row.refiner_passes):
        codec = known.get((row.scheme.partition("+")[0], row.snr_db))
        if codec is None:
            raise ModelError(f"what {row.scheme} gains is against its codec, which must be among the schemes too.")
        before, after = (one.perceptual.get(PERCEPTUAL) for one in (codec, row))
        if not before or after is None:
            raise ModelError(f"the gain of a refiner needs --metric {PERCEPTUAL} and pictures large enough for it.")
        share = 1 - after / before
        gains.append(RefinerGain(row.scheme, row.snr_db, row.refiner_passes, share, codec.psnr_db - row.psnr_db))
    if not gains:
        raise ModelError("none of the schemes is refined: name one as CODEC+REFINER.")
    return gains


def _psnr_by_scheme(rows: Sequence[Row]) -> dict[str, dict[float, float]]:
    table: dict[str, dict[float, float]] = {}
    for row in rows:
        table.setdefault(row.scheme, {})[row.snr_db] = row.psnr_db
    return table
