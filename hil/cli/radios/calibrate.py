"""`semnoma-hil calibrate`: from radios on a desk to users that superpose within a cyclic prefix."""

from pathlib import Path
from typing import Any

import click

from hil.cli.options.answer import answer, json_option
from hil.cli.options.ranges import Quantity

_folder = click.option(
    "--store", type=click.Path(path_type=Path, file_okay=False), help="Folder of calibrations.  [user's state folder]"
)


@click.group("calibrate", invoke_without_command=True)
@click.option(
    "--device", "devices", multiple=True, help="Radio URI: one for all, or receiver, then tx 0, 1, ...  [sim]"
)
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="YAML file, or a name in configs/.")
@click.option("--users", type=int, help="Transmitters, 1 to 8.  [2]")
@click.option("--snr", "snr_db", type=Quantity("db"), help="Simulated air: total received power over noise, dB.  [10]")
@click.option("--seed", type=int, help="Simulated air: seed of everything random.  [1]")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any option, e.g. air.clock_ppm=20.")
@click.option("--frames", type=click.IntRange(4, 1000), default=20, show_default=True, help="Frames for the loops.")
@click.option("--wanted", help="Wanted received powers of the users, dB, with commas, e.g. 0,-3.  [all equal]")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write the loops' course here (PNG, SVG)."
)
@click.option(
    "--full-scale-dbm", type=Quantity("dbm"), help="Power at the antenna that gives 0 dBFS: adds the noise figure."
)
@click.option("--plan", "plan_only", is_flag=True, help="Print what would be done and stop.")
@_folder
@json_option
@click.pass_context
def command(context: click.Context, **options: Any) -> None:
    """Measure and correct carriers, timing, powers, IQ balance and leakage; keep the result per device.

    A bare `sim` brings a simulated air of its own. Give options before `show` or `clear`.

    \b
    Examples:
      semnoma-hil calibrate                              on a simulated air
      semnoma-hil calibrate --set air.clock_ppm=20 --plot loops.png
      semnoma-hil calibrate --device sim:tcp://127.0.0.1:5600 --users 2
      semnoma-hil calibrate show
      semnoma-hil calibrate --device usrp:serial=30CF9D2 delay
      semnoma-hil calibrate --set air.power_amplifier='{}' linearity --plot gain.png
    """
    if context.invoked_subcommand is None:
        _calibrate(**options)


def _calibrate(
    *,
    devices: tuple[str, ...],
    frames: int,
    wanted: str | None,
    plot: Path | None,
    full_scale_dbm: float | None,
    plan_only: bool,
    store: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    from rich.console import Console

    from calibration.lab.procedure import PLAN, calibrate
    from calibration.loops.alignment import Alignment
    from calibration.measure.measurement import Measurement
    from calibration.measure.noise import noise_figure
    from calibration.store.folder import CalibrationFolder, default_folder
    from hil.calibrating.radios import bench, radio_uris
    from hil.calibrating.table import before_after
    from hil.cli.options.configuration import config_from

    config = config_from(**options)
    uris = radio_uris(config.users, devices or ("sim",))
    ratio = _wanted(wanted, config.users)
    console = Console(quiet=as_json)
    console.print(f"receiver {uris[0]}; transmitters {', '.join(uris[1:])}", soft_wrap=True, highlight=False)
    for number, step in enumerate(PLAN, 1):
        console.print(f"  {number}. {step}", highlight=False)
    if plan_only:
        if as_json:
            answer(True, {"receiver": uris[0], "transmitters": uris[1:], "plan": list(PLAN)})
        return
    with bench(config, uris) as (radios, receiver, transmitters):
        gains = radios.gain_range_db(config.guard.max_tx_gain_db)
        clocks_ppm = 0.0 if radios.next_s is None else 2 * config.waveform.oscillator_ppm
        alignment = Alignment(config.waveform, ratio, gains, clocks_ppm)
        with console.status("starting") as status:
            found = calibrate(radios, alignment, receiver, transmitters, frames, _progress(console, status))
    console.print(before_after(found))
    if full_scale_dbm is not None:
        full_scale = Measurement(full_scale_dbm, 0.0, "dBm")
        figure = noise_figure(found.noise_floor, full_scale, config.sample_rate_hz)
        console.print(f"noise figure: {figure}", highlight=False)
    for user, state in found.states.items():
        console.print(f"user {user}: frequency {state.frequency}, timing {state.timing}, power {state.power}")
    folder = CalibrationFolder(store or default_folder())
    kept = [folder.save(calibration) for calibration in found.calibrations]
    for path in kept:
        console.print(f"kept: {path}", soft_wrap=True, highlight=False)
    if plot is not None:
        from hil.calibrating.plots import write_plot

        write_plot(found, config.waveform, plot)
        console.print(f"plot: {plot}", soft_wrap=True, highlight=False)
    if as_json:
        records = [calibration.model_dump(mode="json") for calibration in found.calibrations]
        answer(
            True, {"receiver": uris[0], "transmitters": uris[1:], "kept": kept, "plot": plot, "calibrations": records}
        )


def _progress(console: Any, status: Any) -> Any:
    """On a terminal one line that changes, otherwise a line each."""
    return status.update if console.is_terminal else (lambda text: console.print(text, highlight=False))


def _wanted(text: str | None, users: int) -> dict[int, float] | None:
    from hil.errors import UsageError

    if text is None:
        return None
    try:
        powers = [float(part) for part in text.split(",")]
    except ValueError:
        powers = []
    if len(powers) != users or not all(abs(power) <= 60 for power in powers):
        raise UsageError(f"--wanted {text} is not {users} powers from -60 to 60 dB with commas between, e.g. 0,-3.")
    return dict(enumerate(powers))


from hil.cli.radios.characterise import antennas, coherence, linearity, measure  # noqa: E402
from hil.cli.radios.delay import delay  # noqa: E402

for subcommand in (linearity, antennas, coherence, measure, delay):
    command.add_command(subcommand)


@command.command("show")
@_folder
@json_option
def show(store: Path | None, as_json: bool) -> None:
    """List the stored calibrations."""
    from calibration.errors import CalibrationError
    from calibration.store.folder import CalibrationFolder, default_folder, read
    from hil.calibrating.table import stored

    folder, found = CalibrationFolder(store or default_folder()), []
    for path in folder.files():
        try:
            found.append(read(path))
        except CalibrationError as error:
            click.echo(f"warning: {error}", err=True)
    if as_json:
        answer(True, {"folder": folder.path, "calibrations": [one.model_dump(mode="json") for one in found]})
        return
    if not found:
        click.echo(f"no calibrations in {folder.path}; `semnoma-hil calibrate` makes one.")
        return
    for line in stored(found):
        click.echo(line)


@command.command("clear")
@click.option("--serial", help="Only this device's, as `show` names it.  [all]")
@_folder
@json_option
def clear(serial: str | None, store: Path | None, as_json: bool) -> None:
    """Remove stored calibrations."""
    from calibration.store.folder import CalibrationFolder, default_folder

    removed = CalibrationFolder(store or default_folder()).clear(serial)
    answer(as_json, {"removed": removed}, f"{len(removed)} calibrations removed.")
