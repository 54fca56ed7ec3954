"""The air's listening socket."""

import zmq

from radio.cut_links import bind
from radio.errors import ConfigurationError, DeviceError

MAX_QUEUED = 64  # messages of a connection, each way: a radio waits for the answer to what it has asked
_HANDSHAKE_MS = 10_000  # a connection that says nothing has its place for so long
_THIS_MACHINE = ("tcp://127.0.0.1:", "tcp://localhost:", "tcp://[::1]:")


def bind_router(endpoint: str, longest_message: int, allow_remote: bool) -> zmq.Socket[bytes]:
    """A bound ROUTER that refuses messages longer than longest_message bytes and queues few.

    ConfigurationError for an address that other machines reach unless allowed; DeviceError where it cannot
    listen.
    """
    if not allow_remote and not endpoint.startswith(_THIS_MACHINE):
        raise ConfigurationError(f"The air listens on this machine only (tcp://127.0.0.1:PORT), not on {endpoint}.")
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.MAXMSGSIZE, longest_message)
    socket.set_hwm(MAX_QUEUED)  # who floods, or does not read, costs so much memory and no more
    socket.setsockopt(zmq.HANDSHAKE_IVL, _HANDSHAKE_MS)
    try:
        bind(socket, endpoint)
    except zmq.ZMQError as error:
        socket.close(0)
        if error.errno == zmq.EADDRINUSE:
            raise DeviceError(f"{endpoint} is in use: another air runs there, or choose another port.") from error
        raise DeviceError(f"The air cannot listen on {endpoint}: {error}.") from error
    return socket
