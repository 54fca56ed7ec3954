"""What is compared: the rows of runs and experiments, each with its settings, under one set of names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hil.experiments.table import TABLE, read_table
from hil.results.rows import ResultsError, read_rows
from hil.yaml_text import yaml_values

_SETTINGS = ("scheme", "channel", "snr_db", "users", "seed", "frames", "codec", "refine")
_NUMBERS = (int, float)
# Never what tells two curves apart: repetitions, and the settings that the scheme's name stands for.
_REPEATED = {"seed", "frames", "codec", "refine", "channel"}


@dataclass(frozen=True)
class Source:
    """One run or experiment. rows: figures, settings and provenance by column; axes: settings that its grid varies."""

    name: str
    folder: Path
    rows: list[dict[str, Any]]
    axes: tuple[str, ...] = field(default=())


def read_source(folder: Path) -> Source:
    """A run's folder or an experiment's. Raises ResultsError when it is neither, UsageError without pyarrow."""
    if (folder / TABLE).is_file():
        rows = read_table(folder / TABLE)
        return Source(folder.resolve().name, folder, rows, _axes(folder / "plan.yaml"))
    rows = [{name: getattr(row, name) for name in row.__struct_fields__} for row in read_rows(folder)]
    if not rows:
        raise ResultsError(f"{folder} holds neither a run with results nor an experiment's {TABLE}.")
    settings = _run_settings(folder / "config.yaml")
    return Source(folder.resolve().name, folder, [{**settings, **row} for row in rows])


def _axes(path: Path) -> tuple[str, ...]:
    try:
        grid = yaml_values(path.read_text(encoding="utf-8"))["grid"]
        return tuple(str(name) for name, values in grid.items() if len(values) > 1)
    except (OSError, yaml.YAMLError, UnicodeDecodeError, TypeError, KeyError, AttributeError):
        return ()


def _run_settings(path: Path) -> dict[str, Any]:
    try:
        values = yaml_values(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        values = None
    config = values if isinstance(values, dict) else {}
    settings = {name: config.get(name) for name in _SETTINGS}
    codec = Path(str(config.get("codec") or "")).name
    return settings | {"scheme": codec + (" refined" if config.get("refine") else "")}


def x_axis(sources: Sequence[Source]) -> str:
    """The setting that curves run over: the SNR where it varies, else the numeric setting with the most values."""
    names = dict.fromkeys(("snr_db", *(axis for source in sources for axis in source.axes if axis not in _REPEATED)))
    counts = {
        name: len({row.get(name) for source in sources for row in source.rows if isinstance(row.get(name), _NUMBERS)})
        for name in names
    }
    if counts["snr_db"] > 1:
        return "snr_db"
    return max(counts, key=lambda name: counts[name])


def curve_name(source: Source, row: Mapping[str, Any], x: str, several: bool) -> str:
    """Scheme and whatever else varies besides x, channel and seed; the source's name where there are several."""
    others = [axis for axis in source.axes if axis not in _REPEATED | {x, "scheme", "snr_db"}]
    if x != "snr_db" and "snr_db" in source.axes:
        others.append("snr_db")
    told = [str(row.get("scheme") or "")] + [f"{name} {row.get(name)}" for name in others]
    return ", ".join(part for part in ([source.name] if several else []) + told if part)
