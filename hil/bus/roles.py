"""Who may say what on the bus: a node's name decides its role, its role what it may send.

tx0 to tx7 tell what they sent, and of themselves alone; rx reports channels, frames and telemetry; air tells the
truth; names that begin with "observer" say nothing of the run. The coordinator checks every message.
"""

import re

from hil.bus.messages import Body, Bye, CsiReport, FrameDone, Heartbeat, Hello, Sent, Telemetry, Truth

_MAY_SEND: dict[str, tuple[type, ...]] = {
    "tx": (Sent,),
    "rx": (CsiReport, FrameDone, Telemetry),
    "air": (Truth,),
    "observer": (),
}
_EVERYBODY = (Hello, Heartbeat, Bye)  # a Hello in the wrong role is answered with a sentence


def role_of(name: str) -> str | None:
    """The role that goes with a name; None for no node's name."""
    if re.fullmatch(r"tx\d{1,3}", name):
        return "tx"
    if name.startswith("observer"):
        return "observer"
    return name if name in ("rx", "air") else None


def offence(name: str, body: Body) -> str | None:
    """Why a node of this name must not say this, in a clause; None where it may."""
    if isinstance(body, _EVERYBODY):
        return None
    role = role_of(name)
    if role is None or not isinstance(body, _MAY_SEND[role]):
        return f"{name[:40]} may not send a {type(body).__name__}"
    if isinstance(body, Sent) and name != f"tx{body.user}":
        return f"{name} may not speak for user {body.user}"
    return None
