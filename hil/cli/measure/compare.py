"""`semnoma-hil compare`: questions that sweep the whole system."""

import time
from pathlib import Path
from typing import Any

import click

from hil.cli.options.answer import answer, json_option
from hil.cli.options.ranges import RATE, NumberList, Quantity
from hil.cli.options.typed import typed_command
from hil.cli.options.wide import table_console
from hil.errors import UsageError


@click.group("compare")
def command() -> None:
    """Sweeps that answer one question each, as a table and a picture."""


@command.command("sharing")
@click.option("--codec", default="real-time", show_default=True, help="One that takes any number of symbols.")
@click.option(
    "--scheme", "schemes", default="", help="Further codecs of two users on the same pictures, comma-separated."
)
@click.option("--images", required=True, help="As for `evaluate`; pictures of one size.")
@click.option("--limit", type=click.IntRange(1), default=24, show_default=True, help="Only the first so many pictures.")
@click.option("--each", type=click.IntRange(1), help="Pictures sent a point and way.  [as many as there are]")
@click.option("--channel", default="rayleigh", show_default=True, help="Comma-separated: rayleigh, tdl-a to tdl-e.")
@click.option("--users", type=NumberList(), default="2,4,8", show_default=True, help="1 to 8.")
@click.option("--antennas", type=NumberList(), default="1,2,4", show_default=True, help="1 to 4.")
@click.option("--snr", "snrs_db", type=NumberList("db"), default="0:20:5", show_default=True, help="Total SNR, dB.")
@click.option(
    "--codec-channels",
    type=click.IntRange(1),
    help="Complex channels of a latent position that all users share: half of them are half the spectrum.  [all]",
)
@click.option(
    "--delay-spread", "spread_s", type=Quantity("s", 0), default=300e-9, show_default="300ns", help="Rms, of TDL."
)
@click.option("--bandwidth", "bandwidth_hz", type=RATE, default=3e6, show_default="3M", help="Of TDL, Hz.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of fading and noise.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("sharing"), show_default=True)
@click.option("--resume", is_flag=True, help="Go on where the same command with the same weights was cut off.")
@json_option
def sharing(schemes: str, snrs_db: tuple[float, ...], out: Path, resume: bool, as_json: bool, **options: Any) -> None:
    """Parted, superposed, between, grouped and chosen users at equal spectrum, energy, pictures, fading and noise.

    Writes sharing.csv, sharing.png and sharing.svg into --out: PSNR with its confidence interval, the worst user, the
    gain over parted users, what was predicted, and beside them the rates that capacity allows.

    \b
    Example:
      semnoma-hil compare sharing --images photos --scheme student-2u,superposed-2u --channel rayleigh,tdl-a
    """
    from hil.sharing_map.channels import CHANNELS
    from hil.sharing_map.plot import plot_map
    from hil.sharing_map.run import grid, measured_before, sweep, write_table

    channels = _names(options["channel"])
    if unknown := [name for name in channels if name not in CHANNELS]:
        raise UsageError(f"--channel {unknown[0]} is not one of {', '.join(CHANNELS)}.")
    users, antennas = _whole("--users", options["users"], 8), _whole("--antennas", options["antennas"], 4)
    spread_s, bandwidth_hz, seed = options["spread_s"], options["bandwidth_hz"], options["seed"]
    points = grid(channels, users, antennas, snrs_db, spread_s, bandwidth_hz, seed)
    typed = typed_command().replace(" --resume", "")
    rows = measured_before(out / "sharing.csv", typed, options["codec"]) if resume else []
    known = {(row["channel"], row["users"], row["antennas"], row["snr_db"]) for row in rows}
    left = [point for point in points if (point.channel, point.users, point.antennas, point.snr_db) not in known]
    begun, told = time.monotonic(), iter(range(len(left)))

    def on_point(point: Any) -> None:
        done, minutes = next(told), (time.monotonic() - begun) / 60
        where = f"{point.channel}, {point.users} users, {point.antennas} antennas, {point.snr_db:g} dB"
        time_left = f", {minutes / done * (len(left) - done):.0f} minutes left" if done else ""
        click.echo(f"{len(points) - len(left) + done + 1} of {len(points)}: {where}{time_left}", err=True)

    limit, each, channels_each = options["limit"], options["each"] or options["limit"], options["codec_channels"]
    names = options["codec"], _names(schemes), options["images"]
    for found in sweep(*names, left, limit, each, channels_each, on_point):
        rows += found
        write_table(rows, out / "sharing.csv", typed)
    for name in ("sharing.png", "sharing.svg"):
        plot_map(rows, out / name)
    if as_json:
        answer(True, {"folder": out, "rows": rows})
        return
    _print(rows)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _whole(option: str, values: tuple[float, ...], most: int) -> list[int]:
    if bad := [value for value in values if value not in range(1, most + 1)]:
        raise UsageError(f"{option} {bad[0]:g} is not a whole number from 1 to {most}.")
    return [int(value) for value in values]


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table("channel", "users", "antennas", "SNR, dB", "way", "PSNR, dB", "worst user", "gain, dB", "± 95 %")
    for row in rows:
        facts = [str(row[name]) for name in ("channel", "users", "antennas", "snr_db", "way", "psnr_db")]
        table.add_row(*facts, *(str(row[name]) for name in ("worst_user_db", "gain_db", "gain_ci95_db")))
    table_console().print(table)
