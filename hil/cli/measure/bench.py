"""`semnoma-hil bench`: how fast this machine does each part of the job."""

import json
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from hil.cli.options.pictures import PicturesPerBurst
from hil.cli.options.ranges import Quantity
from hil.cli.options.wide import table_console


@click.group("bench", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.option("--runs", type=click.IntRange(1, 1000), default=7, show_default=True, help="Runs of everything timed.")
@click.pass_context
def command(context: click.Context, as_json: bool, runs: int) -> None:
    """Transmitter, receiver and air in samples per second and core; codec latency; images per second.

    \b
    Examples:
      semnoma-hil bench
      semnoma-hil bench phy --json
      semnoma-hil bench codec --runs 50
      semnoma-hil bench images --frames 1000
      semnoma-hil bench video --seconds 60
    """
    if context.invoked_subcommand is None:
        from hil.bench.codec import bench_codec
        from hil.bench.end_to_end import bench_end_to_end
        from hil.bench.phy import bench_phy

        _show({**bench_phy(runs), **bench_codec("compact-2u", runs), **bench_end_to_end()}, as_json)


@command.command("phy")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.option("--runs", type=click.IntRange(1, 1000), default=7, show_default=True, help="Runs; the fastest counts.")
def phy(as_json: bool, runs: int) -> None:
    """Waveform and air, two superposed users, one core."""
    from hil.bench.phy import bench_phy

    _show(bench_phy(runs), as_json)


@command.command("codec")
@click.option("--codec", default="compact-2u", show_default=True, help="Codec, by name or path.")
@click.option("--paper/--no-paper", default=True, help="Also the paper's 32x32 encoder, ONNX Runtime against torch.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.option("--runs", type=click.IntRange(1, 1000), default=7, show_default=True, help="Runs; the median counts.")
def codec(codec: str, paper: bool, as_json: bool, runs: int) -> None:
    """Encoders and decoders, one picture at a time on one core; fresh weights stand in for the paper-size encoder."""
    from hil.bench.codec import bench_codec
    from hil.bench.paper_encoder import bench_paper_encoder

    _show({**bench_codec(codec, runs), **(bench_paper_encoder(runs) if paper else {})}, as_json)


@command.command("images")
@click.option("--frames", type=click.IntRange(20), default=300, show_default=True, help="Frames of two images.")
@click.option("--slots-ahead", type=click.IntRange(0, 2), default=1, show_default=True, help="feedback.slots_ahead.")
@click.option("--codec", default="compact-2u", show_default=True, help="Codec, by name or path.")
@click.option("--side-px", type=click.IntRange(8, 1024), default=32, show_default=True, help="Side of the pictures.")
@click.option("--pictures-per-burst", type=PicturesPerBurst(), default=1, help="Measured beside one a burst.  [1]")
@click.option("--onnx-decoders", is_flag=True, help="Decode with ONNX Runtime: exports the codec's decoders first.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Keep the run here.  [deleted]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def images(
    frames: int,
    slots_ahead: int,
    codec: str,
    side_px: int,
    pictures_per_burst: int | str,
    onnx_decoders: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Images a second of a whole simulated run: two users, no refiner, no decoding for an ideal receiver.

    Several pictures a burst are measured beside a run of the same frames with one.
    """
    from hil.bench.end_to_end import bench_end_to_end, beside_one

    found = bench_end_to_end(frames, slots_ahead, onnx_decoders, out, codec, side_px, pictures_per_burst)
    if pictures_per_burst != 1:
        found |= beside_one(found, bench_end_to_end(frames, slots_ahead, onnx_decoders, None, codec, side_px))
    _show(found, as_json)


@command.command("video")
@click.option("--seconds", type=Quantity("s", 2, 3600), default=30, show_default=True, help="Length of the video.")
@click.option("--fps", type=Quantity("fps", 0.1, 240), default=10, show_default=True, help="Its pictures a second.")
@click.option("--size", default="256x256", show_default=True, help="Size of the pictures.")
@click.option("--codec", default="real-time", show_default=True, help="Codec, by name or path.")
@click.option("--users", type=click.IntRange(1, 8), default=2, show_default=True, help="Users, each with a video.")
@click.option("--late", default="drop", show_default=True, help="Late pictures: drop or queue.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Keep the run here.  [deleted]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def video(
    seconds: float, fps: float, size: str, codec: str, users: int, late: str, out: Path | None, as_json: bool
) -> None:
    """Latency from capture to display, by stage, and pictures a second, of a whole simulated run."""
    from hil.bench.video import bench_video

    _show(bench_video(seconds, fps, size, codec, users, late, out), as_json)


_UNITS = {
    "_msps": "Msamples/s per core",
    "_ms": "ms an image",
    "_s": "images/s",
    "steady": "images/s",
    "_over": "ratio",
    "_a_frame": "ms of CPU",
}


def _show(figures: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(figures))
        return
    table = Table("figure", "value", "unit")
    flat: dict[str, Any] = {}
    for name, value in figures.items():
        flat |= {f"{name} {key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value}
    for name, value in flat.items():
        unit = next((unit for ending, unit in _UNITS.items() if name.rstrip("0123456789_").endswith(ending)), "")
        shown = "not installed" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
        table.add_row(name, shown, unit)
    table_console().print(table)
    click.echo(json.dumps(figures))
