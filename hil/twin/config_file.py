"""The twin as a YAML file that every command takes with --config, with what is known about each value above it."""

from pathlib import Path

import yaml

from hil import __version__
from hil.errors import UsageError
from hil.twin.fit import TwinFit


def twin_yaml(fit: TwinFit, recording: Path) -> str:
    """The text of the file: comments, then the values. Defaults that were not fitted are left out."""
    slots, used = fit.slots
    lines = [
        f"Twin of {recording.name}, made by semnoma-hil {__version__} from {used} of {slots} slots.",
        f"Amplitudes are the recording's times {fit.scale:.5g}; its seed is none of the recording's.",
        "",
        "Fitted:",
        *(f"  {one.name}: {one}" for one in fit.estimates if one.fitted),
        "",
        "Not to be told from this recording:",
        *(f"  {one.name}: {one}" for one in fit.estimates if not one.fitted),
    ]
    comment = "".join(f"# {line}".rstrip() + "\n" for line in lines)
    return comment + "\n" + yaml.safe_dump(fit.values, sort_keys=True, allow_unicode=True)


def write_twin(fit: TwinFit, recording: Path, out: Path) -> None:
    """Raises UsageError when the file cannot be written."""
    try:
        out.write_text(twin_yaml(fit, recording), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}.") from None
