"""The figures of a whole run, from its rows: what summary.json holds and the report shows first."""

import json
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hil.results.durable import write_whole
from hil.results.live import live_summary
from hil.results.meaning import generated_figures, known, mean, task_figures
from hil.results.rows import ResultRow, ResultsError

SCORES = ("score", "delivered_score", "ideal_score")


def rms(values: Iterable[float | None]) -> float | None:
    """Root of the mean square of what is known and plausible; None when nothing is."""
    found = known(values)
    return math.sqrt(sum(value**2 for value in found) / len(found)) if found else None


def deviation(values: Iterable[float | None]) -> float | None:
    """Standard deviation of what is known and plausible; None of fewer than two."""
    found = known(values)
    return statistics.stdev(found) if len(found) > 1 else None


def loss_db(row: ResultRow) -> float | None:
    """Implementation loss of this picture in dB of PSNR; None unless both figures are known."""
    if row.psnr_db is None or row.ideal_psnr_db is None:
        return None
    return row.ideal_psnr_db - row.psnr_db


def summarise(
    rows: Sequence[ResultRow],
    *,
    users: int,
    frames: int,
    snr_db: float | None,
    channel: str,
    seed: int,
    version: str,
    wall_s: float,
    refine: bool,
    codec: str,
    recorded_before: int = 0,
) -> dict[str, Any]:
    """Everything summary.json holds; values JSON can take, None for what is not known.

    Means run over the images that have the figure: PSNR, SSIM, ideal and loss over decoded ones, `delivered_` over all
    that were sent, a lost one as a grey picture; generated ones have none of these and stand under `generated`.
    `complete` says that a row is recorded for every user and frame, decoded or not; `missing` names the [frame, user]
    that have none. `images_per_s` counts rows beyond the `recorded_before` that were there when this command started.
    live: see `live_summary`; of a video `missing` are frames between others, and `frames` is where it ended.
    """
    live = live_summary((row.user, row.live) for row in rows if row.live is not None)
    if live:  # it is over when its pictures are: `frames` was only the most that were asked for
        frames = max(row.frame for row in rows) + 1
    missing = _missing(rows, users, None if live else frames)
    events: Counter[str] = Counter()
    for row in rows:
        events.update(row.events)
    summary = {
        "users": users,
        "frames": frames,
        "snr_db": snr_db,
        "channel": channel,
        **_quality(rows),
        "modalities": _modalities(rows),
        "generated": generated_figures(rows),
        "task": task_figures(rows),
        "per_user": [_of_user(user, [row for row in rows if row.user == user]) for user in range(users)],
        "wall_s": wall_s,
        "images_per_s": max(0, len(rows) - recorded_before) / wall_s if wall_s > 0 else None,
        "seed": seed,
        "version": version,
        "complete": not missing,
        "refine": refine,
        "codec": codec,
        "sharing": _ways(rows),
        "csi_age_s": mean(row.csi_age_s for row in rows),
        "deadline_ms": next((row.deadline_ms for row in rows if row.deadline_ms is not None), None),
        "deadline_misses": _misses(rows),
        "refine_passes": mean(row.refine_passes for row in rows),
        "events": dict(sorted(events.items())),
        "missing": missing,
        "live": live,
    }
    return {key: _finite(value) for key, value in summary.items()}


def _missing(rows: Sequence[ResultRow], users: int, frames: int | None) -> list[list[int]]:
    """[frame, user] without a row. frames None: of each user up to the last one that it has."""
    recorded: dict[int, set[int]] = {user: set() for user in range(users)}
    for row in rows:
        recorded.setdefault(row.user, set()).add(row.frame)
    ends = {user: max(own, default=-1) + 1 if frames is None else frames for user, own in recorded.items()}
    return [
        [frame, user]
        for frame in range(max(ends.values(), default=0))
        for user in range(users)
        if frame < ends[user] and frame not in recorded[user]
    ]


def _ways(rows: Sequence[ResultRow]) -> list[dict[str, Any]]:
    """How users shared their symbols, most frequent first; [] for codecs with one fixed way."""
    counts = Counter(row.sharing for row in rows if row.sharing is not None)
    return [_way(form, [row for row in rows if row.sharing == form]) for form, _ in counts.most_common()]


