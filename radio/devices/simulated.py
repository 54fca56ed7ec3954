"""A radio on the simulated air: `sim:tcp://HOST:PORT`."""

import threading
import time
import uuid
from typing import Literal, TypeVar

import msgspec
import numpy as np
import zmq
from zmq.utils.monitor import recv_monitor_message

from radio.air.serving import protocol as p
from radio.air.serving.sessions import HEARTBEAT_S
from radio.cut_links import try_every_second
from radio.device import Capabilities, RadioSettings
from radio.errors import ConfigurationError, DeviceError, DeviceGone
from radio.samples import RadioEvent, Samples

_OPEN_TIMEOUT_S = 10.0  # an air that was started at the same moment first compiles its loops
_REPLY_TIMEOUT_S = 45.0  # an air that is only frozen answers when it wakes
_TRANSMIT_TIMEOUT_S = 60.0  # the air holds a burst back while too much waits to be received
_SILENT_SERVER_S = 45.0
_CONNECT_MS = 2000  # then dial again: the kernel's own tries on a link that was cut come ever more rarely
_TX_GAIN_DB = (-90.0, 0.0)

T = TypeVar("T")


def open_device(address: str, role: Literal["tx", "rx"], index: int) -> "SimulatedRadio":
    """Attach to the air at tcp://HOST:PORT; DeviceError when nothing answers there."""
    return SimulatedRadio(address, role, index)


def _dial(address: str) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
    """A socket to the air, and its monitor from before it connects; ZMQError when the address is none."""
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
    socket.linger, socket.connect_timeout = 0, _CONNECT_MS
    monitor = socket.get_monitor_socket(zmq.EVENT_CONNECTED | zmq.EVENT_DISCONNECTED)
    try:
        socket.connect(address)
    except zmq.ZMQError:
        socket.disable_monitor()
        monitor.close(0)
        socket.close(0)
        raise
    return socket, monitor


