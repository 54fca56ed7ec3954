"""A simulated bench: users on the air whose transmitters obey an `Alignment`; the truth stands beside."""

from dataclasses import dataclass, field

import numpy as np

from calibration.loops.alignment import Alignment
from calibration.loops.frequency import precorrect
from radio.air.config import AirConfig, LinkConfig
from radio.air.medium import Medium
from radio.samples import Samples
from radio.waveform.burst.header import FrameHeader
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter

AMPLITUDE = 0.25
BASE = 200  # delay that all paths share, so that an unaligned user may be early


@dataclass
class Bench:
    """offsets: delays beyond BASE, samples; gains_db; ppm of each user's and of the receiver's crystal."""

    offsets: list
    gains_db: list
    tx_ppm: list
    rx_ppm: float
    snr_db: float = 10.0
    seed: int = 1
    waveform: WaveformConfig = field(default_factory=WaveformConfig)
    frame_s: float = 0.1
    time_s: float = 0.0

    def __post_init__(self):
        self.receiver = BurstReceiver(self.waveform)
        self.senders = [BurstTransmitter(self.waveform, user) for user in range(self.waveform.users)]

    def air(self):
        """The noise stands for snr_db when every user arrives as loud as the weakest one at full gain."""
        weakest = 10 ** (min(self.gains_db) / 10)
        return AirConfig(
            links=tuple(
                LinkConfig(delay_samples=BASE + d, gain_db=g) for d, g in zip(self.offsets, self.gains_db, strict=True)
            ),
            tx_ppm=tuple(self.tx_ppm),
            rx_ppm=self.rx_ppm,
            noise_power=AMPLITUDE**2 * weakest * 10 ** (-self.snr_db / 10),
            seed=self.seed,
        )

    def frame(self, alignment: Alignment, users=None):
        """One frame of the given users (default: whom the alignment names); what is true afterwards, per user."""
        users = alignment.next_users() if users is None else users
        commands = alignment.commands()
        self.seed += 1
        medium, start, truths = Medium(self.air()), 4000, {}
        for user in users:
            command = commands[user]
            header = FrameHeader(0, user, "probe", 0, 0, 0, 0)
            burst = AMPLITUDE * self.senders[user].modulate(np.zeros(0, np.complex64), header)
            burst = precorrect(burst, command.correction_hz, self.waveform.sample_rate_hz)
            sent = Samples(burst[None], start - BASE - command.advance_ticks, self.waveform.sample_rate_hz)
            truth = medium.add_burst(user, sent, command.gain_db)
            truths[user] = (
                truth.cfo_hz - command.correction_hz,
                truth.delay_samples + sent.start_tick - start,
                20 * np.log10(abs(truth.path_gain)),
            )
        samples = Samples(medium.render(2000, burst.size + 4000), 2000, self.waveform.sample_rate_hz)
        received = self.receiver.receive(samples, start)
        self.time_s += self.frame_s
        sent_commands = {user: commands[user] for user in users}
        alignment.take(received, start, sent_commands, self.time_s - 0.02, self.time_s)
        return truths
