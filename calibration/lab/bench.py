"""Radios on a bench: one receiver, a transmitter per user, all counting the same ticks; frames under commands."""

from collections.abc import Mapping, Sequence

import numpy as np

from calibration.errors import CalibrationError
from calibration.loops.alignment import TransmitCommand
from calibration.loops.frequency import precorrect
from calibration.store.record import Calibration
from radio.device import Radio, RadioSettings
from radio.samples import Samples
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.frame import ReceivedFrame
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter

MARGIN_SAMPLES = 1024  # before and after a burst: larger than any advance or delay that is looked for


class Bench:
    """receiver and transmitters are open and configured. transmitters[u] sends as user u.

    Raises CalibrationError when a radio cannot time its bursts or does not share its ticks with the others.
    settle_frames: at most so many until the loops, which were let alone, are locked again. probe_bursts: that show a
    transmitter's errors. keeps_delays: whether the delays found will hold in a later session.
    """

    settle_frames = 0
    probe_bursts = 16
    keeps_delays = True

    def __init__(
        self,
        config: WaveformConfig,
        receiver: Radio,
        transmitters: Sequence[Radio],
        settings: RadioSettings,
        tx_amplitude: float,
        lead_s: float = 0.0,
    ) -> None:
        if len(transmitters) != config.users:
            raise CalibrationError(f"{config.users} users need as many transmitters, not {len(transmitters)}.")
        for place, radio in enumerate((receiver, *transmitters)):
            self._check(radio, transmits=place > 0)
        self.config, self.settings, self.tx_amplitude, self.lead_s = config, settings, tx_amplitude, lead_s
        self._receiver, self._transmitters = receiver, list(transmitters)
        self._waveform = BurstReceiver(config)
        self._senders = [BurstTransmitter(config, user) for user in range(config.users)]
        self._next_tick = 0
        self.receive_calibration: Calibration | None = None
        self.transmit_calibrations: dict[int, Calibration] = {}

    @property
    def time_s(self) -> float:
        """Of the radios, when the last samples ended."""
        return self._next_tick / self.config.sample_rate_hz

    @property
    def next_s(self) -> float | None:
        """When the next frame will be received; None: at once."""
        return None

    def gain_range_db(self, highest_gain_db: float) -> tuple[float, float]:
        """Commanded gains that every transmitter has, over the settings' gain; at most highest_gain_db in all."""
        base = self.settings.tx_gain_db or 0.0
        low = max(radio.capabilities.tx_gain_db[0] for radio in self._transmitters)
        high = min(highest_gain_db, *(radio.capabilities.tx_gain_db[1] for radio in self._transmitters))
        return low - base, min(high - base, 0.0)

    def driver(self, user: int) -> str | None:
        """What a transmitter's samples go through on this machine, where it tells that."""
        return getattr(self._transmitters[user], "driver", None)

    def silence(self, n_samples: int) -> Samples:
        """Samples with all transmitters silent."""
        start = self._start()
        return self._receive(start, n_samples)

    def probe(self, user: int, n_symbols: int = 0, seed: int = 0) -> np.ndarray:
        """A known burst of one user, complex64 [n], at tx_amplitude."""
        rng = np.random.Generator(np.random.PCG64(seed))
        bits = rng.integers(0, 2, (2, n_symbols)) * 2.0 - 1
        symbols = ((bits[0] + 1j * bits[1]) / np.sqrt(2)).astype(np.complex64)
        header = FrameHeader(0, user, "image", 0, 0, n_symbols, 0) if n_symbols else FrameHeader.probe(user)
        return self._senders[user].modulate(symbols, header) * np.float32(self.tx_amplitude)

    def send(
        self, bursts: Mapping[int, np.ndarray], commands: Mapping[int, TransmitCommand]
    ) -> tuple[Samples, int, dict[int, np.ndarray]]:
        """Transmit under commands; the samples received, the tick the bursts should arrive at, what was handed over.

        What was handed over has carrier, predistortion and limiting in it.
        """
        rate = self.config.sample_rate_hz
        longest = max(burst.size for burst in bursts.values())
        start = self._start()
        expected, sent = start + MARGIN_SAMPLES, {}
        for user, burst in bursts.items():
            command, radio = commands[user], self._transmitters[user]
            sent[user] = self._limited(user, precorrect(burst, command.correction_hz, rate))
            gain_db = command.gain_db + (self.settings.tx_gain_db or 0.0)
            radio.configure(_with_gain(self.settings, gain_db))
            radio.transmit(Samples(sent[user][np.newaxis], expected - command.advance_ticks, rate))
        return self._receive(start, longest + 2 * MARGIN_SAMPLES), expected, sent

    def pause(self, n_samples: int) -> None:
        """Let so many samples pass before the next burst; none or fewer do nothing."""
        self._next_tick += max(0, n_samples)

    def receive_frame(self, samples: Samples, expected: int) -> ReceivedFrame | None:
        return self._waveform.receive(samples, expected)

    def corrected(self, samples: Samples) -> Samples:
        """The samples with the receiver's own errors taken out."""
        if self.receive_calibration is None:
            return samples
        data = self.receive_calibration.correct_received(samples.data)
        return Samples(data, samples.start_tick, samples.sample_rate_hz)

    def _limited(self, user: int, data: np.ndarray) -> np.ndarray:
        """complex64 [n] predistorted where a calibration is in force, within full scale."""
        if (calibration := self.transmit_calibrations.get(user)) is not None:
            data = calibration.predistort(data)
        return np.asarray(data / np.maximum(np.abs(data), np.float32(1.0)), np.complex64)

    def _check(self, radio: Radio, transmits: bool) -> None:
        if not (radio.capabilities.timed_transmit and radio.capabilities.shared_clock):
            raise CalibrationError(f"{radio.uri} cannot time its bursts on the others' clock; this needs it.")

    def _start(self) -> int:
        return max(self._next_tick, self._receiver.now_tick() + int(self.lead_s * self.config.sample_rate_hz))

    def _receive(self, start: int, n_samples: int) -> Samples:
        for radio in self._transmitters:
            radio.idle_until(start + n_samples)
        samples = self._receiver.receive(start, n_samples, timeout_s=30.0)
        self._next_tick = samples.end_tick
        return self.corrected(samples)


def _with_gain(settings: RadioSettings, gain_db: float) -> RadioSettings:
    return RadioSettings(
        settings.sample_rate_hz, settings.center_frequency_hz, gain_db, settings.rx_gain_db, settings.bandwidth_hz
    )
