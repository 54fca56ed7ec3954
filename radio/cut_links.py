"""TCP connections over links that may be cut: tried again every second, and so back as soon as the link is.

The kernel doubles the time between two tries up to two minutes: after a cut of 10 s it tries again up to 10 s later.
Linux takes another limit per connection since 6.15 (TCP_RTO_MAX_MS, include/uapi/linux/tcp.h); older kernels go on
as they do. With a limit, the number of tries after which the kernel gives up would come within seconds, so that it
counts the time instead (TCP_USER_TIMEOUT, RFC 5482).
"""

import contextlib
import socket
from collections.abc import Mapping
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

_TCP_RTO_MAX_MS = 44
_LONGEST_MS = 1000  # the least that the kernel takes
_GIVEN_UP_MS = 15 * 60 * 1000  # what it needs without a limit


def try_every_second(event: Mapping[str, Any]) -> None:
    """Set up the connection, or the listening socket and those that come of it, of an event of a ZeroMQ monitor."""
    with contextlib.suppress(OSError):  # an older kernel, another system, or a connection that is gone again
        own = socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=event["value"])
        try:
            own.setsockopt(socket.IPPROTO_TCP, _TCP_RTO_MAX_MS, _LONGEST_MS)
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _GIVEN_UP_MS)
        finally:
            own.detach()  # it stays ZeroMQ's


def bind(server: "zmq.Socket[bytes]", endpoint: str) -> None:
    """As ZeroMQ's own, for connections that come back soon. Raises zmq.ZMQError."""
    monitor = server.get_monitor_socket(zmq.EVENT_LISTENING)
    try:
        server.bind(endpoint)
        if monitor.poll(1000):
            try_every_second(recv_monitor_message(monitor))
    finally:
        server.disable_monitor()
        monitor.close(0)
