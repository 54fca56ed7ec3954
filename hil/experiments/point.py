"""One point of an experiment, from start or from where it was interrupted to its mark in the journal.

The same function runs a point here and on a machine of a Ray cluster.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from hil.config import RunConfig
from hil.errors import HilError, UsageError
from hil.experiments.grid import EvaluationConfig, Point
from hil.experiments.journal import count_start, mark_done
from hil.experiments.provenance import provenance
from hil.results.durable import write_whole
from hil.results.rows import ResultsError

ROWS = "rows.jsonl"  # of an evaluation; a run has results.jsonl


class Interrupted(Exception):
    """Somebody asked the experiment to stop."""


def run_point(
    point: Point,
    folder: Path,
    on_images: Callable[[int], None] = lambda _count: None,
    stop: threading.Event | None = None,
    attempts: int | None = None,
) -> dict[str, Any]:
    """Run or finish a point in its folder and mark it done; returns what the mark says.

    on_images hears how many rows are recorded; setting `stop` raises Interrupted. A run one of whose nodes dies is
    resumed, `attempts` times in all (the point's own number by default). Raises HilError when that did not help,
    UsageError, ModelError or ResultsError for what no attempt can mend.
    """
    clock = time.monotonic()
    try:
        facts = provenance(point)
        for attempt in range(1, (attempts or point.attempts) + 1):
            starts = count_start(folder)
            try:
                rows = _once(point, folder, on_images, stop)
                break
            except UsageError:
                raise
            except HilError:
                if attempt == (attempts or point.attempts):
                    raise
        done = {
            "id": point.id,
            "kind": point.kind,
            "axes": dict(point.axes),
            "scheme": point.scheme,
            "rows": rows,
            "starts": starts,
            "wall_s": time.monotonic() - clock,
            "finished_utc": datetime.now(UTC).isoformat(timespec="seconds"),
            "provenance": facts,
        }
        mark_done(folder, done)
    except OSError as error:
        raise ResultsError(f"{folder}: {error.strerror or error}.") from error
    return done


def _once(point: Point, folder: Path, on_images: Callable[[int], None], stop: threading.Event | None) -> int:
    """One attempt; returns the number of recorded rows."""

    def poll(_seconds: float, images: int) -> None:
        on_images(images)
        if stop is not None and stop.is_set():
            raise Interrupted

    poll(0.0, 0)
    if isinstance(point.config, EvaluationConfig):
        return _evaluate(point.config, folder, poll)
    return _loopback(point.config, folder, poll)


def _loopback(config: RunConfig, folder: Path, poll: Callable[[float, int], None]) -> int:
    from hil.supervise.loopback import run_loopback

    console = Console(stderr=True, quiet=True)
    summary = run_loopback(config, folder, resume=True, console=console, on_progress=poll, report=False)
    if summary["missing"]:
        raise HilError(f"{len(summary['missing'])} images were not recorded")
    return int(summary["images_sent"])


def _evaluate(config: EvaluationConfig, folder: Path, poll: Callable[[float, int], None]) -> int:
    """Short enough to be done again from its start."""
    import torch

    from models.evaluation.compare import compare
    from models.evaluation.schemes import open_scheme
    from models.images import open_images

    torch.set_num_threads(1)  # sums in another order would be other sums
    schemes = [open_scheme(name, config.users, config.compute_device) for name in config.schemes]
    source = open_images(config.images, split="test")
    lines = []
    for row in compare(
        source, schemes, config.channel, config.users, [config.snr_db], config.limit, config.ratio, config.seed
    ):
        lines += [json.dumps(asdict(picture)) for picture in row.pictures]
        poll(0.0, len(lines))
    write_whole(folder / ROWS, ("\n".join(lines) + "\n").encode())
    return len(lines)
