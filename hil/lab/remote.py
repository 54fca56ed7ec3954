"""One host of a lab over ssh (Fabric): its agent, files to and from it. Failures are one sentence with its name."""

import contextlib
import json
import shlex
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hil.errors import HilError, UsageError
from hil.lab.inventory import Host, Inventory

AGENT = Path(__file__).with_name("agent.py")
_DEEDS = {
    "facts": "say what it is", "digests": "compare its files", "unpack": "take its files", "start": "start a node",
    "status": "say how its nodes are", "stop": "end its nodes", "execute": "run the program",
    "reach": "try a connection", "listen": "listen on a port", "clock": "tell its time",
}  # fmt: skip


class HostFailed(HilError):
    """A host that cannot be reached, does not do what it is asked, or has died."""


class RemoteHost:
    """An ssh connection that is opened by the first call. Methods raise HostFailed."""

    def __init__(self, name: str, host: Host, inventory: Inventory) -> None:
        try:
            import fabric
            import paramiko
        except ImportError as error:
            raise UsageError(f'{error}; pip install "semnoma-hil[lab]"') from None
        self.name, self.host, self._timeout_s = name, host, inventory.timeout_s
        self.folder = host.folder.removeprefix("~/")  # sftp and commands both begin in the home folder
        self._ssh_error = paramiko.SSHException
        keys = {"key_filename": str(host.identity.expanduser())} if host.identity else {}
        self._connection = fabric.Connection(
            host.address, user=host.user, port=host.port, connect_timeout=inventory.timeout_s, connect_kwargs=keys
        )
        client = self._connection.client
        client.set_missing_host_key_policy(paramiko.RejectPolicy())  # Fabric would take any key
        client.load_system_host_keys()
        if inventory.known_hosts:
            client.load_host_keys(str(inventory.known_hosts))
        self._prepared = False

    @property
    def where(self) -> str:
        """user@address:port, as far as the inventory says."""
        user = f"{self.host.user}@" if self.host.user else ""
        return f"{user}{self.host.address}" + (f":{self.host.port}" if self.host.port else "")

    def ask(self, action: str, *, timeout_s: float | None = None, **request: Any) -> Any:
        """The answer of the host's agent to one request."""
        self._prepare()
        limit_s = timeout_s or self._timeout_s
        until = time.monotonic() + limit_s
        with self._explained(_DEEDS[action], limit_s):
            done = self._connection.run(
                self._command(action, request), hide=True, warn=True, in_stream=False, timeout=limit_s
            )
        # -1: the channel was closed without a status. Invoke's timer closes it and may still be at it when invoke asks
        # whether the timer has ended, and then tells nobody of the time-out.
        if done.exited == -1:
            gone = f"did not {_DEEDS[action]} within {limit_s:g} s" if time.monotonic() >= until else "has hung up"
            raise HostFailed(f"{self.name} ({self.where}) {gone}.")
        if done.exited:
            said = (done.stderr.strip().splitlines() or ["nothing was said"])[-1]
            raise HostFailed(f"{self.name} ({self.where}) could not {_DEEDS[action]}: {said}")
        try:
            return json.loads(done.stdout.splitlines()[-1])
        except (IndexError, ValueError):
            raise HostFailed(
                f"{self.name} ({self.where}) could not {_DEEDS[action]}: it answered {done.stdout[:80]!r}."
            ) from None

    @contextlib.contextmanager
    def talk(self, action: str, **request: Any) -> Iterator[Any]:
        """A function that sends a line and returns the answer's, as long as the block lasts; line None only listens."""
        self._prepare()
        with self._explained(_DEEDS[action]):
            stdin, stdout, _ = self._connection.client.exec_command(  # nosec B601: what is sent is quoted
                self._command(action, request), timeout=self._timeout_s
            )
            try:

                def exchange(line: str | None) -> str:
                    if line is not None:
                        stdin.write(line + "\n")
                        stdin.flush()
                    return str(stdout.readline()).strip()

                yield exchange
            finally:
                stdin.channel.close()

    def send(self, archive: Path, name: str) -> None:
        """Put a file into the host's folder."""
        self._prepare()
        with self._explained("take files"):
            self._connection.put(str(archive), remote=f"{self.folder}/{name}")

    def fetch(self, name: str, to: Path) -> None:
        """Get a file of the host's folder; what is there is replaced when it has arrived whole."""
        with self._explained(f"send {name}"), tempfile.TemporaryDirectory(dir=to.parent) as beside:
            arriving = Path(beside) / "arriving"
            self._connection.get(f"{self.folder}/{name}", local=str(arriving))
            arriving.replace(to)

    def close(self) -> None:
        """End the connection; what was started goes on."""
        with contextlib.suppress(Exception):
            self._connection.close()

    def _command(self, action: str, request: dict[str, Any]) -> str:
        text = json.dumps({"do": action, **request})
        return f"{self.host.python} -I {self.folder}/agent.py {shlex.quote(text)}"

    def _prepare(self) -> None:
        """Connect; the agent is sent anew with every connection."""
        if not self._prepared:
            with self._explained("be prepared"):
                self._connection.open()
                self._connection.transport.set_keepalive(5)
                made = self._connection.run(f"umask 077; mkdir -p {self.folder}", hide=True, warn=True, in_stream=False)
                if made.exited:
                    raise HostFailed(f"{self.name} ({self.where}): {self.folder} cannot be made: {made.stderr.strip()}")
                self._connection.put(str(AGENT), remote=f"{self.folder}/agent.py")
            self._prepared = True

    @contextlib.contextmanager
    def _explained(self, what: str, limit_s: float | None = None) -> Iterator[None]:
        import invoke
        import paramiko

        who = f"{self.name} ({self.where})"
        try:
            yield
        except paramiko.BadHostKeyException:
            raise HostFailed(f"{who} shows another host key than the known one: is it the same machine?") from None
        except paramiko.AuthenticationException:
            raise HostFailed(f"{who} refuses the key; ssh-copy-id brings it there, ssh-add to the agent.") from None
        except invoke.exceptions.CommandTimedOut:
            raise HostFailed(f"{who} did not {what} within {limit_s or self._timeout_s:g} s.") from None
        except self._ssh_error as error:
            text = " ".join(str(error).split())
            if "not found in known_hosts" in text:
                advice = f"compare its fingerprint and take it by `ssh {self.host.address}` once"
                raise HostFailed(f"{who}: its host key is not known; {advice}.") from None
            raise HostFailed(f"{who} did not {what}: {text}.") from None
        except (OSError, EOFError) as error:
            text = "it did not answer in time" if isinstance(error, socket.timeout) else _plain(error)
            raise HostFailed(f"{who} cannot be reached: {text}.") from None


def _plain(error: BaseException) -> str:
    """The reason of a failed connection without addresses and numbers."""
    nested = getattr(error, "errors", None)  # paramiko: one error for each address that was tried
    if isinstance(nested, dict) and nested:
        error = next(iter(nested.values()))
    return " ".join(str(getattr(error, "strerror", None) or error or "the connection ended").split()).rstrip(".")
