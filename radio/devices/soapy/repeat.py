"""What makes a SoapySDR transmitter repeat a period: a thread that writes it without a break."""

import threading

import numpy as np

from radio.devices.soapy.link import SoapyLink
from radio.libraries import soapy
from radio.streaming.period import RepeatedPeriod

BLOCK_SAMPLES = 1 << 14  # of one round: what is read of the period at once
_TIMEOUT_US = 500_000
_STOPPING_S = 3.0


class SoapyRepeater(threading.Thread):
    """Writes `period` until stopped: its phase outlasts its content. failure: why it ended before, else None."""

    def __init__(self, link: SoapyLink, chunk: int, rate_hz: float) -> None:
        super().__init__(name=f"send-{link.uri}", daemon=True)
        self._link, self._chunk, self._rate_hz = link, chunk, rate_hz
        self._stopped = threading.Event()
        self.period = RepeatedPeriod(len(link.channels))
        self.failure: str | None = None

    def run(self) -> None:
        try:
            while not self._stopped.is_set():
                self._write(self.period.take(BLOCK_SAMPLES), end=False)
            self._write(np.zeros((len(self._link.channels), 1), np.complex64), end=True)
        except soapy.SoapyError as error:
            self.failure = str(error)

    def stop(self) -> None:
        """End the burst and the thread. Safe to call twice, and before it was started."""
        self._stopped.set()
        if self.is_alive():
            self.join(_STOPPING_S)

    def _write(self, block: np.ndarray, end: bool) -> None:
        sent = 0
        while sent < block.shape[1] and (end or not self._stopped.is_set()):
            part = block[:, sent : sent + self._chunk]
            taken = self._link.device.write(part, _TIMEOUT_US, None, self._rate_hz, end)
            if taken < 0 and taken not in (soapy.TIMEOUT, soapy.UNDERFLOW):
                raise soapy.SoapyError(soapy.reason(taken))
            if taken < 0 and end:
                return
            sent += max(taken, 0)
