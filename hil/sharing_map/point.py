"""One point of the map: the same pictures over the same draws and noise, shared in every way."""

from dataclasses import dataclass, field

import numpy as np
import torch

from hil.experiments.statistics import interval
from hil.sharing_map.channels import draw_channel, spread_over
from hil.sharing_map.rates import rates
from models.choice.sharing_choice import best_of
from models.evaluation.frames import Frame
from models.evaluation.learned import LearnedScheme
from models.evaluation.metrics import psnr_db
from models.sharing import Sharing

AUTO, GROUPS = "auto", "groups"
CAPACITY_DRAWS = 400


@dataclass(frozen=True)
class MapPoint:
    """Where on the map. delay_spread_s, bandwidth_hz: of delay lines."""

    channel: str
    users: int
    antennas: int
    snr_db: float
    delay_spread_s: float
    bandwidth_hz: float
    seed: int


@dataclass
class Measured:
    """One way of sharing at a point: per frame the users' mean and worst PSNR, what was predicted, and the form."""

    mean_db: list[float] = field(default_factory=list)
    worst_db: list[float] = field(default_factory=list)
    predicted_db: list[float] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)

    def note(self, psnr: np.ndarray, predicted_db: float, form: str) -> None:
        """One frame."""
        self.mean_db.append(float(psnr.mean()))
        self.worst_db.append(float(psnr.min()))
        self.predicted_db.append(predicted_db)
        self.forms.append(form)


def measure_point(
    point: MapPoint, scheme: LearnedScheme, others: list[LearnedScheme], pictures: np.ndarray, frames: int
) -> list[dict[str, object]]:
    """Rows of every way, the scheme's own choice ("auto") and the other schemes, in comparison to parted users.

    scheme: of a codec that takes any way, opened with "@auto"; pictures: uint8 [n, H, W, 3] of one size, dealt out.
    """
    found: dict[str, Measured] = {}
    for number in range(frames):
        frame = _frame(point, scheme, pictures, number)
        predictions = scheme.predictions(frame, point.snr_db)
        known: dict[Sharing, np.ndarray] = {}
        ways = {one.sharing.form: one for one in predictions if one.sharing.groups is None}
        grouped = [one for one in predictions if one.sharing.groups is not None]
        if grouped:
            ways[GROUPS] = best_of(grouped)
        ways[AUTO] = best_of(predictions)
        for way, one in ways.items():
            if one.sharing not in known:
                known[one.sharing] = _psnr(scheme.send_as(frame, point.snr_db, one.sharing), frame)
            found.setdefault(way, Measured()).note(known[one.sharing], one.mean_db, one.sharing.form)
        for other in others:
            if other.users >= point.users:
                psnr = _psnr(other.send_float(frame, point.snr_db), frame)
                found.setdefault(other.name, Measured()).note(psnr, float("nan"), "")
    return _rows(point, found, len(pictures), frames)


def _frame(point: MapPoint, scheme: LearnedScheme, pictures: np.ndarray, number: int) -> Frame:
    users = point.users
    chosen = pictures[(number * users + np.arange(users)) % len(pictures)]
    gains = draw_channel(
        point.channel, point.antennas, users, (point.seed, users, number), point.delay_spread_s, point.bandwidth_hz
    )
    k = scheme.natural_uses(*chosen.shape[1:3])
    spread = spread_over(gains, k, (point.seed, users, number, 1))
    noise_seed = int(np.random.SeedSequence([point.seed, users, number, 2]).generate_state(1, np.uint64)[0] >> 2)
    return Frame(chosen, users, torch.from_numpy(spread.astype(np.complex64)), noise_seed)


def _psnr(decoded: np.ndarray, frame: Frame) -> np.ndarray:
    return psnr_db(frame.pictures, np.rint(decoded.transpose(0, 2, 3, 1) * 255).astype(np.uint8))


def _rows(point: MapPoint, found: dict[str, Measured], pictures: int, frames: int) -> list[dict[str, object]]:
    spreads = (point.delay_spread_s, point.bandwidth_hz)
    draws = [
        draw_channel(point.channel, point.antennas, point.users, (point.seed, point.users, number), *spreads)
        for number in range(CAPACITY_DRAWS)
    ]
    capacity = rates(np.stack(draws), point.snr_db)
    fixed = {way: float(np.mean(one.mean_db)) for way, one in found.items() if _is_fixed(way)}
    reference = np.array(found["parted" if "parted" in found else next(iter(found))].mean_db)
    rows: list[dict[str, object]] = []
    for way, one in found.items():
        mean, gain = interval(one.mean_db), interval(np.array(one.mean_db) - reference)
        assert mean is not None and gain is not None
        rows.append(
            {
                "channel": point.channel,
                "users": point.users,
                "antennas": point.antennas,
                "snr_db": point.snr_db,
                "way": way,
                "psnr_db": round(mean.mean, 3),
                "psnr_ci95_db": _rounded(mean.half),
                "worst_user_db": round(float(np.mean(one.worst_db)), 3),
                "gain_db": round(gain.mean, 3),
                "gain_ci95_db": _rounded(gain.half),
                "below_best_fixed_db": round(max(fixed.values()) - mean.mean, 3),
                "predicted_db": _rounded(float(np.mean(one.predicted_db))),
                "chosen": _counted(one.forms) if way == AUTO else "",
                "rate_parted": round(capacity.parted, 4),
                "rate_superposed": round(capacity.superposed, 4),
                "rate_grouped": round(capacity.grouped, 4),
                "rate_joint": round(capacity.joint, 4),
                "pictures": pictures,
                "frames": frames,
                "seed": point.seed,
            }
        )
    return rows


def _is_fixed(way: str) -> bool:
    """Ways that are the same in every frame; not other codecs, either."""
    return way in ("parted", "superposed") or way.replace(".", "").isdecimal()


def _counted(forms: list[str]) -> str:
    named = ["groups" if "/" in form else form for form in forms]
    return " ".join(f"{form}:{named.count(form)}" for form in sorted(set(named)))


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(value, 3)
