"""Points on a Ray cluster: the same function as here, in a folder of the worker's own, sent back whole.

A point that loses its worker is started anew on another, from its first frame: what it records is then what an
undisturbed run records, bit by bit. Only texts and archives travel; the cluster's machines need this package in the
same version, and the pictures that the plan names at the same path.
"""

import contextlib
import io
import json
import logging
import shutil
import socket
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import hil
from hil.errors import HilError, UsageError
from hil.experiments.grid import Point, from_text, to_text
from hil.experiments.journal import Journal, adopt
from hil.experiments.point import run_point
from hil.experiments.progress import Display

MAX_WORKER_LOSSES = 100  # Ray retries a point whose worker or machine is gone
REACH_S = 10.0


def run_on_ray(points: Sequence[Point], journal: Journal, address: str, display: Display) -> dict[str, str]:
    """Run the points on the cluster at address; returns why points failed, by id.

    Raises UsageError for a cluster that cannot be reached or has another version, and for a point's input.
    """
    # Ray tells of lost workers on standard output, which belongs to the results.
    with contextlib.redirect_stdout(sys.stderr), _cluster(address) as ray:
        return _run_all(ray, points, journal, display)


def _run_all(ray: Any, points: Sequence[Point], journal: Journal, display: Display) -> dict[str, str]:
    task = ray.remote(num_cpus=1, max_retries=MAX_WORKER_LOSSES)(_on_worker)
    running = {task.remote(to_text(point), hil.__version__): point for point in points}
    tries = {point.id: 1 for point in points}
    failures: dict[str, str] = {}
    while running:
        done, _ = ray.wait(list(running), num_returns=1, timeout=1.0)
        for reference in done:
            point = running.pop(reference)
            kind, text, archive = _answer(ray, reference)
            if kind == "usage":
                raise UsageError(f"point {point.label}: {text}")
            if kind == "done":
                _store(archive, journal.folder(point))
                display.finished(point, json.loads(text)["wall_s"])
            elif tries[point.id] < point.attempts:
                tries[point.id] += 1
                running[task.remote(to_text(point), hil.__version__)] = point
            else:
                failures[point.id] = text
                display.failed(point, text)
    return failures


@contextlib.contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """The module `ray`, joined to the cluster."""
    try:
        import ray
    except ImportError:
        raise UsageError('--ray-address needs Ray here: pip install "semnoma-hil[ray]".') from None
    _reach(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        sentence = " ".join(str(error).split())[:200].rstrip(".")
        raise UsageError(f"--ray-address {address}: no Ray cluster can be joined there: {sentence}.") from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """Ray itself tries an address for minutes before it gives up. "auto" and ray:// addresses are left to it."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in address:
        return
    try:
        socket.create_connection((host, int(port)), timeout=REACH_S).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--ray-address {address}: no Ray cluster answers there: {reason}.") from None


def _answer(ray: Any, reference: Any) -> tuple[str, str, bytes]:
    """What a worker returned; a worker that was lost too often, or an error of ours on it, counts as a failure."""
    try:
        kind, text, archive = ray.get(reference)
    except ray.exceptions.RayError as error:
        return "failed", str(error).strip().splitlines()[-1], b""
    return kind, text, archive


def _on_worker(text: str, version: str) -> tuple[str, str, bytes]:
    """One point on a machine of the cluster: ("done", its mark, its folder), or ("failed" or "usage", why, nothing)."""
    from calibration.errors import CalibrationError
    from hil.results.rows import ResultsError
    from models.errors import ModelError
    from radio.errors import ConfigurationError

    if version != hil.__version__:
        return "usage", f"the cluster has semnoma-hil {hil.__version__}, here is {version}.", b""
    folder = Path(tempfile.mkdtemp(prefix="semnoma-hil-point-"))
    try:
        done = run_point(from_text(text), folder / "point", attempts=1)
        return "done", json.dumps(done), _packed(folder / "point")
    except (UsageError, ModelError, ConfigurationError, ResultsError, CalibrationError) as error:
        return "usage", str(error), b""
    except HilError as error:
        return "failed", str(error), b""
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _packed(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        archive.add(folder, arcname="point")
    return buffer.getvalue()


def _store(archive: bytes, folder: Path) -> None:
    """Unpack beside the point's place, then put it there at once. Raises ResultsError via the caller's OSError."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".arriving-") as arriving:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as packed:
            packed.extractall(arriving, filter="data")
        adopt(Path(arriving) / "point", folder)
