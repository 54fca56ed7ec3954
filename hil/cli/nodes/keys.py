"""`semnoma-hil keys`: CURVE key pairs for a bus that other machines can reach."""

from pathlib import Path

import click

from hil.cli.options.answer import answer, json_option


@click.command("keys")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("keys"), show_default=True)
@click.option("--users", type=click.IntRange(1, 8), default=2, show_default=True, help="Transmitters tx0, tx1, ...")
@json_option
def command(out: Path, users: int, as_json: bool) -> None:
    """Make a key pair for the coordinator and each node, and authorise the nodes. Existing keys stay.

    \b
    Examples:
      semnoma-hil keys --out keys --users 2
      semnoma-hil coordinator --bus tcp://192.0.2.10:5555 --keys keys
    Each node needs its own NAME.key_secret and coordinator.key, nothing more.
    """
    from hil.bus.keys import create_keys

    made = create_keys(out, [f"tx{user}" for user in range(users)] + ["rx", "air", "observer"])
    sentence = f"{len(made)} new key pairs in {out}; keep the .key_secret files secret."
    answer(as_json, {"folder": out, "made": made}, sentence)
