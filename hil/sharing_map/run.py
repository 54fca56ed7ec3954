"""The sweep over the map, point by point, and its table."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path

from hil.errors import UsageError
from hil.results.durable import write_whole
from hil.sharing_map.point import MapPoint, measure_point
from models.evaluation.frames import same_size_groups
from models.evaluation.learned import LearnedScheme
from models.images import open_images
from models.package.manifest import load_manifest
from models.package.zoo import codec_folder

Row = dict[str, object]
TEXTS = ("channel", "way", "chosen", "weights")  # columns that hold no number


def sweep(
    codec: str,
    schemes: Sequence[str],
    images: str,
    points: Sequence[MapPoint],
    pictures: int,
    each: int,
    codec_channels: int | None = None,
    on_point: Callable[[MapPoint], None] = lambda _point: None,
) -> Iterator[list[Row]]:
    """The rows of each point as it is measured, with the codec's `weights` and complex channels of a latent position.

    each: pictures sent a point, in as many frames as its users need. codec_channels: that all users share, None:
    as many as the codec has. UsageError where the pictures are of several sizes; ModelError for a codec that has one
    fixed way of sharing, not so many channels, or none of that name.
    """
    groups = same_size_groups(open_images(images, split="test"), pictures)
    if len(groups) != 1:
        raise UsageError(f"the map needs pictures of one size, but {images} has {len(groups)}.")
    for users in dict.fromkeys(point.users for point in points):
        scheme = LearnedScheme(f"{codec}@auto" + (f":{codec_channels}" if codec_channels else ""), users)
        others = [LearnedScheme(name, 2) for name in schemes] if users == 2 else []
        for point in points:
            if point.users == users:
                on_point(point)
                frames = max(1, -(-each // users))
                found = measure_point(point, scheme, others, groups[0].pixels, frames)
                told = {"codec_channels": scheme.channels, "weights": weights(codec)}
                yield [{**row, **told} for row in found]


def weights(codec: str) -> str:
    """What tells the codec's networks from others of its name: the start of the encoder's SHA-256."""
    return load_manifest(codec_folder(codec)).files.encoder.sha256[:12]


def measured_before(path: Path, command: str, codec: str) -> list[Row]:
    """Rows of a table that the same command wrote with the same weights; [] where there is none.

    UsageError for a table of another command or codec, and for a file that is no table.
    """
    if not path.exists():
        return []
    try:
        rows: list[Row] = [dict(row) for row in csv.DictReader(io.StringIO(path.read_text()))]
        for row in rows:
            if row.pop("command") != command or row["weights"] != weights(codec):
                raise UsageError(f"{path} is of another command or other weights; leave out --resume or choose --out.")
            row |= {name: _number(row[name]) for name in row if name not in TEXTS}
    except (OSError, KeyError, UnicodeDecodeError, csv.Error, ValueError) as error:
        raise UsageError(f"{path} cannot be read as a map's table: {error}.") from None
    return rows


def _number(text: object) -> float | int | None:
    if text == "":
        return None
    return int(str(text)) if str(text).isdecimal() else float(str(text))


def grid(
    channels: Sequence[str],
    users: Sequence[int],
    antennas: Sequence[int],
    snrs_db: Sequence[float],
    delay_spread_s: float,
    bandwidth_hz: float,
    seed: int,
) -> list[MapPoint]:
    """Every combination."""
    return [
        MapPoint(channel, n, a, snr, delay_spread_s, bandwidth_hz, seed)
        for n, channel, a, snr in product(users, channels, antennas, snrs_db)
    ]


def write_table(rows: Sequence[Row], path: Path, command: str) -> None:
    """CSV whose last column is the command. UsageError when it cannot be written."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [*rows[0], "command"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "command": command} for row in rows)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.getvalue().encode())
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}.") from None
