"""`semnoma-hil init`: a commented configuration for the radios that this machine can reach."""

from pathlib import Path

import click

from hil.cli.options.answer import answer, json_option


@click.command("init")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("semnoma.yaml"), show_default=True)
@click.option("--network", is_flag=True, help="Also search the networks that this machine is on (broadcasts).")
@click.option("--replace", is_flag=True, help="Write over a file that is there.")
@json_option
def command(out: Path, network: bool, replace: bool, as_json: bool) -> None:
    """Look for radios and write a configuration with every option, its default and what it means.

    The first radio receives, the others transmit; without radios it is the simulated air. Nothing is transmitted.

    \b
    Examples:
      semnoma-hil init
      semnoma-hil init --network --out lab.yaml
      semnoma-hil loopback --config semnoma.yaml
    """
    from hil.diagnosis.first_config import first_config
    from hil.errors import UsageError
    from radio.discovery import find_devices

    if out.exists() and not replace:
        raise UsageError(f"{out} is there already; --replace writes over it, --out names another file.")
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent}.")
    found = [(device.uri, device.what) for device in find_devices(network) if not device.uri.startswith("sim")]
    try:
        out.write_text(first_config(found), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--out {out} cannot be written: {error.strerror}.") from None
    facts = {"config": out, "devices": [uri for uri, _ in found]}
    names = ", ".join(uri for uri, _ in found) or "no radio was found: the simulated air"
    answer(as_json, facts, f"{out}: {names}", f"next: semnoma-hil loopback --config {out}")
