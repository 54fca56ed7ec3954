"""The two threads behind `zmq:`: each owns its socket and never makes the caller wait for the network."""

import threading
import time

import numpy as np
import zmq

from radio.devices.zmq_patterns import StreamAddress
from radio.streaming import BurstTimeline, SampleRing
from radio.streaming.period import RepeatedPeriod

BLOCK_SAMPLES = 8192
RING_SAMPLES = 1 << 22
_POLL_MS = 100
_ASK_AGAIN_S = 1.0
_AHEAD_S = 0.01  # how far a paced stream may run ahead of the wall clock


class StreamReceiver(threading.Thread):
    """Fills `ring` from SUB, PULL or REQ. Without pace a sender that waits is held back, and no sample is lost."""

    def __init__(self, socket: "zmq.Socket[bytes]", address: StreamAddress, uri: str) -> None:
        super().__init__(name=f"receive-{uri}", daemon=True)
        self._socket, self._pattern = socket, address.pattern
        self._holds_back = address.pattern.lossless and not address.pace
        self._stopped = threading.Event()
        self.ring = SampleRing(1, RING_SAMPLES)

    @property
    def failure(self) -> str | None:
        return self.ring.failure

    def now_tick(self) -> int:
        return self.ring.end_tick

    def run(self) -> None:
        asked_s = 0.0
        try:
            while not self._stopped.is_set():
                if self._holds_back and not self.ring.wait_for_room(_POLL_MS / 1000):
                    continue
                if self._pattern.requests and time.monotonic() - asked_s > _ASK_AGAIN_S:
                    if not self._socket.poll(_POLL_MS, zmq.POLLOUT):
                        continue
                    self._socket.send(self._pattern.request(BLOCK_SAMPLES))
                    asked_s = time.monotonic()
                if not self._socket.poll(_POLL_MS):
                    continue
                message = self._socket.recv_multipart()[-1]  # a PUB block with a key sends that first
                asked_s = 0.0
                if len(message) % 8:
                    self.ring.fail(
                        f"a message of {len(message)} bytes is no whole number of complex64 samples; in GNU Radio "
                        "the item type must be complex and pass_tags off."
                    )
                    return
                if message:
                    self.ring.append(np.frombuffer(message, "<c8")[np.newaxis])
        except zmq.ZMQError as error:
            self.ring.fail(f"the stream has ended ({zmq.strerror(error.errno or 0)}).")
        finally:
            self._socket.close(0)

    def stop(self) -> None:
        self._stopped.set()
        self.ring.fail("it is closed.")
        self.join(2.0)


class StreamSender(threading.Thread):
    """Empties `timeline` into PUB, PUSH or REP, in real time or as far as it is known; or `period` for ever."""

    def __init__(self, socket: "zmq.Socket[bytes]", address: StreamAddress, uri: str) -> None:
        super().__init__(name=f"send-{uri}", daemon=True)
        self._socket, self._pattern, self._pace = socket, address.pattern, address.pace
        self._stopped, self._going = threading.Event(), threading.Event()
        self._rate_hz, self._origin_s, self._origin_tick = 1.0, 0.0, 0
        self.failure: str | None = None
        self.timeline = BurstTimeline()
        self.period = RepeatedPeriod(1) if address.repeat else None

    @property
    def _source(self) -> BurstTimeline | RepeatedPeriod:
        return self.period or self.timeline

    def go(self, sample_rate_hz: float) -> None:
        """Begin to stream, or go on at another rate."""
        self._rate_hz, self._origin_s, self._origin_tick = sample_rate_hz, time.monotonic(), self._source.tick
        self._going.set()

    def now_tick(self) -> int:
        return self._source.tick

    def run(self) -> None:
        owed = 0  # samples that a request waits for
        try:
            while not self._stopped.is_set():
                if not self._going.wait(_POLL_MS / 1000):
                    continue
                if self._pattern.requests and not owed:
                    if self._socket.poll(_POLL_MS):
                        owed = self._pattern.asked_samples(self._socket.recv(), BLOCK_SAMPLES)
                    continue
                n = self._allowed(owed or BLOCK_SAMPLES, partly=bool(owed))
                if n == 0:
                    self._stopped.wait(0.001)
                    continue
                if not self._socket.poll(_POLL_MS, zmq.POLLOUT):
                    continue
                self._socket.send(self._source.take(n).astype("<c8", copy=False).tobytes())
                owed = 0
        except zmq.ZMQError as error:
            self.failure = f"the stream has ended ({zmq.strerror(error.errno or 0)})."
        finally:
            self._socket.close(0)

    def silence(self) -> None:
        """Zeros from now on."""
        self._source.clear()

    def stop(self) -> None:
        """What was queued but not sent yet is dropped: the transmitter is off."""
        self.silence()
        self._stopped.set()
        self._going.set()
        self.join(2.0)

    def _allowed(self, n: int, partly: bool) -> int:
        """How many of the next n samples may go now. partly: fewer than n are welcome."""
        if self._pace:
            limit = self._origin_tick + int((time.monotonic() - self._origin_s + _AHEAD_S) * self._rate_hz)
        elif self.period is not None:
            return n
        else:
            limit = self.timeline.known_until
            partly = True
        room = max(0, limit - self._source.tick)
        return min(n, room) if partly or room >= n else 0