def _modalities(rows: Sequence[ResultRow]) -> list[dict[str, Any]]:
    """Figures of each modality by name; [] before anything is recorded. Means as those of PSNR."""
    found = []
    for name in sorted({row.modality for row in rows}):
        own = [row for row in rows if row.modality == name]
        figures: dict[str, Any] = {"sent": len(own), "decoded": sum(row.decoded for row in own)}
        figures |= {kind: mean(getattr(row, kind) for row in own) for kind in SCORES}
        found.append({"name": name, "score_name": own[0].score_name, "score_unit": own[0].score_unit, **figures})
    return found


def _way(form: str, rows: Sequence[ResultRow]) -> dict[str, Any]:
    return {
        "form": form,
        "frames": len({row.frame for row in rows}),
        "psnr_db": mean(row.psnr_db for row in rows),
        "predicted_psnr_db": mean(row.predicted_psnr_db for row in rows),
        "reason": max(rows, key=lambda row: row.frame).sharing_reason,
    }


def _misses(rows: Sequence[ResultRow]) -> int | None:
    """Pictures that came late or not at all; None for a run without a deadline."""
    known = [row.deadline_missed for row in rows if row.deadline_missed is not None]
    return sum(known) if known else None


def _quality(rows: Sequence[ResultRow]) -> dict[str, Any]:
    """Counts and mean picture quality of some rows."""

    def figure(name: str) -> float | None:
        return mean(getattr(row, name) for row in rows)

    return {
        "images_sent": len(rows),
        "images_decoded": sum(row.decoded for row in rows),
        "psnr_db": figure("psnr_db"),
        "ssim": figure("ssim"),
        "delivered_psnr_db": figure("delivered_psnr_db"),
        "delivered_ssim": figure("delivered_ssim"),
        "ideal_psnr_db": figure("ideal_psnr_db"),
        "ideal_ssim": figure("ideal_ssim"),
        "implementation_loss_db": mean(loss_db(row) for row in rows),
        "overhead": figure("overhead"),
        "bits": _bits([row for row in rows if row.bits_delivered is not None]),
    }


def _bits(rows: Sequence[ResultRow]) -> dict[str, Any] | None:
    """Protected bits of bursts that had them: frames sent and lost, frame error rate, mean bytes and OFDM symbols."""
    if not rows:
        return None
    lost = sum(not row.bits_delivered for row in rows)
    return {
        "frames_sent": len(rows),
        "frames_lost": lost,
        "frame_error_rate": lost / len(rows),
        "bytes": mean(row.bits_bytes for row in rows),
        "symbols": mean(row.bits_symbols for row in rows),
    }


def _of_user(user: int, rows: Sequence[ResultRow]) -> dict[str, Any]:
    return {
        "user": user,
        "modality": rows[0].modality if rows else None,
        **_quality(rows),
        "cfo_hz_rms": rms(row.cfo_hz for row in rows),
        "arrival_jitter_samples": deviation(row.delay_samples for row in rows),
        "snr_db_estimated": mean(row.snr_db_estimated for row in rows),
        "user_snr_db": mean(row.user_snr_db for row in rows),
        "payload_sinr_db": mean(row.payload_sinr_db for row in rows),
        "doppler_hz": mean(row.doppler_hz for row in rows),
        "beyond_prefix": mean(row.beyond_prefix for row in rows),
        "csi_age_s": mean(row.csi_age_s for row in rows),
        "loops": max(rows, key=lambda row: row.frame).loops if rows else {},
        "locked_from_frame": locked_from(rows),
    }


def locked_from(rows: Sequence[ResultRow]) -> int | None:
    """The first frame from which on all of one user's loops stay locked; None where one is not, or none is known."""
    first = None
    for row in sorted(rows, key=lambda row: row.frame, reverse=True):
        if not row.loops or any(state != "locked" for state in row.loops.values()):
            break
        first = row.frame
    return first


def _finite(value: Any) -> Any:
    """JSON has no infinity: a run without noise has snr_db None."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_summary(out: Path, summary: dict[str, Any]) -> Path:
    """Write out/summary.json atomically; returns its path. Raises ResultsError."""
    path = Path(out) / "summary.json"
    text = json.dumps(summary, indent=2, allow_nan=False) + "\n"
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror or error}.") from error
    return path
