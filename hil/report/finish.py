"""The end of a run: its summary and its report, from what is recorded."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil import __version__
from hil.config import RunConfig
from hil.report import build_report
from hil.results.rows import read_rows
from hil.results.summary import summarise, write_summary

_started = time.monotonic()


@dataclass
class Stopwatch:
    """Wall time of this run of the command."""

    started_s: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        return time.monotonic() - self.started_s


def finish_run(
    out: Path,
    config: RunConfig,
    stopwatch: Stopwatch | None = None,
    recorded_before: int = 0,
    report: bool = True,
) -> dict[str, Any]:
    """Write summary.json and report.html from what is recorded; returns the summary.

    recorded_before: lines that an interrupted run had left; they do not count in images_per_s. report: False leaves
    report.html, which takes seconds, to `semnoma-hil report`.
    """
    wall_s = stopwatch.seconds() if stopwatch else time.monotonic() - _started
    summary = summarise(
        read_rows(out),
        users=config.users,
        frames=config.frames,
        snr_db=config.snr_db,
        channel=config.channel,
        seed=config.seed,
        version=__version__,
        wall_s=wall_s,
        refine=config.refine,
        codec=config.codec,
        recorded_before=recorded_before,
    )
    write_summary(out, summary)
    if report:
        build_report(out)
    return summary
