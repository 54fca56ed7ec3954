"""Options of the commands that show a run, and the feed that they ask for."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hil.live.feed import Feed

_SOURCE = [
    click.option("--run", type=click.Path(path_type=Path), metavar="FOLDER", help="Run folder, growing or finished."),
    click.option("--bus", metavar="ADDRESS", help="Coordinator's endpoint.  [tcp://127.0.0.1:5555]"),
    click.option("--keys", type=click.Path(path_type=Path), help="Folder of semnoma-hil keys, with the observer's."),
]


def source_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """--run, --bus and --keys."""
    for option in reversed(_SOURCE):
        function = option(function)
    return function


def open_feed(run: Path | None, bus: str | None, keys: Path | None, control: bool) -> "Feed":
    """Start feeding from what was named; by default from the default bus, or from nothing where runs can be started.

    Raises UsageError for a folder that is none, an address that is none, or keys that are missing.
    """
    import re

    from hil.bus_config import BusConfig
    from hil.errors import UsageError
    from hil.live.feed import Feed

    if run is not None and bus is not None:
        raise UsageError("--run and --bus name two sources; give one of them (--run finds the run's bus by itself).")
    if run is not None and run.exists() and not run.is_dir():
        raise UsageError(f"--run {run} is no folder.")
    if bus is not None and not re.fullmatch(r"tcp://[^/\s]+:\d{1,5}", bus):
        raise UsageError(f"--bus {bus} is no address; it must look like tcp://127.0.0.1:5555.")
    feed = Feed(keys_folder=keys)
    if run is not None:
        feed.follow(run)
    elif bus is not None or not control:
        feed.listen(bus or BusConfig().endpoint)
    return feed
