"""`semnoma-hil calibrate linearity|antennas|coherence`: one property of a radio or of the channel."""

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hil.cli.options.answer import wrote
from hil.cli.options.ranges import Quantity
from hil.cli.options.wide import table_console

if TYPE_CHECKING:
    from calibration.lab.bench import Bench
    from calibration.store.record import Device
    from hil.config import RunConfig

_user = click.option("--user", type=click.IntRange(0, 7), default=0, show_default=True, help="Whose bursts.")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def _plot(text: str) -> Callable[[Any], Any]:
    return click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help=text)


def _frames(default: int) -> Callable[[Any], Any]:
    return click.option("--frames", type=click.IntRange(2, 100_000), default=default, show_default=True)


@contextlib.contextmanager
def _bench(context: click.Context, user: int) -> "Iterator[tuple[RunConfig, Bench]]":
    with opened_bench(context, user) as (config, radios, _):
        yield config, radios


@contextlib.contextmanager
def opened_bench(context: click.Context, user: int) -> "Iterator[tuple[RunConfig, Bench, list[Device]]]":
    """The radios that the options before the subcommand name, and what the transmitters are."""
    from hil.calibrating.radios import bench
    from hil.cli.options.configuration import config_from
    from hil.errors import UsageError

    assert context.parent is not None
    named = context.parent.params
    config = config_from(**{name: named[name] for name in ("config_path", "users", "snr_db", "seed", "settings")})
    if user >= config.users:
        raise UsageError(f"--user {user} does not exist among {config.users} users (0 to {config.users - 1}).")
    with bench(config, named["devices"] or ("sim",)) as (radios, _, transmitters):
        if radios.next_s is not None:
            raise UsageError("Radios that only repeat their bursts cannot be measured one property at a time.")
        yield config, radios, transmitters


def _show(
    title: str, names: tuple[str, ...], rows: list[tuple[Any, ...]], facts: dict[str, Any], as_json: bool
) -> None:
    """Facts and rows, as a table for people or as one JSON document."""
    if as_json:
        values = [dict(zip(names, row, strict=True)) for row in rows]
        click.echo(json.dumps({**facts, "rows": values}, indent=2))
        return
    from rich.table import Table

    table = Table(title=title)
    for name in names:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*(f"{value:.3g}" if isinstance(value, float) else str(value) for value in row))
    console = table_console()
    if rows:
        console.print(table)
    for name, value in facts.items():
        shown = "not reached" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
        console.print(f"{name}: {shown}", highlight=False)


def _finite(value: float) -> float | None:
    """JSON has no infinity."""
    import math

    return value if math.isfinite(value) else None


@click.command("linearity")
@_user
@click.option("--from-dbfs", type=Quantity("db", -60, -10), default=-30.0, show_default=True, help="Lowest level.")
@click.option("--step-db", type=Quantity("db", 0.25, 6), default=2.0, show_default=True)
@_plot("Write gain against level here (PNG, SVG).")
@_json
@click.pass_context
def linearity(
    context: click.Context, user: int, from_dbfs: float, step_db: float, plot: Path | None, as_json: bool
) -> None:
    """Transmit a tone at rising levels: output power, gain, and where the gain has fallen by 1 dB."""
    import numpy as np

    from calibration.lab.characterise import measure_linearity
    from hil.calibrating.plots import plot_linearity

    levels = [float(level) for level in np.arange(from_dbfs, 1e-9, step_db)]
    with _bench(context, user) as (_, radios):
        found, received = measure_linearity(radios, user, levels)
    rows = [
        (level, power.value, gain.value, _finite(gain.standard_uncertainty))
        for level, power, gain in zip(found.levels_dbfs, received, found.gains, strict=True)
    ]
    point = found.compression_point
    facts = {
        "compression_point_dbfs": point.value if point else None,
        "standard_uncertainty_db": point.standard_uncertainty if point else None,
    }
    names = ("level_dbfs", "received_dbfs", "gain_db", "gain_uncertainty_db")
    _show(f"Transmit linearity, user {user}", names, rows, facts, as_json)
    if plot is not None:
        plot_linearity(found, user, plot)
        wrote("plot", plot)


@click.command("antennas")
@_user
@_frames(16)
@_json
@click.pass_context
def antennas(context: click.Context, user: int, frames: int, as_json: bool) -> None:
    """Gain and phase of every receive antenna against the first, with the transmitter at one place."""
    from calibration.lab.characterise import measure_antennas
    from hil.errors import UsageError

    with _bench(context, user) as (config, radios):
        if config.rx_antennas < 2:
            raise UsageError("One antenna has nothing to differ from: --set rx_antennas=2, 3 or 4.")
        found = measure_antennas(radios, user, frames)
    rows = [
        (one.antenna, one.gain.value, one.gain.standard_uncertainty, one.phase.value, one.phase.standard_uncertainty)
        for one in found
    ]
    names = ("antenna", "gain_db", "gain_uncertainty_db", "phase_deg", "phase_uncertainty_deg")
    _show("Against antenna 0", names, rows, {}, as_json)


@click.command("coherence")
@_user
@_frames(200)
@click.option("--spacing-ms", type=Quantity("ms", 0, 10_000), default=5.0, show_default=True, help="Frame to frame.")
@_json
@click.pass_context
def coherence(context: click.Context, user: int, frames: int, spacing_ms: float, as_json: bool) -> None:
    """How long the channel stays what it is: where the correlation of its amplitude falls to a half."""
    from calibration.lab.characterise import measure_coherence

    with _bench(context, user) as (config, radios):
        spacing = int(spacing_ms * 1e-3 * config.sample_rate_hz)
        found = measure_coherence(radios, user, frames, spacing)
    at_least = _finite(found.standard_uncertainty) is None
    facts = {
        "coherence_time_s": found.value,
        "standard_uncertainty_s": _finite(found.standard_uncertainty),
        "at_least": at_least,
    }
    _show("", (), [], facts, as_json)


@click.command("measure")
@click.argument("name")
@_user
@_json
@click.pass_context
def measure(context: click.Context, name: str, user: int, as_json: bool) -> None:
    """Run a measurement that an installed package adds, on bursts of one user."""
    from hil.calibrating.added import check_name, measure_added

    check_name(name)
    with _bench(context, user) as (_, radios):
        found = measure_added(name, radios, user)
    rows = [(key, _finite(one.value), _finite(one.standard_uncertainty), one.unit) for key, one in found.items()]
    _show(f"{name}, user {user}", ("name", "value", "standard_uncertainty", "unit"), rows, {}, as_json)
