"""What a comparison reads of every run, and what it refuses."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hil.errors import UsageError
from hil.results.rows import ResultRow, ResultsError, read_rows
from hil.results.summary import summarise
from hil.yaml_text import yaml_values

IDENTITY = "identity."  # version and checksums, before their names among the settings
MOST_RUNS = 8  # columns that a page can show
# Where nodes listen, what is handed down from the top level, what follows from other values.
_NOT_TOLD = ("bus.", "guard.", "rx.record", "rx.capture", "air.noise_power")
_HANDED_DOWN = ("sample_rate_hz", "center_frequency_hz", "rx_antennas", "users", "seed", "channel")


@dataclass(frozen=True)
class ComparedRun:
    """One run. name: of its folder, with parents where two are alike. settings: flat, by dotted name."""

    name: str
    folder: Path
    rows: list[ResultRow]
    settings: dict[str, Any]
    complete: bool

    @property
    def users(self) -> list[int]:
        """Users that have rows."""
        return sorted({row.user for row in self.rows})

    @property
    def modalities(self) -> dict[int, str]:
        """What each user sent."""
        return {row.user: row.modality for row in self.rows}


def read_runs(folders: Sequence[Path]) -> list[ComparedRun]:
    """Raises UsageError for runs that cannot be put side by side, ResultsError for a folder without a run."""
    whole = [folder.resolve() for folder in folders]
    twice = next((folder for place, folder in enumerate(folders) if whole[place] in whole[:place]), None)
    if twice is not None:
        raise UsageError(f"{twice} is named twice; a run compared with itself shows nothing.")
    if not 2 <= len(folders) <= MOST_RUNS:
        raise UsageError(
            f"{len(folders)} runs do not make one page, 2 to {MOST_RUNS} do; more are an experiment's: semnoma-hil run."
        )
    runs = [_read(folder, name) for folder, name in zip(folders, short_names(whole), strict=True)]
    first = runs[0]
    for run in runs[1:]:
        for user in sorted(first.modalities.keys() & run.modalities.keys()):
            here, there = first.modalities[user], run.modalities[user]
            if here != there:
                raise UsageError(
                    f"user {user} sends {here} in {first.name} and {there} in {run.name}: "
                    f"their scores cannot be put side by side."
                )
    return runs


def short_names(folders: Sequence[Path]) -> list[str]:
    """The last parts of the paths, as many as tell all of them apart."""
    for parts in range(1, max(len(folder.parts) for folder in folders) + 1):
        names = ["/".join(folder.parts[-parts:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def differing(runs: Sequence[ComparedRun]) -> list[dict[str, Any]]:
    """Settings that are not alike in all runs, by name: {"name": ..., "values": [of every run, None: not known]}."""
    names = sorted({name for run in runs for name in run.settings})
    found = []
    for name in names:
        values = [run.settings.get(name) for run in runs]
        alike = all(value == values[0] for value in values[1:])
        if not alike and not _only_addresses(name, values) and not _of_another_codec(name, values):
            found.append({"name": name, "values": values})
    return sorted(found, key=lambda one: ("." in one["name"], one["name"]))


def _only_addresses(name: str, values: Sequence[Any]) -> bool:
    return name == "radio.device" and all(str(value).startswith("sim") for value in values)


def _of_another_codec(name: str, values: Sequence[Any]) -> bool:
    """A checksum says something only where all runs have that codec."""
    return name.startswith(IDENTITY) and None in values


def _read(folder: Path, name: str) -> ComparedRun:
    rows = sorted(read_rows(folder), key=lambda row: (row.frame, row.user))
    if not rows:
        raise ResultsError(f"{folder} holds neither a run with results nor an experiment's table.")
    config = _mapping(folder / "config.yaml")
    settings = {key: value for key, value in _flat(config).items() if _told(key)}
    identity = _flat(_mapping(folder / "identity.yaml"), IDENTITY)
    users, frames = config.get("users"), config.get("frames")
    known = isinstance(users, int) and isinstance(frames, int)
    complete = known and summarise(rows, **_facts(users, frames))["complete"]
    return ComparedRun(name, folder, rows, settings | identity, bool(complete))


def _facts(users: Any, frames: Any) -> dict[str, Any]:
    return {"users": users, "frames": frames, "snr_db": None, "channel": "", "seed": 0, "version": "", "wall_s": 0.0,
            "refine": False, "codec": ""}  # fmt: skip


def _told(name: str) -> bool:
    section, _, last = name.partition(".")
    return not name.startswith(_NOT_TOLD) and not (section in ("air", "waveform") and last in _HANDED_DOWN)


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _mapping(path: Path) -> dict[str, Any]:
    """A YAML file; {} when it is missing or broken: the rows are there all the same."""
    try:
        values = yaml_values(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return {}
    return values if isinstance(values, dict) else {}
