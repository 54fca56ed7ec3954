"""Which frames go in one burst: the coordinator's plan.

A burst carries pictures of frames that follow one another, and every user's in it have one size. The plan follows from
the configuration and the transmitters' items alone: a run that is resumed has the same bursts in the same slots.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from hil.bus.messages import Hello
from hil.bus.parts import MOST_RUNS, ItemRun
from hil.config import RunConfig
from hil.session.bits_length import longest_bits
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.config import MOST_PICTURES

UNDECODED_BURSTS = 2  # of several pictures: how far the radio may run ahead of the decoder
UNDECODED_FRAMES = 8  # where bursts have one


@dataclass(frozen=True)
class Burst:
    """number: of all the run's bursts, from 0; frame: its first."""

    number: int
    frame: int
    pictures: int = 1

    @property
    def frames(self) -> range:
        return range(self.frame, self.frame + self.pictures)


class BurstPlan:
    """hellos: of the transmitters by user."""

    def __init__(self, config: RunConfig, hellos: Mapping[int, Hello]) -> None:
        self._config = config
        self._grid = ResourceGrid(config.waveform)
        self._bits = longest_bits(config.waveform)
        tell = len(hellos) == config.users and all(_tells(one) for one in hellos.values())
        self._users = [_Sizes(one.sizes) for one in hellos.values()] if tell and config.burst.pictures != 1 else []
        self._uses = sorted({run.channel_uses for user in self._users for run in user.runs})
        self._most = {uses: self._pictures_of(uses) for uses in self._uses}

    @property
    def most_pictures(self) -> int:
        """Of one user in any burst."""
        return max(self._most.values(), default=1)

    @property
    def undecoded_frames(self) -> int:
        """How many may wait for their decoding."""
        return UNDECODED_FRAMES if self.most_pictures == 1 else UNDECODED_BURSTS * self.most_pictures

    @property
    def longest_samples(self) -> int:
        """Samples of the longest burst with several pictures; 0 where there is none."""
        return max((self._length(uses, pictures) for uses, pictures in self._most.items()), default=0)

    def bursts(self, frames: Iterable[int] | None = None) -> Iterator[Burst]:
        """In their order, those of the whole run in which one of the frames is; all for None."""
        end, wanted = self._config.frames, None if frames is None else set(frames)
        if self.most_pictures == 1 and wanted is not None:
            yield from (Burst(frame, frame) for frame in sorted(wanted))
            return
        frame = number = 0
        while frame < end:
            burst = Burst(number, frame, min(self._room(frame), end - frame))
            if wanted is None or not wanted.isdisjoint(burst.frames):
                yield burst
            frame, number = frame + burst.pictures, number + 1

    def count(self) -> int:
        """How many bursts the whole run has."""
        if self.most_pictures == 1:
            return self._config.frames
        if all(len(user.runs) == 1 for user in self._users):
            return math.ceil(self._config.frames / self._room(0))
        return sum(1 for _ in self.bursts())

    def _room(self, frame: int) -> int:
        """How many pictures a burst may have that begins with this frame; the longest user's decide."""
        most = min((self._most[user.at(frame).channel_uses] for user in self._users), default=1)
        return max(1, min([most, *(user.alike(frame) for user in self._users)]))

    def _pictures_of(self, uses: int) -> int:
        """How many pictures of so many channel uses a burst may have."""
        burst = self._config.burst
        if burst.pictures != "auto":
            return burst.pictures
        most = next((n for n in range(1, MOST_PICTURES) if self._grid.overhead(n * uses) <= burst.overhead), None)
        return most or MOST_PICTURES

    def _length(self, uses: int, pictures: int) -> int:
        return self._grid.carrying(self._bits * pictures).burst_length(uses * pictures)


def _tells(hello: Hello) -> bool:
    """Whether a transmitter's items are known beforehand."""
    return bool(hello.sizes) and not hello.live and all(run.frames and run.channel_uses for run in hello.sizes)


class _Sizes:
    """One user's runs, again and again."""

    def __init__(self, runs: Sequence[ItemRun]) -> None:
        self.runs = runs
        self._ends = list(accumulate(run.frames for run in runs))

    def at(self, frame: int) -> ItemRun:
        return self.runs[bisect_right(self._ends, frame % self._ends[-1])]

    def alike(self, frame: int) -> int:
        """For how many frames from this one on the items have its size; at most MOST_PICTURES."""
        if len(self.runs) == 1:
            return MOST_PICTURES
        first, count = self.at(frame), 0
        while count < MOST_PICTURES:
            place = (frame + count) % self._ends[-1]
            run = self.runs[number := bisect_right(self._ends, place)]
            if (run.height, run.width) != (first.height, first.width):
                break
            count += self._ends[number] - place
        return count


def runs_of(items: Iterable[tuple[int, int, int]]) -> list[ItemRun]:
    """Height, width and channel uses of a user's items, frame by frame, as runs; none where there would be too many."""
    runs: list[ItemRun] = []
    for height, width, uses in items:
        if runs and (runs[-1].height, runs[-1].width) == (height, width):
            runs[-1] = ItemRun(runs[-1].frames + 1, height, width, uses)
        elif len(runs) == MOST_RUNS:
            return []
        else:
            runs.append(ItemRun(1, height, width, uses))
    return runs
