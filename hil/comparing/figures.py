"""Figures of compared runs, with 95 % intervals over frames: the frame is the independent draw, its users are not."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from hil.comparing.runs import ComparedRun, differing
from hil.experiments.statistics import Interval, interval
from hil.results.meaning import known
from hil.results.rows import ResultRow

Value = Callable[[ResultRow], float | None]
NOT_DECODED = "not decoded"


def _score(row: ResultRow) -> float | None:
    return row.score if row.score is not None else row.psnr_db


def _delivered(row: ResultRow) -> float | None:
    return row.delivered_score if row.delivered_score is not None else row.delivered_psnr_db


def _loss(row: ResultRow) -> float | None:
    ideal, score = row.ideal_score if row.ideal_score is not None else row.ideal_psnr_db, _score(row)
    return None if ideal is None or score is None else ideal - score


FIGURES: dict[str, Value] = {
    "score": _score,
    "delivered_score": _delivered,
    "ssim": lambda row: row.ssim,
    "loss": _loss,
    "payload_sinr_db": lambda row: row.payload_sinr_db,
    "user_snr_db": lambda row: row.user_snr_db,
}


def over_frames(rows: Iterable[ResultRow], value: Value) -> Interval | None:
    """Mean over frames of the frame's mean over its users, and its interval; None where nothing is known."""
    by_frame: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        for one in known([value(row)]):
            by_frame[row.frame].append(one)
    return interval(float(np.mean(values)) for values in by_frame.values())


def compare(runs: Sequence[ComparedRun]) -> dict[str, Any]:
    """Everything a comparison says, as JSON can hold it but for `Interval`: see `plain`."""
    first = runs[0]
    named = next(iter(first.rows))
    return {
        "score_name": named.score_name,
        "score_unit": named.score_unit,
        "runs": [_of_run(run) for run in runs],
        "settings": differing(runs),
        "lost": _lost(runs),
        "same_pictures": [_paired(first, run) for run in runs[1:]],
    }


def plain(value: Any) -> Any:
    """Intervals as dictionaries; tuples as lists."""
    if isinstance(value, Interval):
        return {"mean": value.mean, "ci95": value.half, "frames": value.n}
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def _of_run(run: ComparedRun) -> dict[str, Any]:
    return {
        "name": run.name,
        "folder": str(run.folder),
        "complete": run.complete,
        **_of_rows(run.rows, len(set(run.modalities.values())) == 1),
        "per_user": [
            {"user": user, **_of_rows([row for row in run.rows if row.user == user], True)} for user in run.users
        ],
    }


def _of_rows(rows: Sequence[ResultRow], alike: bool) -> dict[str, Any]:
    """alike: one modality, so that means over its scores say something."""
    figures = {name: over_frames(rows, value) if alike else None for name, value in FIGURES.items()}
    return {"sent": len(rows), "decoded": sum(row.decoded for row in rows), **figures}


def _lost(runs: Sequence[ComparedRun]) -> list[dict[str, Any]]:
    """Reasons, the most frequent first: {"reason": ..., "counts": [of every run]}."""
    counts = [Counter(row.reason or NOT_DECODED for row in run.rows if not row.decoded) for run in runs]
    total: Counter[str] = sum(counts, Counter())
    return [{"reason": reason, "counts": [one[reason] for one in counts]} for reason, _ in total.most_common()]


def same_pictures(first: ComparedRun, other: ComparedRun) -> list[tuple[ResultRow, ResultRow]]:
    """Rows of the same user and picture in both runs: its first occurrence with its first, and so on."""
    waiting: dict[tuple[int, str], list[ResultRow]] = defaultdict(list)
    for row in reversed(other.rows):
        waiting[row.user, row.image_id].append(row)
    pairs = []
    for row in first.rows:
        if row.image_id and waiting[row.user, row.image_id]:
            pairs.append((row, waiting[row.user, row.image_id].pop()))
    return pairs


def _paired(first: ComparedRun, run: ComparedRun) -> dict[str, Any]:
    """Differences on the same pictures, run minus first, which what the pictures are like does not widen.

    score: where both were decoded; delivered_score: of all, a lost one as what its user has in its place.
    """
    pairs = same_pictures(first, run)
    return {
        "run": run.name,
        "against": first.name,
        "pictures": len(pairs),
        "decoded_in_both": sum(a.decoded and b.decoded for a, b in pairs),
        "score": _difference(pairs, _score),
        "delivered_score": _difference(pairs, _delivered),
    }


def _difference(pairs: Sequence[tuple[ResultRow, ResultRow]], value: Value) -> Interval | None:
    by_frame: dict[int, list[float]] = defaultdict(list)
    for one, other in pairs:
        before, after = value(one), value(other)
        if before is not None and after is not None:
            for step in known([after - before]):
                by_frame[one.frame].append(step)
    return interval(float(np.mean(values)) for values in by_frame.values())
