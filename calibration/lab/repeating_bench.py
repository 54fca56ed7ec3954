"""A bench of radios that repeat a buffer, without a common clock: periods are rotated until users arrive together.

All contents have one period, so that a transmitter's phase outlasts its content: a stream of zeros is silence that
keeps the phase. Gains are set in the samples, because configuring a radio would end its repetition.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from calibration.errors import CalibrationError
from calibration.lab.bench import MARGIN_SAMPLES, Bench
from calibration.loops.alignment import TransmitCommand
from calibration.loops.frequency import precorrect
from calibration.loops.timing import rotate
from radio.device import Radio, RadioSettings
from radio.samples import EventKind, Samples
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.frame import ReceivedFrame

GAIN_RANGE_DB = 30.0  # of the samples: what a 12-bit converter has left at its lower end
ATTEMPTS = 4  # to receive an unbroken stream
PERIODS_RECEIVED = 3  # wherever a burst begins, one of its repetitions is whole


class RepeatingBench(Bench):
    """`Bench` for radios with repeat_transmit. longest_symbols: of the probes that will be sent."""

    settle_frames = 12  # at most; until all loops are locked
    probe_bursts = 4
    keeps_delays = False  # a phase is lost with the stream that it belongs to

    def __init__(
        self,
        config: WaveformConfig,
        receiver: Radio,
        transmitters: Sequence[Radio],
        settings: RadioSettings,
        tx_amplitude: float,
        settle_s: float,
        longest_symbols: int,
    ) -> None:
        """settle_s: what lies in the radios' buffers, in time, when contents change."""
        super().__init__(config, receiver, transmitters, settings, tx_amplitude)
        self._settle_samples = int(np.ceil(settle_s * config.sample_rate_hz))
        self._period = self.probe(0, longest_symbols).size + 2 * MARGIN_SAMPLES
        self._last_s: float | None = None
        self._on_air: frozenset[int] = frozenset()
        self._between_s = 2 * settle_s

    @property
    def next_s(self) -> float:
        """About when the next frame will be received, for loops that have to turn ahead of a drift."""
        return self.time_s + self._between_s

    def gain_range_db(self, highest_gain_db: float) -> tuple[float, float]:
        return -GAIN_RANGE_DB, 0.0

    def send(
        self, bursts: Mapping[int, np.ndarray], commands: Mapping[int, TransmitCommand]
    ) -> tuple[Samples, int, dict[int, np.ndarray]]:
        """The period that begins at the tick in the middle of what is received is the one to arrive in."""
        sent: dict[int, np.ndarray] = {}
        self._on_air = frozenset(bursts)
        for user, radio in enumerate(self._transmitters):
            period = np.zeros(self._period, np.complex64)
            if user in bursts:
                sent[user] = self._prepared(user, bursts[user], commands[user])
                period[MARGIN_SAMPLES : MARGIN_SAMPLES + sent[user].size] = sent[user]
                period = rotate(period, commands[user].advance_ticks)
            radio.transmit(Samples(period[np.newaxis], 0, self.config.sample_rate_hz))
        samples, start = self._whole_periods()
        began_s, before_s = samples.start_tick / self.config.sample_rate_hz, self._last_s
        if before_s is not None:
            self._between_s = began_s - before_s
        self._last_s = began_s
        return samples, start + self._period + MARGIN_SAMPLES, sent

    def _whole_periods(self) -> tuple[Samples, int]:
        """Samples from a whole multiple of the period on; again where the stream broke in the middle of them."""
        for attempt in range(ATTEMPTS):
            self._receiver.events()
            start = -(-self._start() // self._period) * self._period
            samples = self._receive(start, PERIODS_RECEIVED * self._period)
            broke = any(event.kind is EventKind.OVERFLOW for event in self._receiver.events())
            if samples.start_tick == start and (not broke or attempt == ATTEMPTS - 1):
                return samples, start
        raise CalibrationError(f"{self._receiver.uri} loses samples all the time; lower sample_rate_hz.")

    def receive_frame(self, samples: Samples, expected: int) -> ReceivedFrame | None:
        """Near where bursts should be; where one is missing, anywhere in a period."""
        near = _read(self._waveform.receive(samples, expected))
        if _heard(near) >= len(self._on_air):
            return near
        anywhere = _read(self._waveform.receive(samples, expected, search_samples=self._period // 2))
        return anywhere if _heard(anywhere) > _heard(near) else near

    def _prepared(self, user: int, burst: np.ndarray, command: TransmitCommand) -> np.ndarray:
        if burst.size > self._period - 2 * MARGIN_SAMPLES:
            raise CalibrationError(f"A burst of {burst.size} samples does not fit the period of {self._period}.")
        data = precorrect(burst, command.correction_hz, self.config.sample_rate_hz)
        data = data * np.float32(10 ** (min(command.gain_db, 0.0) / 20))
        return self._limited(user, data)

    def _check(self, radio: Radio, transmits: bool) -> None:
        if transmits and not radio.capabilities.repeat_transmit:
            raise CalibrationError(f"{radio.uri} neither times its bursts nor repeats them; this needs one of both.")

    def _start(self) -> int:
        return max(self._next_tick, self._receiver.now_tick() + self._settle_samples)


def _read(frame: ReceivedFrame | None) -> ReceivedFrame | None:
    """Only users whose header was read: what reaches into a search's edge from a burst beyond it is found there too."""
    if frame is None:
        return None
    users = tuple(user if user.header_read else replace(user, detected=False) for user in frame.users)
    return replace(frame, users=users)


def _heard(frame: ReceivedFrame | None) -> int:
    return sum(user.detected for user in frame.users) if frame is not None else 0


def keeps_own_time(receiver: Radio, transmitters: Sequence[Radio]) -> bool:
    """Whether these radios have no clock in common, so that their users can only meet by repeating."""
    return not all(r.capabilities.timed_transmit and r.capabilities.shared_clock for r in (receiver, *transmitters))
