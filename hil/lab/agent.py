"""Runs on a host of a lab, by itself and with nothing but Python's own library: `python agent.py REQUEST`.

REQUEST is one JSON document, {"do": ACTION, ...}; the answer is one JSON document on standard output. All paths are
below the folder that this file lies in. Each node that was started has a file in pids/ with its process; that file's
name is in the environment of all its processes, so that others that got their numbers are never ended in their place.
"""

from __future__ import annotations  # an older Python must get as far as saying that it is too old

import contextlib
import hashlib
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PIDS = HERE / "pids"
_KEEPER = 'trap : TERM INT; "$@"; echo $? > "$CODE.new"; mv "$CODE.new" "$CODE"'
_TICKS_S = os.sysconf("SC_CLK_TCK")
_OURS = {"PYTHONPATH": str(HERE / "code"), "PYTHONUNBUFFERED": "1"}


def facts() -> dict[str, Any]:
    """What this host is."""
    free = shutil.disk_usage(HERE).free
    return {"python": platform.python_version(), "machine": platform.machine(), "free_bytes": free}


def digests(folders: list[str]) -> dict[str, str]:
    """SHA-256 of every file below the folders, by its path from here."""
    found = {}
    for folder in folders:
        for file in sorted(_inside(folder).rglob("*")):
            if file.is_file() and not file.is_symlink() and "__pycache__" not in file.parts:
                found[file.relative_to(HERE).as_posix()] = digest_of(file)
    return found


def digest_of(file: Path) -> str:
    """SHA-256 of a file's content."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def unpack(archive: str, remove: list[str]) -> dict[str, int]:
    """Take the files of an archive, which is removed, and remove others."""
    for name in remove:
        _inside(name).unlink(missing_ok=True)
    path, count = _inside(archive), 0
    with tarfile.open(path) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            if content is None:
                raise ValueError(f"{member.name} is no file")
            place = _inside(member.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.read())
            count += 1
    path.unlink()
    return {"unpacked": count}


def start(name: str, argv: list[str], environment: dict[str, str], run: str) -> dict[str, Any]:
    """Start a node that outlives this call; an earlier one of that name must have ended."""
    living = _living(name)
    if living is not None:
        return {"running": living["pid"]}
    folder = _inside(f"runs/{run}")
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    PIDS.mkdir(mode=0o700, exist_ok=True)
    code = PIDS / f"{name}.code"
    code.unlink(missing_ok=True)
    log = folder / "logs" / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _KEEPER, "keeper", sys.executable, *map(_expanded, argv)],
            cwd=folder,
            env=os.environ | environment | _OURS | {"CODE": str(code)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, which `stop` ends as a whole
        )
    record = {"pid": process.pid, "began": _began(process.pid), "run": run, "log": str(log.relative_to(HERE))}
    (PIDS / f"{name}.new").write_text(json.dumps(record))
    (PIDS / f"{name}.new").replace(PIDS / f"{name}.json")
    return {"pid": process.pid}


def status() -> dict[str, Any]:
    """Of every node that was started here and not taken away by `stop`: running, ended with a code, or killed."""
    told = {}
    for name, record in _records().items():
        code = PIDS / f"{name}.code"
        lines = _lines(HERE / record["log"])
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        state: dict[str, Any] = {"run": record["run"], "error": errors[-1] if errors else ""}
        if _living(name) is not None:
            state |= {"state": "running", "for_s": round(_uptime_s() - (record["began"] or 0) / _TICKS_S, 1)}
        elif code.exists():
            state |= {"state": "ended", "code": int(code.read_text().strip() or 1)}
        else:
            state |= {"state": "killed"}
        told[name] = state | {"last": lines[-1] if lines else ""}
    return told


def stop(grace_s: float) -> dict[str, str]:
    """End all nodes, transmitters first: SIGTERM, after grace_s SIGKILL. Their files in pids/ are removed."""
    records = sorted(_records().items(), key=lambda item: (not item[0].startswith("tx"), item[0]))
    living = {name: record["pid"] for name, record in records if _living(name) is not None}
    done = {name: "stopped" if name in living else "had ended" for name, _ in records}
    for name, group in living.items():
        _signal(_members(name, group), signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while any(_members(*one) for one in living.items()) and time.monotonic() < deadline:
        time.sleep(0.05)
    for name, group in living.items():
        left = _members(name, group)
        if left:
            done[name] = "killed"
            _signal(left, signal.SIGKILL)
    for name, _ in records:
        for ending in ("json", "code"):
            (PIDS / f"{name}.{ending}").unlink(missing_ok=True)
    return done


def execute(argv: list[str], limit_s: float) -> dict[str, Any]:
    """Run Python with these arguments to its end."""
    done = subprocess.run(
        [sys.executable, *argv], env=os.environ | _OURS, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=limit_s, check=False,
    )  # fmt: skip
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr[-2000:]}


def reach(host: str, port: int, limit_s: float) -> dict[str, Any]:
    """How long a connection to a port takes, or why there is none."""
    began = time.perf_counter()
    try:
        socket.create_connection((host, port), limit_s).close()
    except OSError as error:
        return {"error": error.strerror or str(error)}
    return {"connect_ms": round(1e3 * (time.perf_counter() - began), 3)}


def listen(host: str, port: int) -> None:
    """Accept connections until standard input ends; says "ready", or "taken" where somebody listens already."""
    try:
        server = socket.create_server((host, port))
    except OSError as error:
        print(json.dumps("taken" if "in use" in str(error) else f"cannot listen: {error.strerror}"), flush=True)
        sys.stdin.read()
        return
    print(json.dumps("ready"), flush=True)
    sys.stdin.read()
    server.close()


def clock() -> None:
    """This host's time for every line on standard input."""
    for _ in sys.stdin:
        print(repr(time.time()), flush=True)


def _expanded(argument: str) -> str:
    return os.path.expanduser(argument) if argument.startswith("~/") else argument


def _inside(name: str) -> Path:
    path = (HERE / name).resolve()
    if path == HERE or not path.is_relative_to(HERE):
        raise ValueError(f"{name} is not below {HERE}")
    return path


def _records() -> dict[str, dict[str, Any]]:
    found = {}
    for file in sorted(PIDS.glob("*.json")):
        with contextlib.suppress(ValueError, OSError):
            found[file.stem] = json.loads(file.read_text())
    return found


def _began(pid: int) -> int | None:
    """When a process began, in clock ticks after the start of the machine; None where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[19])


def _uptime_s() -> float:
    return float(Path("/proc/uptime").read_text().split()[0])


def _living(name: str) -> dict[str, Any] | None:
    record = _records().get(name)
    return record if record is not None and _members(name, record["pid"]) else None


def _members(name: str, group: int) -> list[int]:
    """Processes of a node's group that are no corpses. Numbers are used again: all of ours know their node's file."""
    mark = f"CODE={PIDS / name}.code".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) == group and fields[0] != "Z" and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _lines(log: Path) -> list[str]:
    """The last lines of a log that hold something."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16384))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]


ACTIONS = {
    action.__name__: action
    for action in (facts, digests, unpack, start, status, stop, execute, reach, listen, clock)
}  # fmt: skip


def main() -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 - the host's Python is not this package's
        sys.exit(f"Python 3.11 or newer is needed, and this is {platform.python_version()}")
    os.umask(0o077)  # nobody else reads what is kept here, keys least of all
    request = json.loads(sys.argv[1])
    answer = ACTIONS[request.pop("do")](**request)
    if answer is not None:
        print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
