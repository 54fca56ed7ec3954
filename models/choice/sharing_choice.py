"""Which way of sharing promises the best pictures: SINRs after separation, through the codec's rate-quality curve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.choice.rate_quality import RateQuality
from models.package.manifest import CodecManifest
from models.separation import lmmse, sinr_by_channel
from models.sharing import Sharing, summaries, summarised

OVERLAPS = (0.0, 0.25, 0.5, 0.75, 1.0)
Objective = Literal["mean", "worst"]  # of the users' PSNR: what is made as great as possible


@dataclass(frozen=True)
class Prediction:
    """What one way of sharing promises. psnr_db, sinr_db, spread_db: float [users]; the SINR after separation."""

    sharing: Sharing
    psnr_db: NDArray[np.float64]
    sinr_db: NDArray[np.float32]
    spread_db: NDArray[np.float32]

    @property
    def mean_db(self) -> float:
        """Mean PSNR over the users."""
        return float(np.mean(self.psnr_db))

    @property
    def worst_db(self) -> float:
        """PSNR of the worst user."""
        return float(np.min(self.psnr_db))


@dataclass(frozen=True)
class SharingChooser:
    """curve: the codec's; all_channels: complex channels that it has; channels: of a payload; users: on the air."""

    curve: RateQuality
    all_channels: int
    channels: int | None
    users: int
    objective: Objective = "mean"

    @classmethod
    def of(
        cls, manifest: CodecManifest, users: int, channels: int | None = None, objective: Objective = "mean"
    ) -> SharingChooser:
        """For a codec. ModelError when its manifest has no rate-quality table."""
        return cls(RateQuality.of(manifest), manifest.latent_channels // 2, channels, users, objective)

    def predict(self, sharing: Sharing, gains: NDArray[np.complexfloating], noise_power: float) -> Prediction:
        """gains: complex [users, antennas, n], of symbols of unit power; noise_power: of an antenna."""
        powers = sharing.powers(self.users, self.all_channels)
        by_channel = sinr_by_channel(gains, powers, noise_power)
        own = [sharing.own_channels(user, self.users, self.all_channels) for user in range(self.users)]
        sent = [found[channels] for found, channels in zip(by_channel, own, strict=True)]
        sinr_db, spread_db = summaries([one.ravel() for one in sent])
        psnr_db = [self.curve.layered_db(_layers(one)) for one in sent]
        return Prediction(sharing, np.array(psnr_db), sinr_db, spread_db)

    def candidates(self, gains: NDArray[np.complexfloating], noise_power: float) -> list[Sharing]:
        """Parted, superposed and between; for three users or more also in groups of as many as there are antennas."""
        count = self.channels or self.all_channels
        ways = [Sharing(overlap, self.channels) for overlap in OVERLAPS]
        if self.users == 1 or count < self.users:
            ways = [Sharing(1.0, self.channels)]
        fewest = -(-self.users // gains.shape[1])  # groups, with no more users in one than the antennas can separate
        for number in range(max(fewest, 2), min(self.users, count + 1)):
            ways.append(Sharing(0.0, self.channels, self.grouped(gains, noise_power, number)))
        return ways

    def predictions(self, gains: NDArray[np.complexfloating], noise_power: float) -> list[Prediction]:
        """Of all `candidates`."""
        return [self.predict(sharing, gains, noise_power) for sharing in self.candidates(gains, noise_power)]

    def best(self, gains: NDArray[np.complexfloating], noise_power: float) -> Prediction:
        """The one with the greatest worth."""
        return best_of(self.predictions(gains, noise_power), self.objective)

    def grouped(self, gains: NDArray[np.complexfloating], noise_power: float, number: int) -> tuple[int, ...]:
        """The users' groups, ``number`` of even size (or one apart), of the greatest worth of all there are."""
        shares = (self.channels or self.all_channels) / number

        @cache
        def value(members: tuple[int, ...]) -> float:
            _, sinr = lmmse(gains[list(members)], np.full(len(members), float(number)), noise_power)
            psnr_db = [self.curve.predicted_db(shares, summarised(one)[0]) for one in sinr]
            return min(psnr_db) if self.objective == "worst" else sum(psnr_db)

        together = min if self.objective == "worst" else sum
        chosen = max(groupings(self.users, number), key=lambda groups: together([value(members) for members in groups]))
        place = {user: group for group, members in enumerate(sorted(chosen)) for user in members}
        return tuple(place[user] for user in range(self.users))


def best_of(predictions: Sequence[Prediction], objective: Objective = "mean") -> Prediction:
    """The one with the greatest worth."""
    return max(predictions, key=lambda one: worth_db(one.psnr_db, objective))


def worth_db(psnr_db: NDArray[np.float64], objective: Objective) -> float:
    """What the users' PSNR float [users] is worth: its mean, or that of the worst user."""
    return float(np.min(psnr_db) if objective == "worst" else np.mean(psnr_db))


def _layers(sinr: NDArray[np.float64]) -> list[tuple[int, float]]:
    """Linear SINRs [m, n] of a user's channels in the order of its code -> runs of channels alike, and their SINR."""
    edges = [0, *(np.flatnonzero((sinr[1:] != sinr[:-1]).any(axis=1)) + 1), len(sinr)]
    return [(end - start, summarised(sinr[start])[0]) for start, end in pairwise(edges)]


@cache
def groupings(users: int, number: int) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Every way to put ``users`` into ``number`` groups of even size (or one apart): groups of ascending users."""
    least, larger = divmod(users, number)

    def ways(left: tuple[int, ...], small: int, large: int) -> Iterator[tuple[tuple[int, ...], ...]]:
        if not left:
            yield ()
            return
        for size, room in ((least, small), (least + 1, large)):
            for rest in combinations(left[1:], size - 1) if room else ():
                members = (left[0], *rest)
                others = tuple(user for user in left if user not in members)
                after = ways(others, small - (size == least), large - (size > least))
                yield from ((members, *more) for more in after)

    return tuple(ways(tuple(range(users)), number - larger, larger))
