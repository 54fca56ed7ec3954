"""CURVE keys of the bus (RFC 26/ZAP through pyzmq): one pair for the coordinator, one for each node.

Folder: NAME.key (public), NAME.key_secret (0600), authorized/NAME.key (who may join), who.yaml (under which names).
"""

import shutil
from pathlib import Path

import yaml
import zmq
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator

from hil.bus.key_ring import WHO
from hil.errors import UsageError

COORDINATOR = "coordinator"


def create_keys(folder: Path, nodes: list[str]) -> list[Path]:
    """Make the pairs that are missing and authorise every node; existing keys are kept. Returns new files."""
    authorized = folder / "authorized"
    authorized.mkdir(parents=True, exist_ok=True)
    made = []
    for name in [COORDINATOR, *nodes]:
        if not (folder / f"{name}.key_secret").exists():
            _public, secret = zmq.auth.create_certificates(folder, name)
            Path(secret).chmod(0o600)
            made.append(Path(secret))
        if name != COORDINATOR:
            shutil.copy(folder / f"{name}.key", authorized / f"{name}.key")
    who = folder / WHO
    if not who.exists():
        names = {name: [f"{name}*"] if name == "observer" else [name] for name in nodes}
        who.write_text(yaml.safe_dump(names, sort_keys=False), encoding="utf-8")
    return made


def secure_server(context: zmq.Context, socket: zmq.Socket, folder: Path) -> ThreadAuthenticator:
    """Let only authorised keys in. The caller stops the returned authenticator at the end."""
    public, secret = _load(folder / f"{COORDINATOR}.key_secret")
    authenticator = ThreadAuthenticator(context)
    authenticator.start()
    authenticator.configure_curve(domain="*", location=str(folder / "authorized"))
    socket.curve_publickey, socket.curve_secretkey = public, secret
    socket.curve_server = True
    return authenticator


def secure_client(socket: zmq.Socket, folder: Path, name: str) -> None:
    """Use this node's own pair and the coordinator's public key."""
    server_public, _ = _load(folder / f"{COORDINATOR}.key", secret=False)
    socket.curve_publickey, socket.curve_secretkey = _load(folder / f"{name}.key_secret")
    socket.curve_serverkey = server_public


def _load(path: Path, secret: bool = True) -> tuple[bytes, bytes]:
    try:
        public, private = zmq.auth.load_certificate(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"key file {path} cannot be used: {error}; make one with semnoma-hil keys.") from None
    if secret and private is None:
        raise UsageError(f"key file {path} holds no secret key.")
    return public, private or b""
