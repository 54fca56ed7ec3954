"""`semnoma-hil evaluate-sound`: the networks of sound against Opus over a digital link."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hil.cli.options.answer import answer, json_option, write_rows
from hil.cli.options.ranges import NumberList


@click.command("evaluate-sound")
@click.option("--sounds", required=True, type=click.Path(path_type=Path), help="A WAV file, or a folder of them.")
@click.option("--snr", "snrs_db", type=NumberList("db"), default="0:20:5", show_default=True, help="SNR, dB.")
@click.option("--networks", default="speech-16k", show_default=True, help="Packaged networks, or their folder.")
@click.option("--limit", type=click.IntRange(1), help="Only the first so many sounds.")
@click.option("--seed", type=click.IntRange(0), default=30_000, show_default=True, help="Of the noise.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="CSV with a line for each sound and SNR.")
@json_option
def command(
    sounds: Path,
    snrs_db: tuple[float, ...],
    networks: str,
    limit: int | None,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """SI-SDR of sound over AWGN, and of Opus over 5G LDPC and QAM on the same channel uses; stereo is mixed to mono.

    \b
    Examples:
      semnoma-hil evaluate-sound --sounds speech/ --snr 10
      semnoma-hil evaluate-sound --sounds speech/ --snr 0:20:5 --limit 60 --out sound.csv
    """
    from models.audio.comparison import SoundRow, compare_sounds, means
    from models.audio.modality import Audio
    from models.audio.sound import read_sound, sound_files

    files = sound_files(sounds)[:limit]
    read = [(file.name, read_sound(file).mean(axis=1)) for file in files]
    rows = list(compare_sounds(Audio(networks), read, snrs_db, seed))
    if out is not None:
        write_rows(rows, SoundRow, out)
    found = means(rows)
    answer(as_json, found, *map(_line, found))


def _line(mean: dict[str, Any]) -> str:
    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:.2f}"

    return (
        f"SNR {mean['snr_db']:g} dB, {mean['sounds']} sounds: SI-SDR {shown(mean['si_sdr_db'])} dB; where Opus fits "
        f"({mean['opus_sounds']}): {shown(mean['there_si_sdr_db'])} dB, Opus {shown(mean['opus_si_sdr_db'])} dB; "
        f"STOI {shown(mean['stoi'])}, Opus {shown(mean['opus_stoi'])}"
    )
