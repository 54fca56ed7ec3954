"""How users share the channel uses of a frame, for codecs that take any number of symbols. numpy only.

A payload has C complex channels at every latent position (in which order on the air: models/layout.py). Parted, user i
of N has channels i, i + N, i + 2N, ... for itself and is silent on the rest; superposed, every user fills all of them.
Between the two, all users fill a share of the channels and part the rest; and many users may be superposed in groups
that are parted. The symbols of a user have unit mean power over the whole payload, so a user with a part of the
channels is that much louder on them and the received power is the same either way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.layout import gathered, laid_out
from models.side_information import SideInformation

LEAST_ERROR, MOST_ERROR = 1e-6, 1 - 1e-4  # of an LMMSE estimate: SINR of 60 and of -40 dB
LEAST_SYMBOL_SINR = 0.1  # for the spread, to which a lost symbol must not be infinitely far
DISORDER_SEED = 0xD150
QUARTERS = np.array([1, 1j, -1, -1j], np.complex64)
AUTO = "auto"  # the best way is chosen frame by frame; see sharing_choice
FORMS = {"parted": 0.0, "superposed": 1.0}
NAMES = "parted, superposed, a number from 0 to 1, or groups of users as in 02/13"


@dataclass(frozen=True)
class Sharing:
    """overlap: share of the payload's channels that every user fills, 0 is parted and 1 superposed. channels: complex
    channels C of the payload, None for all that the codec has. groups: number of every user's group; the users of a
    group share the channels that the others part; None: every user is a group of its own.

    ModelError on an overlap outside 0 to 1, less than one channel, or groups that are not numbered from 0.
    """

    overlap: float = 0.0
    channels: int | None = None
    groups: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.overlap <= 1:
            raise ModelError(
                f"users overlap on a share of the channels from 0 to 1, but {self.overlap:g} is asked for."
            )
        if self.channels is not None and self.channels < 1:
            raise ModelError(f"a payload needs at least 1 complex channel, but has {self.channels}.")
        if self.groups is not None and set(self.groups) != set(range(max(self.groups, default=-1) + 1)):
            raise ModelError(f"groups of users are numbered from 0 without gaps, but are {list(self.groups)}.")

    @classmethod
    def named(cls, text: str) -> Sharing:
        """FORM or FORM:CHANNELS, as in "superposed:16"; FORM is one of `NAMES`. ModelError when it is neither."""
        form, colon, channels = text.partition(":")
        if colon and not channels.isdecimal():
            raise ModelError(f"the number of channels after ':' must be a whole number, but is {channels!r}.")
        count = int(channels) if colon else None
        if form in FORMS:
            return cls(FORMS[form], count)
        if "/" in form:
            return cls(0.0, count, _groups(form))
        try:
            return cls(float(form), count)
        except ValueError:
            raise ModelError(f"users share as {NAMES}, but {form!r} was asked for.") from None

    @property
    def form(self) -> str:
        """What `named` makes this way of sharing of, without the channels."""
        if self.groups is not None and self.overlap == 0:
            numbers = range(max(self.groups) + 1)
            return "/".join("".join(str(u) for u, g in enumerate(self.groups) if g == number) for number in numbers)
        return next((name for name, overlap in FORMS.items() if overlap == self.overlap), f"{self.overlap:g}")

    def payload_channels(self, all_channels: int) -> int:
        """C for a codec of ``all_channels`` complex channels; ModelError when it has fewer than are asked for."""
        if self.channels is not None and self.channels > all_channels:
            raise ModelError(f"the codec has {all_channels} complex channels, but {self.channels} are asked for.")
        return self.channels or all_channels

    def own_channels(self, user: int, users: int, all_channels: int) -> NDArray[np.int64]:
        """Payload channels that user ``user`` of ``users`` fills, int64 [m], those of its group alone first: a codec's
        first channels matter most. ModelError when none is left for it.
        """
        count = self.payload_channels(all_channels)
        if not 0 <= user < users:
            raise ModelError(f"user {user} is not among the {users} users (0 to {users - 1}).")
        if self.groups is not None and len(self.groups) != users:
            raise ModelError(f"the groups {self.form} are of {len(self.groups)} users, but there are {users}.")
        common = round(self.overlap * count)
        group, groups = (user, users) if self.groups is None else (self.groups[user], max(self.groups) + 1)
        own = np.concatenate([np.arange(common + group, count, groups), np.arange(common)])
        if own.size == 0:
            raise ModelError(f"{count} complex channels cannot be parted among {groups} users.")
        return own

    def powers(self, users: int, all_channels: int) -> NDArray[np.float64]:
        """Power of every user's symbols on every payload channel, float64 [users, C], mean 1 over the channels."""
        count = self.payload_channels(all_channels)
        powers = np.zeros((users, count))
        for user in range(users):
            own = self.own_channels(user, users, all_channels)
            powers[user, own] = count / own.size
        return powers

    def place(self, symbols: NDArray[np.complex64], user: int, users: int, all_channels: int) -> NDArray[np.complex64]:
        """Symbols complex [m, sites] of a user's channels -> the payload complex64 [C * sites], of unit mean power.

        On channels that it shares, a user's symbols stand in an order of its own and are turned by quarters: what the
        same networks make of another picture is no noise otherwise, since strong symbols would meet strong ones
        (interleave-division multiple access; Ping et al., IEEE Trans. Wireless Commun. 5(4), 2006).
        """
        own, met = self._met(user, users, all_channels)
        payload = np.zeros((self.payload_channels(all_channels), symbols.shape[1]), np.complex128)
        payload[own] = symbols
        order, turns = disorder(user, int(met.sum()) * symbols.shape[1])
        payload[own[met]] = (symbols[met].ravel()[order] * turns).reshape(-1, symbols.shape[1])
        power = float(np.mean(np.abs(payload) ** 2))
        if not np.isfinite(power) or power <= 0:
            raise ModelError(f"the encoder gave symbols of mean power {power}, which cannot be scaled to 1.")
        return laid_out((payload / np.sqrt(power)).astype(np.complex64))

    def pick(self, payload: NDArray[np.complex64], user: int, users: int, all_channels: int) -> NDArray[np.complex64]:
        """The inverse: the symbols complex64 [m, sites] of a user's channels, of unit mean power (zeros stay)."""
        own, met = self._met(user, users, all_channels)
        symbols = gathered(payload, self.payload_channels(all_channels))[own]
        order, turns = disorder(user, int(met.sum()) * symbols.shape[1])
        ordered = np.empty(order.size, np.complex64)
        ordered[order] = symbols[met].ravel() * turns.conj()
        symbols[met] = ordered.reshape(-1, symbols.shape[1])
        power = float(np.mean(np.abs(symbols) ** 2, dtype=np.float64))
        return (symbols / np.sqrt(max(power, 1e-30))).astype(np.complex64)

    def _met(self, user: int, users: int, all_channels: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """A user's channels [m], and on which of them [m] others are heard too."""
        own = self.own_channels(user, users, all_channels)
        return own, (self.powers(users, all_channels)[:, own] > 0).sum(axis=0) > 1

    def informed(self, side: SideInformation, all_channels: int) -> SideInformation:
        """``side`` with every user's share of the codec's channels, and its SINR where the receiver measured none.

        The SINR that is not measured is that of one receive antenna: a user's power on its channels over the noise and
        the power of the others there, as the one SINR that has the same mean LMMSE error; its spread is the standard
        deviation in dB over the channels.
        """
        powers = self.powers(side.users, all_channels)
        shares = ((powers > 0).sum(axis=1) / all_channels).astype(np.float32)
        if side.sinr_db is not None:
            return replace(side, shares=shares)
        received = powers * (side.gains[:, None].astype(np.float64) ** 2 / side.users)
        others = received.sum(axis=0) - received
        sinr = received / (others + 10 ** (-side.snr_db / 10))
        sinr_db, spread_db = summaries([row[power > 0] for row, power in zip(sinr, powers, strict=True)])
        return replace(side, shares=shares, sinr_db=sinr_db, sinr_spread_db=spread_db)


def _groups(text: str) -> tuple[int, ...]:
    parts = text.split("/")
    users = "".join(parts)
    if not all(parts) or sorted(users) != [str(user) for user in range(len(users))]:
        raise ModelError(f"groups name every user once, as in 02/13, but are {text!r}.")
    return tuple(next(number for number, part in enumerate(parts) if user in part) for user in sorted(users))


def summarised(sinr: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> tuple[float, float]:
    """Linear SINRs [n] of symbols -> (effective SINR in dB, standard deviation in dB, each taken as -10 dB or more).

    Effective is the SINR with the same mean LMMSE error: mean(1 / (1 + sinr_i)) = 1 / (1 + sinr). weights: [n], how
    often each occurs.
    """
    error = float(np.clip(np.average(1 / (1 + sinr), weights=weights), LEAST_ERROR, MOST_ERROR))
    decibels = 10 * np.log10(np.maximum(sinr, LEAST_SYMBOL_SINR))
    variance = np.average(np.square(decibels - np.average(decibels, weights=weights)), weights=weights)
    return float(10 * np.log10(1 / error - 1)), float(np.sqrt(variance))


def summaries(sinr: list[NDArray[np.float64]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`summarised` of every user's symbols: SINR and spread in dB, float32 [users] each."""
    both = np.array([summarised(one) for one in sinr], np.float32).reshape(-1, 2)
    return both[:, 0], both[:, 1]


@lru_cache(maxsize=32)
def disorder(user: int, size: int) -> tuple[NDArray[np.int64], NDArray[np.complex64]]:
    """An order int [size] and turns complex64 [size] by quarters that are the user's own."""
    rng = np.random.Generator(np.random.PCG64([DISORDER_SEED, user]))
    order, turns = rng.permutation(size), QUARTERS[rng.integers(0, 4, size)]
    order.setflags(write=False)
    turns.setflags(write=False)
    return order, turns
