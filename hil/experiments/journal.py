"""State of an experiment in its folder, so that finished points are not repeated after an interruption.

OUT/plan.yaml            the plan
OUT/points/ID/           a point's run folder, resumed by the run's own means
OUT/points/ID/point.json written last, at once: the point is done, with its provenance
OUT/points/ID/starts     one byte for every time the point was started
OUT/table.parquet        all done points' rows
"""

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from hil.errors import UsageError
from hil.experiments.grid import Point
from hil.experiments.plan import Plan
from hil.results.durable import write_whole
from hil.results.rows import ResultsError
from hil.yaml_text import yaml_values

DONE = "point.json"
PLAN = "plan.yaml"


class Journal:
    """The folder of one experiment. Raises UsageError for another plan's, ResultsError when it cannot be written."""

    def __init__(self, out: Path, plan: Plan) -> None:
        self.out = out
        path = out / PLAN
        try:
            (out / "points").mkdir(parents=True, exist_ok=True)
            name = recorded_name(path)
            if name not in (None, plan.name):
                raise UsageError(f"{out} holds the experiment {name!r}, not {plan.name!r}; choose another --out.")
            text = yaml.safe_dump(plan.model_dump(mode="json", by_alias=True), sort_keys=False, allow_unicode=True)
            write_whole(path, text.encode())
        except OSError as error:
            raise ResultsError(f"{out}: {error.strerror or error}.") from error

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """One command at a time works on the folder; the lock ends with its process, however that ends."""
        with (self.out / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UsageError(
                    f"another run works on {self.out}; wait for its end or choose another --out."
                ) from None
            except OSError:
                pass  # a file system without locks
            yield

    def folder(self, point: Point) -> Path:
        """The point's run folder."""
        return self.out / "points" / point.id

    def is_done(self, point: Point) -> bool:
        """Whether all of the point is recorded."""
        return read_done(self.folder(point)) is not None


def recorded_name(path: Path) -> str | None:
    """The name of the plan in a plan.yaml; None where there is none."""
    try:
        values = yaml_values(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return None
    name = values.get("name") if isinstance(values, dict) else None
    return name if isinstance(name, str) else None


def count_start(folder: Path) -> int:
    """Note one more start of a point; returns how many there were."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "starts").open("ab") as file:
        file.write(b".")
        return file.tell()


def mark_done(folder: Path, facts: dict[str, Any]) -> None:
    """The last thing that is written of a point. Raises OSError."""
    write_whole(folder / DONE, (json.dumps(facts, indent=1, sort_keys=True) + "\n").encode())


def read_done(folder: Path) -> dict[str, Any] | None:
    """What mark_done wrote; None for a point that is not done."""
    try:
        facts = json.loads((folder / DONE).read_bytes())
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) else None


def adopt(source: Path, folder: Path) -> None:
    """Put a whole point that was made elsewhere in its place; what an interruption left there goes."""
    if folder.exists():
        shutil.rmtree(folder)
    os.replace(source, folder)
