"""The waveform's receivers of a session."""

from hil.bus.messages import Grant
from radio.waveform.config import WaveformConfig
from radio.waveform.reception.receiver import BurstReceiver


class Receivers:
    """A receiver for each length of training that is granted."""

    def __init__(self, waveform: WaveformConfig) -> None:
        self.long = BurstReceiver(waveform)
        self._short = BurstReceiver(waveform.shortened())

    def of(self, grant: Grant) -> BurstReceiver:
        return self._short if grant.short else self.long
