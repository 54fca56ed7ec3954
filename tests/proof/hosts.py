"""Hosts on one machine: a network namespace each, joined by a switch of ours whose links delay, lose and break.

Every host's only interface is a TAP device, so that what the switch delays or drops are Ethernet frames and the
kernel's own TCP has to cope. (The kernel's netem would do the same, but many kernels come without it.)
"""

import contextlib
import fcntl
import heapq
import itertools
import os
import random
import re
import select
import shutil
import struct
import subprocess
import threading
import time
from pathlib import Path

import psutil

from tests.proof.last_will import die_with_parent

_TUNSETIFF, _TAP, _NO_INFO = 0x400454CA, 0x0002, 0x1000
_BROADCAST = b"\xff" * 6


def why_not() -> str:
    """Why hosts cannot be made here, as a sentence; empty when they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need ip: apt-get install iproute2"
    if not Path("/dev/net/tun").exists():
        return "there is no /dev/net/tun here"
    name = f"sh-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return made.stderr.strip()


class Switch(threading.Thread):
    """Forwards frames between the hosts' TAP devices, as netem would. delay_s: one way; jitter_s: by how much more or
    less, evenly, so that frames overtake each other; loss: share of frames that vanish.
    """

    def __init__(self, taps: dict[str, int], seed: int = 1) -> None:
        super().__init__(name="switch", daemon=True)
        self.delay_s, self.jitter_s, self.loss = 0.0, 0.0, 0.0
        self.cut: set[str] = set()
        self.forwarded = self.lost = 0
        self._taps, self._rng = taps, random.Random(seed)
        self._stopped = threading.Event()

    def run(self) -> None:
        names = {tap: name for name, tap in self._taps.items()}
        home: dict[bytes, int] = {}
        waiting: list[tuple[float, int, int, bytes]] = []
        count = itertools.count()
        while not self._stopped.is_set():
            timeout_s = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 0.1
            for tap in select.select(list(names), [], [], min(timeout_s, 0.1))[0]:
                with contextlib.suppress(BlockingIOError):
                    while True:
                        frame = os.read(tap, 65536)
                        home[frame[6:12]] = tap
                        one = home.get(frame[:6])
                        to = [one] if one is not None and frame[:6] != _BROADCAST else [t for t in names if t != tap]
                        for other in to:
                            broken = names[tap] in self.cut or names[other] in self.cut
                            if broken or self._rng.random() < self.loss:
                                self.lost += 1
                            else:
                                delay_s = self.delay_s + self._rng.uniform(-self.jitter_s, self.jitter_s)
                                heapq.heappush(waiting, (time.monotonic() + delay_s, next(count), other, frame))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, tap, frame = heapq.heappop(waiting)
                with contextlib.suppress(OSError):
                    os.write(tap, frame)
                    self.forwarded += 1

    def stop(self) -> None:
        self._stopped.set()
        self.join()


class Hosts:
    """Named hosts 10.77.0.1, .2, ...; a context manager that takes everything away again."""

    def __init__(self, *names: str) -> None:
        self.addresses = {name: f"10.77.0.{number}" for number, name in enumerate(names, 1)}
        self._spaces = {name: f"sh{os.getpid()}-{name}" for name in names}
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> "Hosts":
        _take_away_abandoned()
        try:
            taps = {name: self._host(name) for name in self.addresses}
        except BaseException:
            self._closing.close()
            raise
        self.switch = Switch(taps)
        self.switch.start()
        self._closing.callback(self.switch.stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def start(self, host: str, command: list[str], **options: object) -> subprocess.Popen[str]:
        """A process on this host."""
        return subprocess.Popen(
            ["ip", "netns", "exec", self._spaces[host], *command], preexec_fn=die_with_parent, **options
        )

    def _host(self, name: str) -> int:
        """The host's namespace with its interface up; returns the switch's end of its cable."""
        space, device = self._spaces[name], f"sh{os.getpid() % 100000}{self.addresses[name].rsplit('.')[-1]}"
        _ip("netns", "add", space)
        self._closing.callback(_ip, "netns", "del", space)
        tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        self._closing.callback(os.close, tap)
        fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", device.encode(), _TAP | _NO_INFO))
        _ip("link", "set", device, "netns", space)
        _ip("-n", space, "addr", "add", f"{self.addresses[name]}/24", "dev", device)
        _ip("-n", space, "link", "set", device, "up")
        _ip("-n", space, "link", "set", "lo", "up")
        return tap


def _take_away_abandoned() -> None:
    """Namespaces of a process that was killed before it could take them away."""
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    for name, number in re.findall(r"^(sh(\d+)-\S+)", listed, re.MULTILINE):
        if not psutil.pid_exists(int(number)):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
