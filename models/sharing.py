"""How users share the channel uses of a frame, for codecs that take any number of symbols. numpy only.

A payload has C complex channels at every latent position. Parted, user i of N has channels i, i + N, i + 2N, ... for
itself and is silent on the rest; superposed, every user fills all of them. The symbols of a user have unit mean power
over the whole payload, so a user with a part of the channels is that much louder on them and the received power is the
same either way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.side_information import SideInformation

SharingForm = Literal["parted", "superposed"]
FORMS: tuple[SharingForm, ...] = ("parted", "superposed")
LEAST_ERROR, MOST_ERROR = 1e-6, 1 - 1e-4  # of an LMMSE estimate: SINR of 60 and of -40 dB
LEAST_SYMBOL_SINR = 0.1  # for the spread, to which a lost symbol must not be infinitely far


@dataclass(frozen=True)
class Sharing:
    """form: of the sharing. channels: complex channels C of the payload, None for all that the codec
    has.

    ModelError on an unknown form or less than one channel.
    """

    form: SharingForm = "parted"
    channels: int | None = None

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ModelError(f"users share as {' or '.join(FORMS)}, but {self.form!r} was asked for.")
        if self.channels is not None and self.channels < 1:
            raise ModelError(f"a payload needs at least 1 complex channel, but has {self.channels}.")

    @classmethod
    def named(cls, text: str) -> Sharing:
        """FORM or FORM:CHANNELS, as in "superposed:16"; ModelError when it is neither."""
        form, colon, channels = text.partition(":")
        if colon and not channels.isdecimal():
            raise ModelError(f"the number of channels after ':' must be a whole number, but is {channels!r}.")
        return cls(cast(SharingForm, form), int(channels) if colon else None)

    def payload_channels(self, all_channels: int) -> int:
        """C for a codec of ``all_channels`` complex channels; ModelError when it has fewer than are asked for."""
        if self.channels is not None and self.channels > all_channels:
            raise ModelError(f"the codec has {all_channels} complex channels, but {self.channels} are asked for.")
        return self.channels or all_channels

    def own_channels(self, user: int, users: int, all_channels: int) -> NDArray[np.int64]:
        """Payload channels that user ``user`` of ``users`` fills, int64 [m]; ModelError when none is left for it."""
        count = self.payload_channels(all_channels)
        if not 0 <= user < users:
            raise ModelError(f"user {user} is not among the {users} users (0 to {users - 1}).")
        own = np.arange(count) if self.form == "superposed" else np.arange(user, count, users)
        if own.size == 0:
            raise ModelError(f"{count} complex channels cannot be parted among {users} users.")
        return own

    def informed(self, side: SideInformation, all_channels: int) -> SideInformation:
        """``side`` with every user's share of the codec's channels, and its SINR where the receiver measured none.

        The SINR that is not measured is that of one receive antenna: a user's power on its channels over the noise and
        the power of the others there, as the one SINR that has the same mean LMMSE error; its spread is the standard
        deviation in dB over the channels.
        """
        owned = [self.own_channels(user, side.users, all_channels) for user in range(side.users)]
        shares = np.array([own.size / all_channels for own in owned], np.float32)
        if side.sinr_db is not None:
            return replace(side, shares=shares)
        count = self.payload_channels(all_channels)
        power = np.zeros((side.users, count))
        for user, own in enumerate(owned):
            power[user, own] = float(side.gains[user]) ** 2 / side.users * count / own.size
        noise = 10 ** (-side.snr_db / 10)
        sinr_db, spread_db = np.zeros(side.users, np.float32), np.zeros(side.users, np.float32)
        for user, own in enumerate(owned):
            others = power[:, own].sum(axis=0) - power[user, own]
            sinr_db[user], spread_db[user] = summarised(power[user, own] / (others + noise))
        return replace(side, shares=shares, sinr_db=sinr_db, sinr_spread_db=spread_db)


def summarised(sinr: NDArray[np.float64]) -> tuple[float, float]:
    """Linear SINRs [n] of symbols -> (effective SINR in dB, standard deviation in dB, each taken as -10 dB or more).

    Effective is the SINR with the same mean LMMSE error: mean(1 / (1 + sinr_i)) = 1 / (1 + sinr).
    """
    error = float(np.clip(np.mean(1 / (1 + sinr)), LEAST_ERROR, MOST_ERROR))
    return float(10 * np.log10(1 / error - 1)), float(np.std(10 * np.log10(np.maximum(sinr, LEAST_SYMBOL_SINR))))


def place(symbols: NDArray[np.complex64], own: NDArray[np.int64], channels: int) -> NDArray[np.complex64]:
    """Symbols complex [m, sites] on a user's channels -> the payload complex64 [channels * sites], of unit power."""
    payload = np.zeros((channels, symbols.shape[1]), np.complex128)
    payload[own] = symbols
    power = float(np.mean(np.abs(payload) ** 2))
    if not np.isfinite(power) or power <= 0:
        raise ModelError(f"the encoder gave symbols of mean power {power}, which cannot be scaled to 1.")
    return (payload / np.sqrt(power)).astype(np.complex64).ravel()


def pick(payload: NDArray[np.complex64], own: NDArray[np.int64], channels: int) -> NDArray[np.complex64]:
    """The inverse: the symbols complex64 [m, sites] of a user's channels, scaled to unit mean power (zeros stay)."""
    symbols = payload.reshape(channels, -1)[own]
    power = float(np.mean(np.abs(symbols) ** 2, dtype=np.float64))
    return (symbols / np.sqrt(max(power, 1e-30))).astype(np.complex64)
