"""The `semnoma-hil` command: finds the subcommand, and turns expected errors into one sentence and a code.

Exit codes: 0 done, 1 the run could not be finished, 2 the input cannot be used, 130 interrupted.
"""

import errno
import importlib
import sys
from typing import NoReturn

import click

from hil import __version__

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
CLOSED = (  # a file or folder that is the user's to name otherwise, or to open
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP,
)  # fmt: skip
SECTIONS = {
    "Whole runs": {
        "loopback": ("runs.loopback", "The whole job on one machine: all nodes, simulated air or radios, results."),
        "run": ("runs.run", "An experiment: every point of a plan's grid, into one table."),
        "report": ("runs.report", "A run's HTML report anew, or one page that compares several."),
        "replay": ("runs.replay", "The receiver on a recording."),
        "dashboard": ("runs.dashboard", "The live page of a run in the browser."),
        "watch": ("runs.watch", "A run as a table in the terminal."),
    },
    "One node of a run": {
        "coordinator": ("nodes.coordinator", "Names the slots and carries CSI back."),
        "tx": ("nodes.tx", "One user's transmitter. Needs no torch."),
        "rx": ("nodes.rx", "The receiver: separates, decodes, scores, writes results."),
        "air": ("nodes.air", "The simulated air."),
        "keys": ("nodes.keys", "Key pairs for a bus that other machines can reach."),
    },
    "A lab of several hosts": {
        "lab": ("nodes.lab", "Checks the hosts of an inventory, starts and ends nodes there, collects results."),
    },
    "This machine and its radios": {
        "doctor": ("radios.doctor", "What is installed, what is missing and how to get it."),
        "prepare": ("radios.prepare", "Compiles what the first run would wait for."),
        "devices": ("radios.devices", "The radios that can be reached, by the URI that --device takes."),
        "init": ("radios.init", "A commented configuration for the radios that are found."),
        "probe": ("radios.probe", "What one radio can do and what it hears; transmits nothing."),
        "calibrate": ("radios.calibrate", "Measures and corrects carriers, timing, powers, IQ balance and leakage."),
    },
    "Codecs and refiners": {
        "models": ("codecs.models", "Those that are installed; adds and removes your own."),
        "evaluate": ("codecs.evaluate", "Compares schemes on the same pictures, fading and noise."),
        "evaluate-sound": (
            "codecs.evaluate_sound",
            "Sound against Opus over a digital link, on the same channel uses.",
        ),
        "evaluate-task": (
            "codecs.evaluate_task",
            "Naming pictures from their symbols, beside decoding them and looking.",
        ),
        "train": ("codecs.train", "Trains a codec, its teacher, a baseline or a refiner."),
        "export": ("codecs.export", "A usable folder from a training run, or a codec as ONNX."),
    },
    "Measurements": {
        "phy-sweep": ("measure.phy_sweep", "How well users are found and measured, beside what theory allows."),
        "compare": ("measure.compare", "Sweeps that answer one question each, as a table and a picture."),
        "bench": ("measure.bench", "How fast this machine does each part of the job."),
        "twin": ("measure.twin", "A simulated air that behaves as the room of a recording did."),
    },
}
COMMANDS = {name: module for section in SECTIONS.values() for name, (module, _) in section.items()}


class LazyGroup(click.Group):
    """Imports a command's module when it is asked for: a transmitter must start without torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"hil.cli.{COMMANDS[name]}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's, whose suggestions know only the commands that are imported."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand:
            raise click.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Whole lines, by what they are for, without importing a command."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in commands.items()], col_max=14)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="semnoma-hil")
def cli() -> None:
    """Several users' images over one shared channel: learned codecs, OFDM, software radios.

    \b
    Examples:
      semnoma-hil loopback                          two users on a simulated air
      semnoma-hil loopback --images ~/photos --snr 5 --channel tdl-a --out run1
      semnoma-hil doctor                            what is installed, what is missing

    \b
    Shell completion (bash; also zsh and fish):
      eval "$(_SEMNOMA_HIL_COMPLETE=bash_source semnoma-hil)"
    """


def _expected_errors() -> tuple[tuple[type[Exception], ...], tuple[type[Exception], ...]]:
    """(input errors, run errors) of every room."""
    from calibration.errors import CalibrationError
    from hil.errors import HilError, UsageError
    from hil.results.rows import ResultsError
    from models.errors import ModelError
    from radio.errors import ConfigurationError, RadioError, TransmitRefused

    refused = (UsageError, ModelError, ConfigurationError, TransmitRefused, ResultsError, CalibrationError)
    return refused, (HilError, RadioError)


def main() -> NoReturn:
    """Entry point of the console script."""
    input_errors, run_errors = _expected_errors()
    try:
        cli.main(standalone_mode=False, complete_var="_SEMNOMA_HIL_COMPLETE")
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except input_errors as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    except run_errors as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        if error.errno in FULL:
            click.echo(f"error: {error.filename or 'a file'} could not be written: {error.strerror}.", err=True)
            sys.exit(1)
        if error.errno in CLOSED and error.filename:
            click.echo(f"error: {error.filename} cannot be used: {error.strerror}.", err=True)
            sys.exit(2)
        raise
    sys.exit(0)
