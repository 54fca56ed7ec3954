"""All users' loops over one series of received frames: frames in, transmit commands out.

While a user is not aligned within the cyclic prefix its burst reaches into the slots of others, so a frame may be given
to one user alone: `next_users` says who should transmit next.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from calibration.loops.frequency import FrequencyLoop
from calibration.loops.power import PowerLoop, balance
from calibration.loops.timing import TimingLoop
from calibration.loops.tracker import LoopState
from calibration.measure.users import UserMeasurement, measure_user
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.frame import ReceivedFrame


@dataclass(frozen=True)
class TransmitCommand:
    """What one transmitter does to its next burst. fraction_samples: of the advance, what whole ticks leave."""

    correction_hz: float = 0.0
    advance_ticks: int = 0
    fraction_samples: float = 0.0
    gain_db: float = 0.0


@dataclass(frozen=True)
class UserState:
    frequency: LoopState
    timing: LoopState
    power: LoopState

    @property
    def locked(self) -> bool:
        return all(state is LoopState.LOCKED for state in (self.frequency, self.timing, self.power))


class Alignment:
    """wanted_db: received power wanted of each user, dB; only differences count. Default: all equal."""

    def __init__(
        self,
        config: WaveformConfig,
        wanted_db: Mapping[int, float] | None = None,
        gain_range_db: tuple[float, float] = (-90.0, 0.0),
        clock_deviation_ppm: float = 0.0,
    ) -> None:
        self.config = config
        users = range(config.users)
        self.wanted_db = dict(wanted_db or dict.fromkeys(users, 0.0))
        self.frequency = [FrequencyLoop(config.center_frequency_hz, config.subcarrier_spacing_hz) for _ in users]
        self.timing = [TimingLoop(config.sample_rate_hz, config.cp_samples, clock_deviation_ppm) for _ in users]
        self.power = [PowerLoop(*gain_range_db) for _ in users]
        self.measured: dict[int, UserMeasurement] = {}
        self._turn = 0
        # Where nothing keeps the clocks together a stream that breaks is anywhere afterwards, as at the beginning.
        self._alone = (LoopState.SEARCHING, LoopState.HOLDING) if clock_deviation_ppm else (LoopState.SEARCHING,)

    def commands(self, at_s: float | None = None) -> dict[int, TransmitCommand]:
        """Per user, for the next frame; at_s: when that will be, where it is not soon."""
        if at_s is not None:
            for loop in (*self.frequency, *self.timing):
                loop.ahead(at_s)
        gains = balance(dict(enumerate(self.power)), self.wanted_db)
        return {
            user: TransmitCommand(
                self.frequency[user].command, self.timing[user].ticks, self.timing[user].fraction, gains[user]
            )
            for user in range(self.config.users)
        }

    def states(self) -> dict[int, UserState]:
        return {
            user: UserState(self.frequency[user].state, self.timing[user].state, self.power[user].state)
            for user in range(self.config.users)
        }

    def next_users(self) -> list[int]:
        """All users; while the timing of some is unknown, one of these alone, in turn."""
        unknown = [user for user in range(self.config.users) if self.timing[user].state in self._alone]
        if not unknown:
            return list(range(self.config.users))
        self._turn += 1
        others = [user for user in range(self.config.users) if user not in unknown]
        if others and self._turn % 2:  # those who are known are kept so
            return others
        return [unknown[(self._turn // (2 if others else 1)) % len(unknown)]]

    def take(
        self,
        frame: ReceivedFrame | None,
        expected_tick: int,
        sent: Mapping[int, TransmitCommand],
        measured_s: float,
        now_s: float,
    ) -> None:
        """One frame in which the users of `sent` transmitted under these commands. Absent users' loops hold."""
        seen = {user: measure_user(frame, user, expected_tick, self.config) if frame else None for user in sent}
        self.take_measured({user: one for user, one in seen.items() if one}, sent, measured_s, now_s)

    def take_measured(
        self,
        measured: Mapping[int, UserMeasurement],
        sent: Mapping[int, TransmitCommand],
        measured_s: float,
        now_s: float,
    ) -> None:
        """As `take`, with given measurements; users of `sent` that are missing were not detected."""
        self.measured = dict(measured)
        for user, command in sent.items():
            seen = measured.get(user)
            age_s = now_s - measured_s
            carrier, delay, gain = (seen.carrier_offset, seen.delay, seen.gain) if seen else (None, None, None)
            self.frequency[user].update(carrier, age_s, now_s, command.correction_hz)
            self.timing[user].update(delay, age_s, now_s, command.advance_ticks)
            self.power[user].update(gain, age_s, now_s, command.gain_db)
