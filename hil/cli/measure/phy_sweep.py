"""`semnoma-hil phy-sweep`: how well users are found and measured, against what theory allows."""

import itertools
import json
from pathlib import Path
from typing import Any

import click

from hil.cli.options.answer import wrote
from hil.cli.options.ranges import NumberList, Quantity
from hil.cli.options.wide import table_console
from hil.errors import UsageError
from radio.air.channel_names import BUILT_IN, channel_names


@click.command("phy-sweep")
@click.option("--snr", "snr_db", type=NumberList("db"), default="0:20:5", show_default=True, help="Total SNR, dB.")
@click.option("--channel", default="awgn,tdl-a", show_default=True, help=f"One or more of {', '.join(BUILT_IN)}.")
@click.option("--users", type=NumberList(), default="2", show_default=True, help="Users on the air, 1 to 8.")
@click.option("--cfo-ppm", type=NumberList("ppm"), default="2", show_default=True, help="Oscillators' largest offset.")
@click.option("--delay", type=NumberList(), default="8", show_default=True, help="Users arrive within so many samples.")
@click.option("--near-far", type=Quantity("db"), default=0.0, show_default=True, help="The last user is weaker, dB.")
@click.option("--phase-noise/--no-phase-noise", default=False, show_default=True, help="The air's default mask.")
@click.option(
    "--series",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Bursts in a row of the same radios, whose arrivals the receiver remembers; 1: it knows nothing.",
)
@click.option("--antennas", type=click.IntRange(1, 4), default=1, show_default=True, help="Of the receiver.")
@click.option("--doppler", type=Quantity("hz"), default=0.0, show_default=True, help="Paths move within a burst, Hz.")
@click.option("--interferer", type=Quantity("db"), help="From one direction, over the noise of an antenna, dB.")
@click.option("--linewidth", type=Quantity("hz"), default=0.0, show_default=True, help="Of the receiver's carrier, Hz.")
@click.option("--gain-step", type=Quantity("db"), default=0.0, show_default=True, help="In mid-payload, dB.")
@click.option("--parted/--superposed", default=False, show_default=True, help="Each user on channel uses of its own.")
@click.option("--frames", type=click.IntRange(1, 1_000_000), default=100, show_default=True, help="Bursts per point.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of everything random.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON and nothing else.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write the curves to this PNG or SVG.")
def command(
    snr_db: tuple[float, ...],
    channel: str,
    users: tuple[float, ...],
    cfo_ppm: tuple[float, ...],
    delay: tuple[float, ...],
    near_far: float,
    phase_noise: bool,
    series: int,
    antennas: int,
    doppler: float,
    interferer: float | None,
    linewidth: float,
    gain_step: float,
    parted: bool,
    frames: int,
    seed: int,
    jobs: int,
    as_json: bool,
    plot: Path | None,
) -> None:
    """Send bursts over the simulated air and compare the receiver with bounds, point by point.

    Rows: detection and false alarms per frame, errors of carrier offset and channel estimate beside their bounds, EVM,
    and the payload's SINR: true, as stated, and of LMMSE with the true channels and noise.

    \b
    Examples:
      semnoma-hil phy-sweep --snr -5:20:5 --channel tdl-a,tdl-c --frames 500 --jobs 2 --plot sweep.png
      semnoma-hil phy-sweep --snr 0:20:10 --channel awgn,rayleigh --series 50
      semnoma-hil phy-sweep --snr 10 --cfo-ppm 0,2,20 --users 1,2,4 --json
      semnoma-hil phy-sweep --snr 20 --users 1 --antennas 2 --interferer 20
      semnoma-hil phy-sweep --snr 20 --parted --channel rayleigh --doppler 100 --frames 50
    """
    from hil.phy_sweep.point import LARGEST_DRIFT_SAMPLES, SLOT_SAMPLES, SweepPoint
    from hil.phy_sweep.run import run_points

    channels = channel.split(",")
    if unknown := sorted(set(channels) - set(channel_names())):
        raise UsageError(f"--channel {unknown[0]} is not one of {', '.join(channel_names())}.")
    if bad := [n for n in users if n not in range(1, 9)]:
        raise UsageError(f"--users {bad[0]:g} is not a whole number from 1 to 8.")
    if max(cfo_ppm) > 20 or min(cfo_ppm) < 0:
        raise UsageError("--cfo-ppm must be from 0 to 20, what the receiver searches.")
    if max(delay) > 24 or min(delay) < 0:
        raise UsageError("--delay must be from 0 to 24 samples, what the cyclic prefix of 32 leaves.")
    if (drift := 2 * max(cfo_ppm) * 1e-6 * SLOT_SAMPLES * series) > LARGEST_DRIFT_SAMPLES:
        raise UsageError(
            f"--series {series} lets clocks of {max(cfo_ppm):g} ppm drift {drift:.0f} samples apart; at most "
            f"{LARGEST_DRIFT_SAMPLES} are received."
        )
    grid = itertools.product(channels, users, cfo_ppm, delay, snr_db)
    more: dict[str, Any] = {
        "antennas": antennas, "doppler_hz": doppler, "interferer_db": interferer, "linewidth_hz": linewidth,
        "gain_step_db": gain_step, "parted": parted,
    }  # fmt: skip
    points = [SweepPoint(s, c, int(u), p, d, near_far, phase_noise, series, **more) for c, u, p, d, s in grid]
    rows = run_points(points, frames, seed, jobs, quiet=as_json)
    if plot:
        from hil.phy_sweep.plot import plot_rows

        plot_rows(rows, plot)
        wrote("plot", plot)
    if as_json:
        click.echo(json.dumps(rows))
    else:
        _show(rows, _COLUMNS)
        _show(rows, {key: _COLUMNS[key] for key in _POINT} | _PAYLOAD_COLUMNS)


_COLUMNS = {
    "channel": ("channel", "{}"), "users": ("users", "{}"), "cfo_ppm": ("ppm", "{:g}"),
    "delay_samples": ("delay", "{:g}"), "snr_db": ("SNR dB", "{:g}"), "detection_rate": ("found %", "{:.4g}"),
    "false_alarm_rate": ("false %", "{:.2g}"), "cfo_rmse_hz": ("CFO Hz", "{:.2f}"), "cfo_bound_hz": ("bound", "{:.2f}"),
    "csi_nmse_db": ("CSI dB", "{:.1f}"), "csi_bound_db": ("bound", "{:.1f}"), "evm_db": ("EVM dB", "{:.1f}"),
}  # fmt: skip
_PAYLOAD_COLUMNS = {
    "payload_sinr_db": ("payload SINR dB", "{:.2f}"), "stated_sinr_db": ("stated", "{:.2f}"),
    "payload_bound_db": ("bound", "{:.2f}"),
}  # fmt: skip
_POINT = ("channel", "users", "cfo_ppm", "delay_samples", "snr_db")
_ONLY_WHEN_SWEPT = ("users", "cfo_ppm", "delay_samples")


def _show(rows: list[dict[str, Any]], columns: dict[str, tuple[str, str]]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    shown = [key for key in columns if key not in _ONLY_WHEN_SWEPT or len({row[key] for row in rows}) > 1]
    for key in shown:
        table.add_column(columns[key][0], justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*(_text(columns[key][1], key, row[key]) for key in shown))
    table_console().print(table)


def _text(form: str, key: str, value: Any) -> str:
    if value is None:
        return "-"
    return form.format(100 * value if key.endswith("_rate") else value)
