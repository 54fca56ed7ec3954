"""Who may see the page: which Host, which Origin, which token. Sentences say what was refused.

A page in the same browser, on another site, can make the browser open addresses here. A name that its owner points at
127.0.0.1 (DNS rebinding) is met by the check of Host: only addresses in figures, and names that are this machine's,
pass. A request or WebSocket from another site's page is met by the check of Origin, which must be this host.
"""

import hmac
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

COOKIE = "semnoma_hil_token"
MIN_TOKEN = 16


@dataclass(frozen=True)
class Access:
    """host: where the server listens. token None: none is asked for, which is for loopback only."""

    host: str
    token: str | None

    def refusal(self, headers: Mapping[str, str], *, query_token: str | None = None) -> tuple[int, str] | None:
        """(HTTP status, sentence) when the request may not pass, None when it may."""
        host = headers.get("host", "")
        if not self.knows(host):
            return 421, f"{_short(host)} is not a name of this machine here; use its address in figures or localhost."
        if self.token is not None and not self.shows_token(headers, query_token):
            return 401, "A token is needed: open the address that semnoma-hil dashboard printed when it started."
        return None

    def cross_site(self, headers: Mapping[str, str]) -> str | None:
        """Why a WebSocket or a command from this origin is refused, or None. A missing Origin is refused as well."""
        origin, host = headers.get("origin", "").lower(), headers.get("host", "").lower()
        if not host or origin not in (f"http://{host}", f"https://{host}"):
            return f"the origin {_short(origin)} is not this page."
        return None

    def knows(self, host: str) -> bool:
        """Whether a Host header names this server."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in ("localhost", self.host.lower()):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return not is_loopback_host(self.host) and name in _own_names()
        return address.is_loopback or not is_loopback_host(self.host)

    def shows_token(self, headers: Mapping[str, str], query_token: str | None = None) -> bool:
        """Compares in constant time; the token may come as Bearer, cookie or in the address."""
        bearer = headers.get("authorization", "").removeprefix("Bearer ").strip()
        return any(self.is_token(given) for given in (bearer, _cookie(headers), query_token))

    def is_token(self, given: str | None) -> bool:
        wanted = (self.token or "").encode()
        return given is not None and hmac.compare_digest(given.encode("utf-8", "replace"), wanted)


def is_loopback_host(host: str) -> bool:
    """True for 127.x.x.x, ::1 and localhost."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _own_names() -> set[str]:
    name = socket.gethostname().lower()
    return {name, f"{name}.local"}


def _cookie(headers: Mapping[str, str]) -> str | None:
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel else None


def _short(text: str) -> str:
    return repr(text[:60])
