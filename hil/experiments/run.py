"""One call for a whole experiment: check everything, run what is not done, write the table."""

import json
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from hil.config import RunConfig
from hil.errors import HilError, UsageError
from hil.experiments.grid import EvaluationConfig, Point, unfold
from hil.experiments.journal import Journal
from hil.experiments.local import run_here
from hil.experiments.plan import Plan
from hil.experiments.progress import Display
from hil.experiments.table import TABLE, require_pyarrow, write_table


def run_experiment(
    plan: Plan, out: Path, *, jobs: int = 1, ray_address: str | None = None, console: Console
) -> dict[str, Any]:
    """Run a plan to its end in the folder out, from wherever it was interrupted; returns what was done.

    Raises UsageError, ModelError or ResultsError for input (before anything starts where that can be known), HilError
    when points failed: the others are in the table, and the same call goes on.
    """
    started_s = time.monotonic()
    require_pyarrow()
    points = unfold(plan)
    check_points(points, jobs, ray_address)
    journal = Journal(out, plan)
    with journal.held():
        wanted = [point for point in points if not journal.is_done(point)]
        failures: dict[str, str] = {}
        try:
            with Display(wanted, len(points) - len(wanted), console) as display:
                if wanted and ray_address:
                    from hil.experiments.ray_runner import run_on_ray

                    failures = run_on_ray(wanted, journal, ray_address, display)
                elif wanted:
                    failures = run_here(wanted, journal, jobs, display)
        finally:
            rows = write_table(out / TABLE, plan.name, [(point, journal.folder(point)) for point in points])
    facts = {
        "plan": plan.name,
        "points": len(points),
        "done_before": len(points) - len(wanted),
        "done": len(points) - len(failures),
        "rows": rows,
        "table": str(out / TABLE),
        "wall_s": time.monotonic() - started_s,
    }
    if failures:
        reason = next(iter(failures.values()))
        raise HilError(
            f"{len(failures)} of {len(points)} points failed (the first: {reason}); the others are in {out / TABLE}, "
            "the same command goes on."
        )
    return facts


def check_points(points: list[Point], jobs: int = 1, ray_address: str | None = None) -> None:
    """Everything that can be wrong with the points' inputs. Raises UsageError or ModelError."""
    from hil.supervise.loopback import check_inputs
    from models.evaluation.schemes import open_scheme
    from models.images import open_images

    checked: set[str] = set()
    for point in points:
        config = point.config
        if isinstance(config, EvaluationConfig):
            key = json.dumps([config.schemes, config.users, config.images])
            if key not in checked:
                for scheme in config.schemes:
                    open_scheme(scheme, config.users, config.compute_device)
                open_images(config.images, split="test")
        else:
            _check_radios(point, config, jobs, ray_address)
            facts = [config.codec, config.users, config.refine, config.refiner, config.images]
            key = json.dumps([*facts, config.max_image_side_px, config.radio.transmitters])
            if key not in checked:
                check_inputs(config)
        checked.add(key)


def _check_radios(point: Point, config: RunConfig, jobs: int, ray_address: str | None) -> None:
    if config.radio.device.startswith("sim"):
        return
    if ray_address:
        raise UsageError(f"point {point.label} uses {config.radio.device}: only simulated radios run on Ray.")
    if jobs > 1:
        raise UsageError(f"point {point.label} uses {config.radio.device}: real radios take --jobs 1, not {jobs}.")
