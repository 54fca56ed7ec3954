"""`semnoma-hil loopback`: the whole job on one machine, every node a process of its own."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from hil.cli.options.wide import table_console
from hil.cli.options.configuration import capture_option, config_from, record_option, run_options, video_options


# Of a video, where nothing else is said: until it is over, and without decoding everything twice.
LIVE = {"frames": 100_000, "rx.ideal": False}


@click.command("loopback")
@run_options
@video_options
@click.option("--out", type=click.Path(path_type=Path), default=Path("run"), show_default=True, help="Results folder.")
@click.option("--device", help="The receiver's radio.  [a simulated air]")
@click.option("--tx-device", "tx_devices", multiple=True, metavar="URI", help="Each user's radio, in their order.")
@record_option
@capture_option
@click.option("--json", "as_json", is_flag=True, help="Print summary.json and nothing else.")
@click.option("--resume", is_flag=True, help="Finish the interrupted run in --out.")
@click.option("--report/--no-report", default=True, help="Write report.html at the end.")
def command(out: Path, as_json: bool, resume: bool, report: bool, **options: Any) -> None:
    """Coordinator, one transmitter per user, receiver and simulated air as processes joined by ZeroMQ.

    \b
    Examples:
      semnoma-hil loopback
      semnoma-hil loopback --images ~/photos --frames 8 --snr 5 --channel tdl-a --out run1
      semnoma-hil loopback --out run1 --images ~/photos --frames 8 --resume
      semnoma-hil loopback --device pluto:ip:192.168.2.1 --tx-device pluto:ip:192.168.3.1 --tx-device pluto:usb:
      semnoma-hil loopback --video talk.mp4 --video street.mp4 --codec real-time --out run1
      semnoma-hil loopback --camera /dev/video0 --users 1 --late drop --out run1
      semnoma-hil loopback --frames 100 --capture iq,csi,truth --out run1
      semnoma-hil loopback --config loopback --set air.clock_ppm=20 --json
    """
    from hil.supervise.loopback import run_loopback

    console = Console(stderr=True, quiet=as_json)
    live = LIVE if options["videos"] or options["cameras"] else {}
    config = config_from(defaults=live, **options)
    summary = run_loopback(config, out, resume=resume, console=console, report=report)
    if as_json:
        click.echo(json.dumps(summary))
        return
    from hil.report.terminal import print_summary

    print_summary(summary, table_console())
    if report:
        click.echo(f"report: {out / 'report.html'}")
