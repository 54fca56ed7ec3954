"""`semnoma-hil probe`: what one radio can do and what it hears."""

import json

import click
from rich.markup import escape
from rich.table import Table

from hil.cli.options.ranges import CARRIER, RATE, Quantity
from hil.cli.options.wide import table_console

_COLUMNS, _ROWS = 72, 10


@click.command("probe")
@click.argument("uri")
@click.option("--rate", "rate_hz", type=RATE, help="Samples per second.  [4e6, or what the device has]")
@click.option(
    "--freq", "--frequency", "carrier_hz", type=CARRIER, help="Carrier in Hz.  [2.45e9, or what the device has]"
)
@click.option("--gain", "gain_db", type=Quantity("db"), help="Receive gain in dB.  [the device's own]")
@click.option("--samples", type=click.IntRange(256, 1 << 24), default=1 << 16, show_default=True)
@click.option("--timeout", "timeout_s", type=Quantity("s", 0.1, 600), default=10.0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def command(
    uri: str, rate_hz: float | None, carrier_hz: float | None, gain_db: float | None, samples: int, timeout_s: float,
    as_json: bool,
) -> None:  # fmt: skip
    """Open a receiver, print its capabilities and a spectrum snapshot. Nothing is transmitted.

    \b
    Examples:
      semnoma-hil probe pluto:ip:192.168.2.1 --freq 2.45G --gain 40
      semnoma-hil probe file:capture.sigmf-meta --rate 4M
    """
    from dataclasses import replace

    from hil.diagnosis.probing import bars, default_settings, snapshot
    from radio.safety.open import open_radio

    radio = open_radio(uri, role="rx")
    try:
        if gain_db is not None:
            low, high = radio.capabilities.rx_gain_db
            if not low <= gain_db <= high:
                raise click.UsageError(f"--gain {gain_db:g}: {uri} takes {low:g} to {high:g} dB.")
        settings = replace(default_settings(radio.capabilities, rate_hz, carrier_hz), rx_gain_db=gain_db)
        seen = snapshot(radio, settings, samples, bins=1024, timeout_s=timeout_s)
    finally:
        radio.close()
    if as_json:
        click.echo(json.dumps(seen.as_json()))
        return
    table = Table("", escape(uri))
    can = seen.capabilities
    for name, (low, high), scale, unit in (
        ("sample rate", can.sample_rate_hz, 1e6, "Msamples/s"),
        ("carrier", can.center_frequency_hz, 1e6, "MHz"),
        ("receive gain", can.rx_gain_db, 1, "dB"),
        ("transmit gain", can.tx_gain_db, 1, "dB"),
    ):
        table.add_row(name, f"{low / scale:.10g} to {high / scale:.10g} {unit}")
    ways = {
        "timed bursts": can.timed_transmit,
        "repeated bursts": can.repeat_transmit,
        "shared clock": can.shared_clock,
    }
    table.add_row("can do", ", ".join(name for name, has in ways.items() if has) or "receive only")
    table.add_row("channels", str(can.rx_channels))
    applied = seen.applied
    table.add_row(
        "now", f"{applied.sample_rate_hz / 1e6:.10g} Msamples/s at {applied.center_frequency_hz / 1e6:.10g} MHz"
    )
    table.add_row("level", f"{seen.rms_dbfs:.1f} dBFS rms, {seen.peak_dbfs:.1f} dBFS peak")
    console = table_console()
    console.print(table)
    for line in bars(seen.spectrum_db, _COLUMNS, _ROWS):
        click.echo(line)
    left, right = seen.frequencies_hz[0] / 1e6, seen.frequencies_hz[-1] / 1e6
    click.echo(f"{left:<{_COLUMNS // 2}.6g}{right:>{_COLUMNS // 2}.6g} MHz")
    for kind, count in seen.events.items():
        click.echo(f"event: {kind} {count}")
