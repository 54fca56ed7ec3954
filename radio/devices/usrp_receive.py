"""The thread that receives from a USRP continuously and never waits for the consumer of the samples."""

import contextlib
import time
from typing import Any

import numpy as np

from radio.devices.receive_thread import ReceiveThread
from radio.devices.usrp_link import UsrpLink
from radio.errors import DeviceError
from radio.samples import EventKind
from radio.streaming import SampleRing

RING_SAMPLES = 1 << 22
_START_DELAY_S = 0.1  # several channels begin together at a time that is still to come
_RECEIVE_TIMEOUT_S, _SILENT_DEVICE_S = 0.3, 3.0


class UsrpReceiver(ReceiveThread):
    """Fills `ring`, whose ticks are the device's own time; what was lost is zeros in its place, and an event."""

    def __init__(self, link: UsrpLink, rate_hz: float) -> None:
        self._streamer = link.stream()
        first = link.now_tick(rate_hz) + round(_START_DELAY_S * rate_hz)
        super().__init__(link.uri, SampleRing(len(link.channels), RING_SAMPLES, first))
        self._link, self._rate_hz = link, rate_hz
        self._errors = link.uhd.types.RXMetadataErrorCode
        self._pending: EventKind | None = None  # what happened, until the next timestamp tells how much is missing
        self._command("start_cont", first)

    def run(self) -> None:
        uhd = self._link.uhd
        n = max(1, int(self._streamer.get_max_num_samps())) * 8
        block, metadata = np.zeros((len(self._link.channels), n), np.complex64), uhd.types.RXMetadata()
        heard_s = time.monotonic()
        try:
            while not self._stopped.is_set():
                got = int(self._streamer.recv(block, metadata, _RECEIVE_TIMEOUT_S))
                if got:
                    self._take(block[:, :got], metadata)
                    heard_s = time.monotonic()
                if metadata.error_code != self._errors.none:
                    self._explain(metadata)
                if time.monotonic() - heard_s > _SILENT_DEVICE_S:
                    self.ring.fail(f"{self._link.uri} has sent no samples for {_SILENT_DEVICE_S:g} s.")
                    return
        except (RuntimeError, DeviceError) as error:
            self.ring.fail(f"{self._link.uri} stopped receiving: {' '.join(str(error).split())}")
        finally:
            with contextlib.suppress(RuntimeError):  # it has gone
                self._command("stop_cont", 0)

    def _take(self, data: np.ndarray, metadata: Any) -> None:
        if metadata.has_time_spec:
            missing = int(metadata.time_spec.to_ticks(self._rate_hz)) - self.ring.end_tick
            if missing > 0:
                self.note(self._pending or EventKind.OVERFLOW, missing)
                self.ring.skip(missing)
            elif self._pending is not None:
                self.note(self._pending)
            self._pending = None
        self.ring.append(data)

    def _explain(self, metadata: Any) -> None:
        code = metadata.error_code
        if code == self._errors.overflow:
            self._pending = EventKind.SEQUENCE_ERROR if metadata.out_of_sequence else EventKind.OVERFLOW
        elif code == self._errors.late:  # the start had passed before the device heard of it
            self.note(EventKind.LATE)
            self._restart()
        elif code in (self._errors.broken_chain, self._errors.alignment, self._errors.bad_packet):
            self.note(EventKind.SEQUENCE_ERROR)
            self._restart()

    def _restart(self) -> None:
        self._command("stop_cont", 0)
        self._command("start_cont", self._link.now_tick(self._rate_hz) + round(_START_DELAY_S * self._rate_hz))

    def _command(self, mode: str, tick: int) -> None:
        types = self._link.uhd.types
        command = types.StreamCMD(getattr(types.StreamMode, mode))
        command.stream_now = mode == "stop_cont"
        if mode != "stop_cont":
            command.time_spec = self._link.time_spec(tick, self._rate_hz)
        self._streamer.issue_stream_cmd(command)
