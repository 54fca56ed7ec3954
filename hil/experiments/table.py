"""The one table of an experiment: a row per user and picture, with its point's settings and provenance in every row.

Columns, in this order: the plan (plan, point, kind), the settings (scheme, channel, snr_db, users, seed, frames and
every other axis of the grid), the picture's figures (those of results.jsonl; of an evaluation also ms_ssim and link),
tones_hz and tones_db as texts, loop_NAME states, event_KIND counts, the provenance, and last what no two runs have
alike (CIRCUMSTANCES and latency_ms_STAGE).
Parquet's dictionaries store what repeats once.
"""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hil.config import RunConfig
from hil.errors import UsageError
from hil.experiments.grid import Point
from hil.experiments.journal import read_done
from hil.experiments.plan import SCHEME
from hil.experiments.point import ROWS
from hil.results.durable import write_whole
from hil.results.rows import ResultRow, ResultsError, read_rows

if TYPE_CHECKING:
    import pyarrow

TABLE = "table.parquet"
SETTINGS = ("scheme", "channel", "snr_db", "users", "seed", "frames")
CIRCUMSTANCES = ("answer_ms", "point_wall_s", "point_starts", "point_finished_utc")
TIMING = "latency_ms_"
_EVENT = "event_"
_NESTED = ("latency_ms", "events", "seeds", "cancelled_users", "loops", "tones", "live", "note")


def require_pyarrow() -> None:
    """UsageError where the table could not be written."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise UsageError('experiments need pyarrow here: pip install "semnoma-hil[experiments]".') from None


def is_circumstance(column: str) -> bool:
    """Columns that differ between two runs of the same point."""
    return column.startswith(TIMING) or column in CIRCUMSTANCES


def write_table(path: Path, plan: str, points: Sequence[tuple[Point, Path]]) -> int:
    """Write the rows of those of the points (with their folders) that are done; returns how many rows there are.

    Raises ResultsError when a point's rows cannot be read or the file not be written.
    """
    import pyarrow.parquet

    table = gather(plan, points)
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer, compression="zstd")
    try:
        write_whole(path, buffer.getvalue())
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror or error}.") from error
    return int(table.num_rows)


def gather(plan: str, points: Sequence[tuple[Point, Path]]) -> "pyarrow.Table":
    """The rows of all done points in the order of the plan, then of frame and user."""
    import pyarrow

    rows: list[dict[str, Any]] = []
    for point, folder in points:
        if (done := read_done(folder)) is not None:
            rows += _of_point(plan, point, folder, done)
    names = dict.fromkeys(name for row in rows for name in row)
    first = [name for name in names if not is_circumstance(name)]
    last = sorted(name for name in names if is_circumstance(name))
    columns = {}
    for name in (*first, *last):
        values = [row.get(name, 0 if name.startswith(_EVENT) else None) for row in rows]
        columns[name] = pyarrow.array(_one_type(values))
    return pyarrow.table(columns)


def _one_type(values: Sequence[Any]) -> Sequence[Any]:
    """An axis may mix numbers and texts, a column may not."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and len(kinds) == 2:
        return [None if value is None else float(value) for value in values]
    return [None if value is None else str(value) for value in values] if len(kinds) > 1 else values


def _of_point(plan: str, point: Point, folder: Path, done: Mapping[str, Any]) -> list[dict[str, Any]]:
    config = point.config
    settings = {name: getattr(config, name, None) for name in SETTINGS} | {"scheme": point.scheme}
    settings |= {name: value for name, value in point.axes.items() if name != SCHEME}
    if isinstance(config, RunConfig):
        settings["snr_db"] = float(config.snr_db)
        settings |= {"codec": Path(config.codec).name, "refine": config.refine}
        rows: Iterable[dict[str, Any]] = map(_flat, sorted(read_rows(folder), key=lambda row: (row.frame, row.user)))
    else:
        rows = _evaluated(folder / ROWS)
    shared = {"plan": plan, "point": point.id, "kind": point.kind, **settings}
    circumstances = {
        "point_wall_s": done["wall_s"],
        "point_starts": done["starts"],
        "point_finished_utc": done["finished_utc"],
    }
    made = []
    for row in rows:
        own = {name: value for name, value in row.items() if name not in ("received_image", "original_image")}
        pictures = {
            name: f"points/{point.id}/{row[name]}" if row.get(name) else None
            for name in ("received_image", "original_image")
            if name in row
        }
        made.append({**shared, **own, **pictures, **done["provenance"], **circumstances})
    return made


def _flat(row: ResultRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in row.__struct_fields__ if name not in _NESTED}
    values["cancelled_users"] = ",".join(map(str, row.cancelled_users))
    values["tones_hz"] = ",".join(f"{tone.frequency_hz:.1f}" for tone in row.tones)
    values["tones_db"] = ",".join(f"{tone.power_db:.1f}" for tone in row.tones)
    values |= {f"seed_{name}": value for name, value in sorted(row.seeds.items())}
    values |= {f"loop_{name}": state for name, state in sorted(row.loops.items())}
    values |= {f"{_EVENT}{name}": value for name, value in sorted(row.events.items())}
    values["note"] = json.dumps(row.note, ensure_ascii=False) if row.note else None  # names in it are the sender's
    return values | {f"{TIMING}{name}": value for name, value in row.latency_ms.items()}


def _evaluated(path: Path) -> list[dict[str, Any]]:
    try:
        return [{**json.loads(line), "decoded": True} for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise ResultsError(f"{path} cannot be read: {error}.") from error


def read_table(path: Path) -> list[dict[str, Any]]:
    """The rows of a table.parquet. Raises ResultsError for a file that is none."""
    require_pyarrow()
    import pyarrow
    import pyarrow.parquet

    try:
        rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        raise ResultsError(f"{path} is no table of an experiment: {error}.") from None
    return rows