class SimulatedRadio:
    """`radio.device.Radio` over the air's protocol, for one thread at a time. index: a transmitter's user."""

    def __init__(self, address: str, role: Literal["tx", "rx"], index: int) -> None:
        self.uri = f"sim:{address}"
        self._address = address
        self._role = role
        self._session = uuid.uuid4().hex
        self._request = 0
        self._events: list[RadioEvent] = []
        self._closed = False
        self._gone: DeviceError | None = None
        self._socket, self._monitor = self._connect()
        try:
            attached = self._attach(index)
        except BaseException:
            self.close()
            raise
        self._settings = RadioSettings(attached.sample_rate_hz, attached.center_frequency_hz, 0.0, 0.0)
        self.capabilities = Capabilities(
            sample_rate_hz=(attached.sample_rate_hz, attached.sample_rate_hz),
            center_frequency_hz=(attached.center_frequency_hz, attached.center_frequency_hz),
            tx_gain_db=_TX_GAIN_DB,
            rx_gain_db=(0.0, 0.0),
            rx_channels=attached.rx_antennas,
        )
        self._heartbeat = _Heartbeat(address, self._session)
        self._heartbeat.start()

    def configure(self, settings: RadioSettings) -> RadioSettings:
        """Rate and carrier must be the air's. The receive gain is automatic (0 dB is read back)."""
        self._check_open()
        for name in ("sample_rate_hz", "center_frequency_hz"):
            asked, given = getattr(settings, name), getattr(self._settings, name)
            if asked != given:
                raise ConfigurationError(f"This air has {name} {given:.10g}; {asked:.10g} does not fit.")
        if settings.tx_gain_db is not None and self._role == "tx":
            low, high = _TX_GAIN_DB
            if not low <= settings.tx_gain_db <= high:
                raise ConfigurationError(f"tx_gain_db {settings.tx_gain_db:g} is outside {low:g} to {high:g}.")
            self._ask(p.SetGain(self._session, self._next(), settings.tx_gain_db), p.Done)
            self._settings = RadioSettings(
                self._settings.sample_rate_hz, self._settings.center_frequency_hz, settings.tx_gain_db, 0.0
            )
        return self._settings

    def now_tick(self) -> int:
        """Unpaced: how far the air has been received. Paced: where the wall clock is."""
        return int(self._ask(p.Now(self._session, self._next()), p.Time).tick)

    def transmit(self, burst: Samples) -> None:
        """Hand a burst over; returns when the air has it. A late one is dropped and reported as an event."""
        if self._role != "tx":
            raise DeviceError(f"{self.uri} was opened for receiving; it does not transmit.")
        data = np.ascontiguousarray(burst.data, np.complex64)
        shape = (burst.start_tick, burst.sample_rate_hz, *data.shape)
        message = p.Burst(self._session, self._next(), *shape)
        done = self._ask(message, p.Done, payload=data.data, timeout_s=_TRANSMIT_TIMEOUT_S)
        self._events += p.to_radio_events(done.events)

    def idle_until(self, tick: int) -> None:
        """Promise silence before `tick`; the air may go on to there."""
        self._check_open()
        self._send(p.IdleUntil(self._session, tick))

    def receive(self, start_tick: int, n_samples: int, timeout_s: float = 10.0) -> Samples:
        """complex64 [antennas, n_samples], from start_tick or (OVERFLOW event) the oldest tick kept."""
        if self._role != "rx":
            raise DeviceError(f"{self.uri} was opened for transmitting; it does not receive.")
        message = p.Receive(self._session, self._next(), start_tick, n_samples)
        block = self._ask(message, p.Block, timeout_s=timeout_s)
        self._events += p.to_radio_events(block.events)
        data = p.iq_view(self._payload.buffer, block.channels, block.n_samples)
        return Samples(data, block.start_tick, self._settings.sample_rate_hz)

    def events(self) -> list[RadioEvent]:
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        heartbeat: _Heartbeat | None = getattr(self, "_heartbeat", None)
        if heartbeat is not None:
            heartbeat.stop()
        if self._gone is None:
            self._socket.send(p.encode(p.Detach(self._session)))
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(500)

    # -- the wire ---------------------------------------------------------------------------------------

    def _connect(self) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
        try:
            return _dial(self._address)
        except zmq.ZMQError as error:
            raise DeviceError(f"{self.uri} is not an address like sim:tcp://127.0.0.1:5600 ({error}).") from error

    def _attach(self, index: int) -> p.Attached:
        """Ask until the air is there and the place of a transmitter that has just died is free."""
        deadline = time.monotonic() + _OPEN_TIMEOUT_S
        while True:
            request = p.Attach(p.PROTOCOL_VERSION, self._session, self._next(), self._role, index)
            self._send(request)
            reply = self._reply(request.request, deadline)
            if isinstance(reply, p.Attached):
                return reply
            busy = isinstance(reply, p.Refused) and reply.kind == "busy"
            if reply is None:
                raise DeviceError(f"No simulated air answers at {self._address}; start one with `semnoma-hil air`.")
            if not busy or time.monotonic() > deadline - _OPEN_TIMEOUT_S + 3.0:
                raise DeviceError(reply.reason if isinstance(reply, p.Refused) else f"{self.uri} answers nonsense.")
            time.sleep(0.5)

    def _next(self) -> int:
        self._check_open()
        self._request += 1
        return self._request

    def _check_open(self) -> None:
        if self._closed:
            raise DeviceError(f"{self.uri} is closed.")
        if self._gone is not None:
            raise self._gone

    def _send(self, message: p.ToServer, *payload: memoryview) -> None:
        self._socket.send_multipart([p.encode(message), *payload], copy=False)

    def _ask(
        self, message: p.ToServer, expected: type[T], *, payload: memoryview | None = None,
        timeout_s: float = _REPLY_TIMEOUT_S,
    ) -> T:  # fmt: skip
        """Send a request and wait for its reply; a refusal is raised with the air's own sentence."""
        self._send(message, *([] if payload is None else [payload]))
        reply = self._reply(self._request, time.monotonic() + timeout_s)
        if isinstance(reply, expected):
            return reply
        if isinstance(reply, p.Refused):
            raise (ConfigurationError if reply.kind == "configuration" else DeviceError)(reply.reason)
        if reply is None:
            raise DeviceError(f"{self.uri} did not answer a {type(message).__name__} within {timeout_s:g} s.")
        raise DeviceError(f"{self.uri} answered a {type(message).__name__} with a {type(reply).__name__}.")

    def _reply(self, request: int, deadline: float) -> p.ToRadio | None:
        """The reply to `request`, or None when time is up; replies to given-up requests are dropped."""
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        while True:
            ready = dict(poller.poll(int(1000 * max(0.0, min(0.5, deadline - time.monotonic()))) + 1))
            if self._socket in ready:
                frames = self._socket.recv_multipart(copy=False)
                try:
                    reply = p.decode_at_radio(frames[0].buffer)
                except msgspec.MsgspecError as error:
                    raise DeviceError(f"{self.uri} is not a simulated air of this version ({error}).") from error
                self._payload = frames[-1]
                if getattr(reply, "request", None) in (request, 0):
                    return reply
            elif self._monitor in ready:
                event = recv_monitor_message(self._monitor)
                if event["event"] == zmq.EVENT_CONNECTED:
                    try_every_second(event)
                    continue
                self._lost(DeviceGone(f"The simulated air at {self._address} has gone."))
            heartbeat: _Heartbeat | None = getattr(self, "_heartbeat", None)
            if heartbeat is not None and heartbeat.silence_s() > _SILENT_SERVER_S:
                sentence = f"The simulated air at {self._address} has not answered for {_SILENT_SERVER_S:g} s."
                self._lost(DeviceError(sentence))
            if time.monotonic() > deadline:
                return None

    def _lost(self, error: DeviceError) -> None:
        self._gone = error
        raise error


class _Heartbeat(threading.Thread):
    """Tells the air that this process lives, and knows since when the air has not said the same."""

    def __init__(self, address: str, session: str) -> None:
        super().__init__(name="sim-heartbeat", daemon=True)
        self._address = address
        self._message = p.encode(p.Heartbeat(session))
        self._stopped = threading.Event()
        self._unanswered = 0  # counted, not timed: while this process is frozen nobody is silent

    def run(self) -> None:
        socket, monitor = _dial(self._address)
        try:
            while not self._stopped.wait(HEARTBEAT_S):
                while monitor.poll(0):
                    event = recv_monitor_message(monitor)
                    if event["event"] == zmq.EVENT_CONNECTED:
                        try_every_second(event)
                self._unanswered += 1
                socket.send(self._message, zmq.NOBLOCK)
                while socket.poll(0):
                    socket.recv()
                    self._unanswered = 0
        except zmq.ZMQError:
            pass  # the context ends with the process, or the queue is full: then silence_s tells
        finally:
            socket.disable_monitor()
            monitor.close(0)
            socket.close(0)

    def silence_s(self) -> float:
        return self._unanswered * HEARTBEAT_S

    def stop(self) -> None:
        self._stopped.set()
        self.join(timeout=2.0)
