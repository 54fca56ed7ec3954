"""The report's section on video: how old pictures were when they were shown, and the recordings."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.results.live import STAGES
from hil.results.rows import ResultRow

if TYPE_CHECKING:  # matplotlib is imported only where a report is drawn
    from hil.report.charts import Chart


def live_section(out: Path, rows: Sequence[ResultRow], live: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the template shows of summary.json's `live`; None for a run without video."""
    if live is None:
        return None
    films = sorted(path.name for path in (out / "video").glob("user*.mp4"))
    return {
        "users": [user | {"films": _of_user(films, user["user"])} for user in live["per_user"]],
        "stages": [(stage, live["stages_ms"][stage]) for stage in STAGES if live["stages_ms"][stage]],
        "total": live["total_ms"],
        "clock_uncertainty_ms": live["clock_uncertainty_ms"],
        "plots": _plots(rows, live),
    }


def _of_user(films: Sequence[str], user: int) -> list[str]:
    return [f"video/{name}" for name in films if name.partition(".")[0].partition("-")[0] == f"user{user}"]


def _plots(rows: Sequence[ResultRow], live: dict[str, Any]) -> "list[Chart]":
    """Where the time goes, and the age of every picture."""
    from hil.report import charts

    parts = {stage: live["stages_ms"][stage] for stage in STAGES} | {"total": live["total_ms"]}
    known = {name: (part["p50"], part["p99"]) for name, part in parts.items() if part}
    drawn = [charts.spans("From capture to display", "ms", known)] if known else []
    ages: dict[int, tuple[list[int], list[float]]] = {}
    for row in rows:
        if row.live is not None and row.live.total_ms is not None and not row.live.repeated:
            frames, values = ages.setdefault(row.user, ([], []))
            frames.append(row.frame)
            values.append(row.live.total_ms)
    if ages:
        drawn.append(charts.over_frames("Age when shown", "ms", dict(sorted(ages.items())), {}, "", 20.0))
    return drawn
