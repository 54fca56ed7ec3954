"""`semnoma-hil models add`: a codec of one's own, or of another project, checked, tried and installed."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hil.cli.options.answer import answer, json_option
from hil.cli.options.ranges import NumberList

if TYPE_CHECKING:
    from hil.trial.beside import Trial
    from models.adapting.bring import Brought

_FACTS = ("name", "licence", "users", "learned", "symbols", "side_information")


@click.command("add")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--adapter", type=click.Path(path_type=Path), help="Python file of yours that builds the networks; run.")
@click.option("--replace", is_flag=True, help="Put it in the place of one of the same name.")
@click.option("--name", help="What it is called here.")
@click.option("--licence", help="Of its weights.")
@click.option("--users", type=click.IntRange(1, 8), help="Users of a payload.  [2]")
@click.option(
    "--learned", is_flag=True, default=None, help="It was trained for superposed users; else each has a part."
)
@click.option(
    "--symbols", type=click.Choice(["halves", "channel-pairs", "flat-pairs"]), help="Pairs of reals.  [halves]"
)
@click.option("--side", help="Comma-separated side information of both networks.  [none]")
@click.option("--try", "tried", is_flag=True, help="Run it on the simulated air beside ours first.")
@click.option("--snr", "snrs_db", type=NumberList("db"), default="10", show_default=True, help="Of --try, dB.")
@click.option("--images", default="demo", show_default=True, help="Of --try.")
@click.option("--frames", type=click.IntRange(1), default=4, show_default=True, help="Of --try.")
@click.option("--antennas", type=click.IntRange(1, 4), default=1, show_default=True, help="Of --try.")
@click.option("--size", type=click.IntRange(16), default=128, show_default=True, help="Longer sides are scaled, px.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Keep the runs of --try here.")
@json_option
def command(
    source: Path,
    adapter: Path | None,
    replace: bool,
    side: str | None,
    tried: bool,
    snrs_db: tuple[float, ...],
    out: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Check a codec, bring it into this project's form and install it by name.

    SOURCE is a codec folder (manifest.json), a folder with encoder.onnx and decoder.onnx, a folder with config.json and
    model.safetensors, or a file of weights. No code is run but --adapter's, nothing is unpickled.

    \b
    Examples:
      semnoma-hil models add my-codec/
      semnoma-hil models add onnx-pair/ --name theirs --side snr_db
      semnoma-hil models add weights.safetensors --adapter adapter.py --try --snr 0,10,20
    """
    from models.adapting.bring import bring, is_ours
    from models.export.adding import add_codec, check_name

    said = {key: options[key] for key in _FACTS if options.get(key) is not None}
    if side is not None:
        said["side_information"] = [name.strip() for name in side.split(",") if name.strip()]
    with tempfile.TemporaryDirectory(prefix="semnoma-hil-") as scratch:
        folder, brought = source, None
        if adapter is not None or not is_ours(source):
            folder = Path(scratch) / "codec"
            brought = bring(source, adapter, said, folder)
        elif said:
            from hil.errors import UsageError

            raise UsageError(f"{source} has a manifest.json, which says what the options would: edit it instead.")
        check_name(folder, replace)
        trials = _tried(folder, out or Path(scratch) / "runs", snrs_db, options) if tried else []
        added = add_codec(folder, replace)
    facts = {"name": added.name, "folder": added, "found": _found(brought), "tried": [one.as_dict() for one in trials]}
    answer(as_json, facts, *_lines(brought), *_table(trials), f"added as {added.name}: {added}")


def _tried(folder: Path, out: Path, snrs_db: tuple[float, ...], options: dict[str, Any]) -> Sequence[Trial]:
    from hil.trial.beside import try_beside
    from models.package.manifest import load_manifest

    users = min(load_manifest(folder).users, options["users"] or 2)
    settings = {
        "images": options["images"],
        "frames": options["frames"],
        "rx_antennas": options["antennas"],
        "max_image_side_px": options["size"],
    }
    return try_beside(str(folder), out, snrs_db, users, settings)


def _found(brought: Brought | None) -> dict[str, Any] | None:
    if brought is None:
        return None
    manifest, found = brought.manifest, brought.found
    facts: dict[str, Any] = {"users": manifest.users, "ratio": manifest.channel_use_ratio, "parity": brought.parity}
    if found is not None:
        facts |= {
            "stride": found.stride,
            "latent_channels": found.latent_channels,
            "symbol_power": found.power,
            "normalises": found.normalises,
            "clean_psnr_db": found.clean_psnr_db,
        }
    return facts


def _lines(brought: Brought | None) -> list[str]:
    """What was found, a line each."""
    if brought is None:
        return []
    manifest, found = brought.manifest, brought.found
    lines = []
    if brought.parity is not None:
        lines.append(f"ONNX and torch differ by {brought.parity:.1e} at most")
    if found is not None:
        own = found.latent_channels / 2 / found.stride**2 / 3
        lines.append(
            f"{found.latent_channels} reals at every {found.stride}x{found.stride} pixels: ratio {own:.4f} a user"
        )
        low, high = found.power
        lines.append(
            f"the encoder gives symbols of mean power {found.symbol_power:.3f}, and the decoder gets such"
            if found.normalises
            else f"the encoder's power depends on the picture ({low:.3g} to {high:.3g}): symbols are scaled to 1"
        )
        lines.append(f"without a channel its pictures have {found.clean_psnr_db:.1f} dB of PSNR")
    lines.append(f"a payload of {manifest.users} users: ratio {manifest.channel_use_ratio:.4f}")
    return lines


def _table(trials: Sequence[Trial]) -> list[str]:
    if not trials:
        return []
    head = f"{'codec':<20}{'SNR, dB':>8}{'ratio':>8}{'decoded':>9}{'PSNR':>8}{'SSIM':>8}{'ideal':>8}{'loss':>7}"
    lines = [head]
    for one in trials:
        figures = [
            "-" if value is None else f"{value:.{digits}f}"
            for value, digits in (
                (one.psnr_db, 2),
                (one.ssim, 3),
                (one.ideal_psnr_db, 2),
                (one.implementation_loss_db, 2),
            )
        ]
        counts = f"{one.codec:<20}{one.snr_db:>8g}{one.ratio:>8.4f}{f'{one.decoded}/{one.pictures}':>9}"
        lines.append(counts + f"{figures[0]:>8}{figures[1]:>8}{figures[2]:>8}{figures[3]:>7}")
    return lines
