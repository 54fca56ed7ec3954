"""The `semnoma-hil` command: finds the subcommand, and turns expected errors into one sentence and a code.

Exit codes: 0 done, 1 the run could not be finished, 2 the input cannot be used, 130 interrupted.
"""

import errno
import importlib
import sys
from typing import NoReturn

import click

from hil import __version__

COMMANDS = {
    "loopback": "runs.loopback",
    "run": "runs.run",
    "coordinator": "nodes.coordinator",
    "tx": "nodes.tx",
    "rx": "nodes.rx",
    "air": "nodes.air",
    "keys": "nodes.keys",
    "replay": "runs.replay",
    "report": "runs.report",
    "doctor": "radios.doctor",
    "devices": "radios.devices",
    "probe": "radios.probe",
    "models": "codecs.models",
    "train": "codecs.train",
    "export": "codecs.export",
    "bench": "measure.bench",
    "phy-sweep": "measure.phy_sweep",
    "evaluate": "codecs.evaluate",
    "calibrate": "radios.calibrate",
    "twin": "measure.twin",
    "dashboard": "runs.dashboard",
    "watch": "runs.watch",
}


class LazyGroup(click.Group):
    """Imports a command's module when it is asked for: a transmitter must start without torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"hil.cli.{COMMANDS[name]}").command
        return command


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
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        click.echo(f"error: {error.filename or 'a file'} could not be written: {error.strerror}.", err=True)
        sys.exit(1)
    sys.exit(0)
