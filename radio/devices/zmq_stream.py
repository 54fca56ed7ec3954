"""A stream of samples over ZeroMQ as a radio: `zmq:tcp://HOST:PORT?pattern=pubsub|pushpull|reqrep|srsran`.

Talks to GNU Radio's zeromq blocks (complex items, pass_tags off) and to srsRAN's zmq device. A transmitter
streams zeros when idle. By default both directions keep to real time. With pace=0 a simulation sets the pace: a
transmitter goes on as far as bursts and promises of silence reach, a receiver holds its sender back. repeat=1
repeats a burst until the next one, as a run over somebody's channel needs: its radios share no clock. A receiver
counts ticks from the first sample it gets.
"""

import threading
from collections.abc import Callable
from typing import Literal

import numpy as np
import zmq

from radio.device import Capabilities, RadioSettings
from radio.devices.zmq_patterns import parse_address
from radio.devices.zmq_threads import StreamReceiver, StreamSender
from radio.errors import ConfigurationError, DeviceError
from radio.samples import RadioEvent, Samples

_RATES_HZ = (1.0, 1e9)
_CARRIERS_HZ = (0.0, 1e12)
_MAX_RECEIVE_SAMPLES = 1 << 27


def open_device(address: str, role: Literal["tx", "rx"], index: int) -> "ZmqStreamRadio":
    """Bind or connect. ConfigurationError for a bad address, DeviceError when it is taken."""
    return ZmqStreamRadio(address, role)


class ZmqStreamRadio:
    """`radio.device.Radio` over one ZeroMQ socket; rate and carrier are whatever both ends agree on."""

    def __init__(self, address: str, role: Literal["tx", "rx"]) -> None:
        self.uri = f"zmq:{address}"
        self._role = role
        self._address = parse_address(address, role)
        self._settings: RadioSettings | None = None
        self._events: list[RadioEvent] = []
        self._closed = threading.Event()
        pattern = self._address.pattern
        socket = self._open_socket(pattern.tx_socket if role == "tx" else pattern.rx_socket)
        worker = StreamSender if role == "tx" else StreamReceiver
        self._stream: StreamSender | StreamReceiver = worker(socket, self._address, self.uri)
        self._stream.start()
        self.capabilities = Capabilities(
            sample_rate_hz=_RATES_HZ,
            center_frequency_hz=_CARRIERS_HZ,
            tx_gain_db=(0.0, 0.0),
            rx_gain_db=(0.0, 0.0),
            timed_transmit=not self._address.repeat,
            repeat_transmit=self._address.repeat,
            shared_clock=False,
        )

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Both ends of a stream must agree on the rate beforehand: it is taken as said; gains are 0 dB."""
        low, high = _RATES_HZ
        if not low <= settings.sample_rate_hz <= high:
            raise ConfigurationError(
                f"{self.uri}: a rate of {settings.sample_rate_hz:g} samples/s is not in {low:g} to {high:g}."
            )
        self._check_open()
        self._settings = RadioSettings(settings.sample_rate_hz, settings.center_frequency_hz, 0.0, 0.0)
        if isinstance(self._stream, StreamSender):
            self._stream.go(settings.sample_rate_hz)
        return self._settings

    def now_tick(self) -> int:
        """Samples that have gone out or come in so far."""
        self._check_open()
        return self._stream.now_tick()

    def transmit(self, burst: Samples) -> None:
        """Queue a burst of one channel; a late one is dropped and reported."""
        self._check_open()
        if not isinstance(self._stream, StreamSender):
            raise DeviceError(f"{self.uri} was opened for receiving; it does not transmit.")
        if self._settings is None:
            raise DeviceError(f"{self.uri} must be configured before it transmits.")
        if burst.data.shape[0] != 1:
            raise ConfigurationError(f"{self.uri} has one channel; a burst of {burst.data.shape[0]} does not fit.")
        if self._stream.period is not None:
            self._stream.period.repeat(burst.data.astype(np.complex64), burst.start_tick)
        else:
            self._events += self._stream.timeline.add(burst)

    def idle_until(self, tick: int) -> None:
        """Promise silence before `tick`; with pace=0 the stream goes on to there."""
        self._check_open()
        if isinstance(self._stream, StreamSender):
            self._stream.timeline.promise(tick)

    def receive(self, start_tick: int, n_samples: int, timeout_s: float = 10.0) -> Samples:
        """complex64 [1, n_samples]; DeviceError when they do not arrive in time."""
        self._check_open()
        if not isinstance(self._stream, StreamReceiver):
            raise DeviceError(f"{self.uri} was opened for transmitting; it does not receive.")
        if not 0 < n_samples <= _MAX_RECEIVE_SAMPLES:
            raise ConfigurationError(f"{n_samples} samples cannot be received; 1 to {_MAX_RECEIVE_SAMPLES} can.")
        try:
            data, tick, events = self._stream.ring.read(start_tick, n_samples, timeout_s)
        except DeviceError as error:
            raise DeviceError(f"{self.uri}: {error}") from None
        self._events += events
        return Samples(data, tick, self._settings.sample_rate_hz if self._settings else 1.0)

    def silence(self) -> None:
        """Drop the bursts that wait: the stream goes on as zeros."""
        if isinstance(self._stream, StreamSender):
            self._stream.silence()

    def events(self) -> list[RadioEvent]:
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._stream.stop()

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise DeviceError(f"{self.uri} is closed.")
        failure = self._stream.failure
        if failure:
            raise DeviceError(f"{self.uri}: {failure}")

    def _open_socket(self, kind: int) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        if kind == zmq.SUB:
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        if kind == zmq.REQ:
            socket.setsockopt(zmq.REQ_RELAXED, 1)  # a peer that was restarted is asked again
        if kind in (zmq.PUSH, zmq.PULL):  # what waits on the way is out of reach of a new burst: keep it short
            for option, value in ((zmq.SNDHWM, 8), (zmq.RCVHWM, 8), (zmq.SNDBUF, 1 << 18), (zmq.RCVBUF, 1 << 18)):
                socket.setsockopt(option, value)
        attach: Callable[[str], object] = socket.bind if self._address.bind else socket.connect
        try:
            attach(self._address.endpoint)
        except zmq.ZMQError as error:
            socket.close(0)
            verb = "bound" if self._address.bind else "connected to"
            kind_of = DeviceError if error.errno == zmq.EADDRINUSE else ConfigurationError
            raise kind_of(f"{self.uri} cannot be {verb}: {zmq.strerror(error.errno or 0)}.") from None
        return socket
