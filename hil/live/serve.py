"""Runs the page's server until it is interrupted."""

import contextlib
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn

from hil.errors import UsageError
from hil.live.access import Access
from hil.live.control import RunControl
from hil.live.server import build_app
from hil.live.state import LiveState


@dataclass(frozen=True)
class Site:
    """What is served to whom."""

    state: LiveState
    access: Access
    control: RunControl | None = None


def serve(site: Site, host: str, port: int, on_listening: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. on_listening hears the address. Raises UsageError when it cannot listen."""
    listener = listen(host, port)
    everywhere = host in ("0.0.0.0", "::", "")  # nosec B104: compared, not bound
    name = socket.gethostname() if everywhere else f"[{host}]" if ":" in host else host
    on_listening(f"http://{name}:{listener.getsockname()[1]}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both end a dashboard in order, with its run
    with contextlib.suppress(KeyboardInterrupt):
        make_server(site).run(sockets=[listener])


def make_server(site: Site) -> uvicorn.Server:
    """A server that waits for `run(sockets=[listener])`."""
    return uvicorn.Server(
        uvicorn.Config(
            build_app(site.state, site.access, site.control),
            log_level="warning",
            access_log=False,  # its lines would hold tokens
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=1 << 16,
            ws_per_message_deflate=False,
            proxy_headers=False,
            lifespan="off",
            timeout_graceful_shutdown=2,
        )
    )


def listen(host: str, port: int) -> socket.socket:
    """A bound TCP socket; port 0 takes a free one. Raises UsageError when it cannot be had."""
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)  # connections are accepted from here on, answered once the server runs
    except OSError as error:
        raise UsageError(f"--host {host} --port {port} cannot be listened on: {error.strerror or error}.") from None
    return listener
