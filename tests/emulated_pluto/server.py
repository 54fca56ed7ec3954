"""IIOD's text protocol on a loopback port: what libiio 0.x says to a Pluto, answered."""

import contextlib
import socket
import socketserver
import threading
from dataclasses import dataclass

from tests.emulated_pluto.air import EmulatedAir
from tests.emulated_pluto.attributes import DDS, EINVAL, LPC, PHY, AttributeTable, Refused
from tests.emulated_pluto.converters import Converters, Registers

EBUSY, ENODEV, EBADF = 16, 19, 9


@dataclass
class Faults:
    """What goes wrong. short_read_bytes: the next read gives only so many; stall: reads never end."""

    short_read_bytes: int | None = None
    stall: bool = False
    refuse_writes: bool = False
    rate_changes_to_hz: int | None = None


class EmulatedPluto:
    """One device, listening from construction on until `stop`. `address` is what comes behind `pluto:`."""

    def __init__(
        self, air: EmulatedAir, *, device: int = 0, clock_ppm: float = 0.0, delay: float = 0.0, channels: int = 1,
        port: int = 0,
    ) -> None:  # fmt: skip
        self.table = AttributeTable(channels)
        self.table.hooks = {
            "sampling_frequency": self._rate_changed,
            "hardwaregain": lambda _text: self.converters.refresh(),
            "frequency": lambda _text: self.converters.refresh(),
            "powerdown": lambda _text: self.converters.refresh(),
        }
        self.converters = Converters(air, device, self.table, clock_ppm, delay)
        self.registers = Registers(self.converters)
        self.faults = Faults()
        self.air = air
        self.open_buffers: dict[str, object] = {}
        self.log: list[str] = []
        self.port = port
        self._clients: set[socket.socket] = set()
        self.start()

    @property
    def address(self) -> str:
        return f"ip:127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen (again) on the same port."""
        self.stopped = threading.Event()
        self._server = _Server(("127.0.0.1", self.port), _Client, bind_and_activate=True)
        self._server.device = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Pull the cable: every connection breaks and nothing answers."""
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        for client in list(self._clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self.open_buffers.clear()
        self.converters.stop_transmitting()

    def _rate_changed(self, text: str) -> None:
        if self.faults.rate_changes_to_hz is not None:
            self.table.rate.value = text = str(self.faults.rate_changes_to_hz)
        self.air.set_rate(float(text))


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    device: EmulatedPluto


class _Client(socketserver.StreamRequestHandler):
    """One connection; at most one buffer is open on it."""

    server: _Server

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()
        self.device = self.server.device
        self.device._clients.add(self.request)
        self.opened: str | None = None
        self.cyclic, self.samples, self.mask = False, 0, ""

    def finish(self) -> None:
        self.device._clients.discard(self.request)
        self._close()
        with contextlib.suppress(OSError):
            super().finish()

    def handle(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while not self.device.stopped.is_set() and (line := self.rfile.readline()):
                words = line.decode().split()
                if not words:
                    continue
                self.device.log.append(line.decode().strip())
                if words[0] == "EXIT":
                    return
                method = getattr(self, f"_do_{words[0].lower()}", None)
                if method is None:
                    self._answer(-EINVAL)
                    continue
                try:
                    method(words[1:])
                except Refused as refused:
                    self._answer(-refused.errno)

    def _answer(self, number: int, content: bytes | None = None) -> None:
        self.wfile.write(f"{number}\n".encode() + (content + b"\n" if content is not None else b""))

    # -- requests, by name --

    def _do_print(self, _words: list[str]) -> None:
        xml = self.device.table.xml().encode()
        self._answer(len(xml), xml)

    def _do_version(self, _words: list[str]) -> None:
        self.wfile.write(b"0.24.emulate\n")

    def _do_timeout(self, _words: list[str]) -> None:
        self._answer(0)

    def _do_gettrig(self, _words: list[str]) -> None:
        self._answer(-ENODEV)

    def _do_set(self, words: list[str]) -> None:
        self._answer(0 if words[1:2] == ["BUFFERS_COUNT"] else -EINVAL)

    def _do_read(self, words: list[str]) -> None:
        key = _key(words)
        if key[2] == "direct_reg_access":
            text = self.device.registers.read(key[0])
        else:
            text = self.device.table.read(key)
        content = text.encode() + b"\0"
        self._answer(len(content), content)

    def _do_write(self, words: list[str]) -> None:
        n = int(words[-1])
        text = self.rfile.read(n).rstrip(b"\0").decode()
        key = _key(words[:-1])
        if self.device.faults.refuse_writes:
            raise Refused
        if key[2] == "direct_reg_access":
            self.device.registers.write(key[0], text)
        else:
            self.device.table.write(key, text)
        self._answer(n)

    def _do_open(self, words: list[str]) -> None:
        name, samples, mask, *cyclic = words
        if name in self.device.open_buffers:
            raise Refused(EBUSY)
        if name not in (DDS, LPC) or int(samples) < 1:
            raise Refused
        self.device.open_buffers[name] = self
        self.opened, self.samples, self.mask, self.cyclic = name, int(samples), mask, bool(cyclic)
        if name == LPC:
            self.device.converters.start_receiving()
        else:
            self.device.converters.start_transmitting()
        self._answer(0)

    def _do_close(self, _words: list[str]) -> None:
        if self.opened is None:
            raise Refused(EBADF)
        self._close()
        self._answer(0)

    def _do_readbuf(self, words: list[str]) -> None:
        if self.opened != LPC:
            raise Refused(EBADF)
        faults, size = self.device.faults, 4 * self.device.table.channels
        while faults.stall and not self.device.stopped.wait(0.01):
            pass
        content = self.device.converters.read(int(words[1]) // size, self.device.stopped.is_set)
        if faults.short_read_bytes is not None:
            content, faults.short_read_bytes = content[: faults.short_read_bytes], None
        self.wfile.write(f"{len(content)}\n{self.mask}\n".encode() + content)
        if len(content) < int(words[1]):
            self._answer(0)

    def _do_writebuf(self, words: list[str]) -> None:
        if self.opened != DDS:
            raise Refused(EBADF)
        n = int(words[1])
        self._answer(0)
        content = self.rfile.read(n)
        if len(content) == n:
            self.device.converters.write(content, self.cyclic, self.device.stopped.is_set)
            self._answer(n)

    def _close(self) -> None:
        """A transmit buffer falls silent with its connection."""
        if self.opened is not None and self.device.open_buffers.get(self.opened) is self:
            del self.device.open_buffers[self.opened]
            if self.opened == DDS:
                self.device.converters.stop_transmitting()
        self.opened = None


def _key(words: list[str]) -> tuple[str, str, str]:
    """READ and WRITE: DEVICE [INPUT|OUTPUT CHANNEL | DEBUG | BUFFER] ATTRIBUTE."""
    device, *rest = words
    if len(rest) == 3 and rest[0] in ("INPUT", "OUTPUT"):
        return device, f"{'out' if rest[0] == 'OUTPUT' else 'in'}:{rest[1]}", rest[2]
    if len(rest) == 2 and rest[0] == "DEBUG":
        return device, "debug", rest[1]
    if len(rest) == 1:
        return device, "", rest[0]
    raise Refused


__all__ = ["PHY", "EmulatedPluto", "Faults"]
