"""`semnoma-hil lab`: the hosts of an inventory over ssh."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hil.cli.options.answer import answer, json_option

if TYPE_CHECKING:
    from hil.lab.operations import Lab, Told

_OPTIONS = [
    click.argument("inventory", type=click.Path(path_type=Path)),
    click.option("--dry-run", is_flag=True, help="Say what would be done, without a connection."),
    json_option,
]
_run_option = click.option(
    "--run", "run", default="run", show_default=True, metavar="NAME", callback=lambda _c, _p, name: _run_name(name),
    help="Folder of this run on every host.",
)  # fmt: skip


def _run_name(name: str) -> str:
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise click.BadParameter(f"{name!r} must consist of letters, digits, - and _.")
    return name


def _lab_command(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@click.group("lab")
def command() -> None:
    """Check, start, watch and end a run on several hosts, named in an INVENTORY (a file, or a name in configs/labs).

    \b
    Examples:
      semnoma-hil lab check two-pis --dry-run
      semnoma-hil lab check lab.yaml        programs, drivers, clocks, links
      semnoma-hil lab up lab.yaml
      semnoma-hil lab status lab.yaml
      semnoma-hil lab down lab.yaml
      semnoma-hil lab collect lab.yaml --out run1
    """


@command.command("check")
@_lab_command
def check_command(inventory: Path, dry_run: bool, as_json: bool) -> None:
    """Send each host what it lacks, then look at its packages, drivers, clock and links. Opens no radio.

    \b
    Example:
      semnoma-hil lab check lab.yaml
    """
    from hil.lab.check import check

    def lines(host: str, facts: dict[str, Any]) -> list[str]:
        links = ", ".join(f"{what} in {ms:g} ms" for what, ms in facts["connect_ms"].items())
        said = (
            f"{host}: Python {facts['python']} on {facts['machine']}, {_sent(facts)}, clock "
            f"{1e3 * facts['clock_offset_s']:+.1f} ms (within {1e3 * facts['clock_uncertainty_s']:.1f} ms)"
        )
        return [said + (f", reaches {links}" if links else ""), *(f"{host}: {text}" for text in facts["problems"])]

    with _Opened(inventory, dry_run, as_json, "check") as lab:
        _finish(as_json, check(lab), lines)


@command.command("up")
@_run_option
@_lab_command
def up_command(inventory: Path, run: str, dry_run: bool, as_json: bool) -> None:
    """Send each host what it lacks and start its nodes. A host that fails is named, and the others go on.

    \b
    Examples:
      semnoma-hil lab up lab.yaml --dry-run
      semnoma-hil lab up lab.yaml --run second
    """

    def lines(host: str, facts: dict[str, Any]) -> list[str]:
        started = [f"{name} runs already" if "running" in said else f"{name} started"
                   for name, said in facts["nodes"].items()]  # fmt: skip
        return [f"{host}: {_sent(facts)}, {', '.join(started) or 'no node'}"]

    with _Opened(inventory, dry_run, as_json, "up", run) as lab:
        sent = lab.provision()
        able = [name for name, facts in sent.items() if "error" not in facts]
        started = lab.start(run, able)
        _finish(as_json, {name: facts | started.get(name, {}) for name, facts in sent.items()}, lines)


@command.command("status")
@_lab_command
def status_command(inventory: Path, dry_run: bool, as_json: bool) -> None:
    """Which nodes run, and how the others ended. Code 1 when one is not well.

    \b
    Example:
      semnoma-hil lab status lab.yaml
    """

    def lines(host: str, facts: dict[str, Any]) -> list[str]:
        found = []
        for name, node in facts["nodes"].items():
            state = {"running": f"running for {node.get('for_s', 0):g} s", "killed": "was killed"}.get(node["state"])
            text = state or f"ended with code {node.get('code')}"
            found.append(f"{name} on {host}: {text}" + (f": {node['error']}" if node["error"] else ""))
        return found or [f"{host}: no node was started"]

    with _Opened(inventory, dry_run, as_json, "status") as lab:
        told = lab.status()
        states = [node for facts in told.values() for node in facts.get("nodes", {}).values()]
        unwell = any(node["state"] == "killed" or node.get("code") for node in states)
        _finish(as_json, told, lines, failed=unwell)


@command.command("down")
@_lab_command
def down_command(inventory: Path, dry_run: bool, as_json: bool) -> None:
    """End every node that was started, transmitters first.

    A host that cannot be reached is named: its transmitter is off when it has not heard the coordinator for
    guard.max_silence_s.

    \b
    Example:
      semnoma-hil lab down lab.yaml
    """

    def lines(host: str, facts: dict[str, Any]) -> list[str]:
        return [f"{host}: " + (", ".join(f"{name} {how}" for name, how in facts["nodes"].items()) or "nothing ran")]

    with _Opened(inventory, dry_run, as_json, "down") as lab:
        _finish(as_json, lab.stop(), lines)


@command.command("collect")
@_run_option
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("run"), show_default=True)
@_lab_command
def collect_command(inventory: Path, run: str, out: Path, dry_run: bool, as_json: bool) -> None:
    """Fetch the receiver's results and every node's log; what is there already is compared by checksum.

    \b
    Example:
      semnoma-hil lab collect lab.yaml --out run1
    """
    from hil.lab.collect import collect

    def lines(host: str, facts: dict[str, Any]) -> list[str]:
        return [f"{host}: {facts['fetched']} of {facts['files']} files were new, to {out}"]

    with _Opened(inventory, dry_run, as_json, "collect", run) as lab:
        _finish(as_json, collect(lab, run, out), lines)


class _Opened:
    """The lab of an inventory, closed after the block; with --dry-run the plan is said and the command is over."""

    def __init__(self, path: Path, dry_run: bool, as_json: bool, action: str, run: str = "run") -> None:
        from hil.lab.inventory import load_inventory
        from hil.lab.operations import Lab
        from hil.lab.rehearsal import rehearse

        inventory, config = load_inventory(path)
        if dry_run:
            plan = rehearse(action, inventory, config, run)
            answer(as_json, {"dry_run": plan}, *(line for lines in plan.values() for line in lines))
            raise click.exceptions.Exit(0)
        self._lab = Lab(inventory, config, lambda line: click.echo(line, err=True))

    def __enter__(self) -> "Lab":
        return self._lab

    def __exit__(self, *_: object) -> None:
        self._lab.close()


def _finish(
    as_json: bool, told: "Told", lines: Callable[[str, dict[str, Any]], list[str]], failed: bool = False
) -> None:
    """Say it by host, errors on standard error; code 1 when a host failed or has problems."""
    good = {host: facts for host, facts in told.items() if "error" not in facts}
    answer(as_json, {"hosts": told}, *(line for host, facts in good.items() for line in lines(host, facts)))
    errors = [facts["error"] for facts in told.values() if "error" in facts]
    for sentence in errors:
        click.echo(f"error: {sentence}", err=True)
    sys.exit(1 if failed or errors or any(facts.get("problems") for facts in good.values()) else 0)


def _sent(facts: dict[str, Any]) -> str:
    return f"{facts['sent']} of {facts['files']} files sent"
