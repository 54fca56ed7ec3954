"""Connections that send without end what nobody can read yet.

ZeroMQ gives a message out when its last part is here and sets no limit to the number of parts, so that one message that
never ends fills the memory. The kernel counts what a connection has received (TCP_INFO); what of it has been read as
messages is counted here. Where the difference is greater than any message, the connection is cut. Only on Linux.
"""

import contextlib
import errno
import os
import socket
import stat
import struct
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import zmq

LOOK_S = 1.0
_BYTES_RECEIVED_AT = 128  # tcpi_bytes_received, include/uapi/linux/tcp.h
_OVERHEAD_BYTES = 64  # of a frame at most: ZMTP's header, CURVE's nonce and authenticator


class Backlog:
    """Of all connections of the listening endpoint `tcp://HOST:PORT`. most_bytes: that one may have unread.

    clock: monotonic seconds. One thread calls `took` with the frames of every message, and `cut` now and then.
    """

    def __init__(self, endpoint: str, most_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._port, self._most_bytes, self._clock = int(endpoint.rpartition(":")[2]), most_bytes, clock
        self._taken: defaultdict[int, int] = defaultdict(int)  # bytes by descriptor, kept while it cannot be looked at
        self._looked_s = clock()

    def took(self, frames: Sequence[zmq.Frame]) -> None:
        """A message has been read."""
        with contextlib.suppress(zmq.ZMQError, IndexError):  # nobody knows whose it was
            self._taken[int(frames[0].get(zmq.SRCFD))] += sum(len(frame) + _OVERHEAD_BYTES for frame in frames)

    def cut(self) -> int:
        """End those that have more than most_bytes unread; how many. Looks at most once in LOOK_S."""
        now_s = self._clock()
        if now_s - self._looked_s < LOOK_S:
            return 0
        self._looked_s = now_s
        cut = 0
        for number, connection in self._connections():
            received = _received_bytes(connection)
            if received is None:
                continue
            # A descriptor whose last owner has been read more of belongs to another one now.
            self._taken[number] = min(self._taken[number], received)
            if received - self._taken[number] > self._most_bytes:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                cut += 1
        return cut

    def _connections(self) -> Iterator[tuple[int, socket.socket]]:
        """Descriptors of this process's ends of connections to the port, each with a copy to look at: ZeroMQ may close
        its own, and another socket take its number, at any moment.
        """
        numbers: list[str] = []
        with contextlib.suppress(OSError):  # another system, or no descriptor left to look with
            numbers = os.listdir("/proc/self/fd")
        for number in map(int, numbers):
            with contextlib.suppress(OSError), _copy(number) as own:
                internet = own.family in (socket.AF_INET, socket.AF_INET6) and own.type == socket.SOCK_STREAM
                if internet and own.getsockname()[1] == self._port and own.getpeername():
                    yield number, own


def _copy(number: int) -> socket.socket:
    """The same socket under a descriptor of its own. OSError where it is none, is gone, or no descriptor is free."""
    if not stat.S_ISSOCK(os.fstat(number).st_mode):  # who closes a copy of a file gives up its locks
        raise OSError(errno.ENOTSOCK, os.strerror(errno.ENOTSOCK))
    copy = os.dup(number)
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise


def _received_bytes(connection: socket.socket) -> int | None:
    """Since it was made; None where the kernel does not say."""
    with contextlib.suppress(OSError, AttributeError, struct.error):
        facts = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        return int(struct.unpack_from("=Q", facts, _BYTES_RECEIVED_AT)[0])
    return None
