"""The page's server: files of the package, one WebSocket with updates, and commands where control is on.

An update is one binary message: its JSON's length as four bytes, big-endian, the JSON, then the picture files that
the JSON's "pictures" lists, in that order. A viewer that is slow gets fewer updates, never old ones.
"""

import asyncio
import contextlib
import struct
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from hil.bus.allowance import Allowance
from hil.errors import HilError
from hil.live.access import COOKIE, Access
from hil.live.control import RunControl
from hil.live.state import Cursor, LiveState

PAGE = Path(__file__).parent / "page"
UPDATE_S = 0.1
QUIET_S = 1.0  # an unchanged state is sent this often, so that the page knows that its server lives
MAX_VIEWERS = 32
MAX_COMMAND_BYTES = 1 << 16
COMMANDS_HZ, COMMANDS_AT_ONCE = 1.0, 5
SCRIPTS = ("main.js", "feed.js", "view.js", "plots.js", "waterfall.js", "control.js", "format.js", "words.js")
FILES = {
    "style.css": "text/css",
    "icon.svg": "image/svg+xml",
    **dict.fromkeys(SCRIPTS, "text/javascript"),
}
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
ASK_FOR_TOKEN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>semnoma-hil</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/style.css">
<body class="ask"><form action="/" method="get"><h1>semnoma-hil</h1>
<p>A token is needed: open the address that <code>semnoma-hil dashboard</code> printed when it started, or give it here.
</p><label>Token <input name="token" type="password" autocomplete="off" required></label>
<button>Show the page</button></form></body></html>"""


# The report is one file with its styles, pictures and sounds inside, and no script.
REPORT_HEADERS = {
    "content-security-policy": "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'"
}


class Guarded:
    """ASGI middleware: every request and every WebSocket passes `Access` first; every answer carries HEADERS."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            socket = WebSocket(scope, receive, send)
            refused = self._access.refusal(socket.headers) or self._access.cross_site(socket.headers)
            if refused:
                await socket.close(code=1008)  # before acceptance: HTTP 403
            else:
                await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", []))
                given = {name.lower() for name, _ in own}
                added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*own, *(header for header in added if header[0].lower() not in given)]
            await send(message)

        await (self._answer(request) or self._app)(scope, receive, send_with_headers)

    def _answer(self, request: Request) -> Response | None:
        """What is answered here and not by the page: refusals, and the exchange of a token for a cookie."""
        at_door = request.url.path == "/" and request.method == "GET"
        given = request.query_params.get("token") if at_door else None
        refused = self._access.refusal(request.headers, query_token=given)
        if refused:
            status, sentence = refused
            if status == 401 and at_door:
                return HTMLResponse(ASK_FOR_TOKEN, status)
            if status == 401 and request.url.path == "/style.css":
                return None
            return PlainTextResponse(sentence + "\n", status)
        foreign = self._access.cross_site(request.headers)
        if foreign and request.method not in ("GET", "HEAD"):
            return PlainTextResponse(f"Refused: {foreign}\n", 403)
        if given is not None:
            answer = RedirectResponse("/", 303)
            if self._access.token is not None:
                answer.set_cookie(COOKIE, self._access.token, httponly=True, samesite="strict")
            return answer
        return None


def build_app(state: LiveState, access: Access, control: RunControl | None = None) -> ASGIApp:
    """The whole site. control None: read-only, its addresses do not exist."""
    viewers: set[WebSocket] = set()

    async def page(_request: Request) -> Response:
        return FileResponse(PAGE / "index.html", media_type="text/html")

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in FILES:
            return PlainTextResponse("There is no such file here.\n", 404)
        return FileResponse(PAGE / name, media_type=FILES[name])

    async def snapshot(_request: Request) -> Response:
        update, _files, _cursor = state.since(Cursor())
        return Response(msgspec.json.encode(update), media_type="application/json")

    async def report(_request: Request) -> Response:
        if state.report is None or not state.report.is_file():
            return PlainTextResponse("There is no report yet.\n", 404)
        return FileResponse(state.report, media_type="text/html", headers=REPORT_HEADERS)

    async def updates(socket: WebSocket) -> None:
        if len(viewers) >= MAX_VIEWERS:
            await socket.close(code=1013)
            return
        await socket.accept()
        viewers.add(socket)
        listening = asyncio.create_task(_until_gone(socket))
        try:
            await _send_updates(socket, state, listening)
        except (WebSocketDisconnect, RuntimeError):
            pass  # gone in the middle of a message
        finally:
            viewers.discard(socket)
            listening.cancel()

    routes: list[Any] = [
        Route("/", page),
        Route("/api/state", snapshot),
        Route("/report", report),
        Route("/{name}", file),
        WebSocketRoute("/api/updates", updates),
    ]
    if control is not None:
        routes[:0] = [
            Route("/api/start", _command(lambda body: control.start(_settings(body))), methods=["POST"]),
            Route("/api/resume", _command(lambda _body: control.resume()), methods=["POST"]),
            Route("/api/stop", _command(lambda _body: control.stop()), methods=["POST"]),
        ]
    return Guarded(Starlette(routes=routes), access)


async def _send_updates(socket: WebSocket, state: LiveState, listening: asyncio.Task[None]) -> None:
    """At most ten a second, as fast as the viewer takes them, each with all that is new to it."""
    cursor, sent_s = Cursor(), 0.0
    while not listening.done():
        began = time.monotonic()
        if cursor.version != state.version or began - sent_s > QUIET_S:
            update, files, cursor = state.since(cursor)
            sent_s = began
            await socket.send_bytes(frame_update(update, files))
        await asyncio.sleep(max(0.01, began + UPDATE_S - time.monotonic()))


def frame_update(update: dict[str, Any], files: list[bytes]) -> bytes:
    """JSON and files as one message; see the top of this file."""
    text = msgspec.json.encode(update)
    return b"".join([struct.pack(">I", len(text)), text, *files])


async def _until_gone(socket: WebSocket) -> None:
    """Viewers have nothing to say here; what they send is read and dropped until they leave."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass


def _command(action: Callable[[Any], Any]) -> Callable[[Request], Awaitable[Response]]:
    """A POST of JSON: 200 with the result, 400 with the sentence of what was wrong, 429 where they come too fast."""
    allowance = Allowance(
        COMMANDS_HZ, COMMANDS_AT_ONCE, time.monotonic
    )  # each command's own: stop is never kept waiting

    async def endpoint(request: Request) -> Response:
        if not allowance.take():
            return JSONResponse({"error": f"More than {COMMANDS_AT_ONCE} such commands at once; wait a second."}, 429)
        if request.headers.get("content-type", "").split(";")[0] != "application/json":
            return JSONResponse({"error": "The command must be JSON."}, 415)
        if int(request.headers.get("content-length", "0") or 0) > MAX_COMMAND_BYTES:
            return JSONResponse({"error": "The command is too long."}, 413)
        try:
            body = msgspec.json.decode(await _short_body(request) or b"{}")
            result = await run_in_threadpool(action, body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return JSONResponse({"error": "The command is not JSON."}, 400)
        except (HilError, ValueError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({"result": result})

    return endpoint


async def _short_body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_COMMAND_BYTES:
            raise ValueError("The command is too long.")
    return body


def _settings(body: Any) -> dict[str, Any]:
    """{"settings": {name: value}} -> the inner map. Raises ValueError with a sentence."""
    settings = body.get("settings", {}) if isinstance(body, dict) else None
    if not isinstance(settings, dict):
        raise ValueError("The command needs a map of settings.")
    return settings
