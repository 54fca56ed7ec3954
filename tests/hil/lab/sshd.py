"""A real sshd on 127.0.0.1 for one test, with a key of its own and nobody's files."""

import getpass
import shutil
import socket
import subprocess
import time
from pathlib import Path

import psutil

SSHD = shutil.which("sshd") or ("/usr/sbin/sshd" if Path("/usr/sbin/sshd").exists() else None)


class Sshd:
    """Listens from construction until `stop`; `die` takes all its sessions along, as a host does that loses power."""

    def __init__(self, folder: Path, user_key: Path) -> None:
        folder.mkdir()
        self.port, self.user, self.home = free_port(), getpass.getuser(), folder / "home"
        self._host_key = folder / "host_key"
        make_key(self._host_key)
        Path("/run/sshd").mkdir(exist_ok=True)  # where it puts its empty root
        settings = {
            "Port": self.port, "ListenAddress": "127.0.0.1", "HostKey": self._host_key, "PidFile": "none",
            "AuthorizedKeysFile": f"{user_key}.pub", "StrictModes": "no", "UsePAM": "no",
            "PasswordAuthentication": "no", "KbdInteractiveAuthentication": "no", "PermitRootLogin": "yes",
            "Subsystem": "sftp internal-sftp",
        }  # fmt: skip
        config = folder / "sshd_config"
        config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self._config = config
        self.live()

    def live(self) -> None:
        """Listen, after `die` once more."""
        log = self._config.with_name("log")
        with log.open("w") as output:
            self._process = subprocess.Popen([SSHD, "-D", "-e", "-f", self._config], stderr=output)
        while self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError(log.read_text())

    @property
    def known(self) -> str:
        """The line of a known_hosts file."""
        return f"[127.0.0.1]:{self.port} " + " ".join(self._host_key.with_suffix(".pub").read_text().split()[:2]) + "\n"

    def die(self) -> None:
        """At once, with its sessions; what they had started goes on."""
        if self._process.poll() is None:
            listener = psutil.Process(self._process.pid)
            sessions = [child for child in listener.children(recursive=True) if child.name().startswith("sshd")]
            for process in (listener, *sessions):
                process.kill()
            self._process.wait()

    stop = die


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
