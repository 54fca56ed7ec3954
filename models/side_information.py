"""Side information of a codec: the SNR and every user's gain and phase."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import ModelError

SNR_SCALE_DB = 20.0
SPREAD_SCALE_DB = 10.0


@dataclass(frozen=True)
class SideInformation:
    """Channel knowledge shared by all users of one frame.

    snr_db: total received power of all users per channel use over the noise power, in dB, for
    unit-mean-square gains. gains: float32 [users], linear amplitudes |h_j|, mean square 1 on average over
    fading; 0 for a silent user. phases_rad: float32 [users], arg h_j. Raises ModelError when the shapes
    differ, there is no user, or a value is not finite or a gain is negative.
    sinr_db, sinr_spread_db: float32 [users], of the symbols after the receiver's separation, and its standard deviation
    over them; None where it was not measured. shares: float32 [users], of a codec's channels that a user fills.
    sinr_floor_db: float32 [users], what the SINR is not expected to fall below by the time of the burst; None where
    what was measured holds then.
    """

    snr_db: float
    gains: NDArray[np.float32]
    phases_rad: NDArray[np.float32]
    sinr_db: NDArray[np.float32] | None = None
    sinr_spread_db: NDArray[np.float32] | None = None
    shares: NDArray[np.float32] | None = None
    sinr_floor_db: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        gains = _float32_row("gains", self.gains)
        phases = _float32_row("phases_rad", self.phases_rad)
        if gains.size == 0 or gains.shape != phases.shape:
            raise ModelError(
                f"side information needs one gain and one phase per user, but has {gains.size} gains and "
                f"{phases.size} phases."
            )
        if not np.isfinite(self.snr_db):
            raise ModelError(f"side information needs a finite snr_db, but it is {self.snr_db}.")
        if not np.isfinite(gains).all() or not np.isfinite(phases).all() or (gains < 0).any():
            raise ModelError(
                f"gains must be finite and not negative and phases finite, but gains are {gains.tolist()}."
            )
        object.__setattr__(self, "snr_db", float(self.snr_db))
        object.__setattr__(self, "gains", gains)
        object.__setattr__(self, "phases_rad", phases)

    @classmethod
    def default(cls, users: int) -> SideInformation:
        """What a transmitter assumes before the first report: 10 dB, unit gains, zero phases."""
        return cls(10.0, np.ones(users, np.float32), np.zeros(users, np.float32))

    def heard_db(self, user: int) -> float:
        """A user's SINR after the receiver's separation, or the SNR of all where it was not measured."""
        return self.snr_db if self.sinr_db is None else float(self.sinr_db[user])

    def separated(self, sinr_db: NDArray[np.float32], spread_db: NDArray[np.float32]) -> SideInformation:
        """The same with SINRs after separation and their spread in dB, float32 [users] each."""
        return replace(self, sinr_db=sinr_db, sinr_spread_db=spread_db)

    def without_floor(self) -> SideInformation:
        """The same of a channel that may fall to anything."""
        return replace(self, sinr_floor_db=np.full(self.users, -np.inf, np.float32))

    @property
    def users(self) -> int:
        return int(self.gains.size)

    def vector(self, user: int, fields: Sequence[str]) -> NDArray[np.float32]:
        """The float32 [len(fields)] that networks read, for ``user``; ModelError on an unknown field or
        user.
        """
        if not 0 <= user < self.users:
            raise ModelError(f"user {user} is not among the {self.users} users (0 to {self.users - 1}).")
        unknown = [name for name in fields if name not in FIELDS]
        if unknown:
            raise ModelError(f"side information has no field {unknown[0]!r}; known fields are {', '.join(FIELDS)}.")
        return np.array([FIELDS[name](self, user) for name in fields], dtype=np.float32)


def _float32_row(name: str, values: ArrayLike) -> NDArray[np.float32]:
    row = np.asarray(values, dtype=np.float32)
    if row.ndim != 1:
        raise ModelError(f"{name} must have the shape [users], but has the shape {list(row.shape)}.")
    return row


def _other_gain_rss(side: SideInformation, user: int) -> float:
    """Root of the summed squares of the other users' gains: the amplitude of the interference."""
    squares = np.square(side.gains, dtype=np.float64)
    return float(np.sqrt(max(squares.sum() - squares[user], 0.0)))


def _informed(name: str) -> Callable[[SideInformation, int], float]:
    def value(side: SideInformation, user: int) -> float:
        row = getattr(side, name)
        if row is None:
            raise ModelError(f"side information has no {name}: a codec's sharing or the receiver has to give it.")
        return float(row[user])

    return value


# Every field that a manifest may name. A new field is one line here and is then available to every codec.
FIELDS: dict[str, Callable[[SideInformation, int], float]] = {
    "snr_db": lambda side, user: side.snr_db,
    "snr_db_over_20": lambda side, user: side.snr_db / SNR_SCALE_DB,
    "own_gain": lambda side, user: float(side.gains[user]),
    "other_gain_rss": _other_gain_rss,
    "own_phase_cos": lambda side, user: float(np.cos(side.phases_rad[user])),
    "own_phase_sin": lambda side, user: float(np.sin(side.phases_rad[user])),
    "sinr_db": _informed("sinr_db"),
    "sinr_db_over_20": lambda side, user: _informed("sinr_db")(side, user) / SNR_SCALE_DB,
    "sinr_spread_db_over_10": lambda side, user: _informed("sinr_spread_db")(side, user) / SPREAD_SCALE_DB,
    "share": _informed("shares"),
}
