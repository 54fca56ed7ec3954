"""Results and logs of a run, from the hosts of a lab into one folder."""

from pathlib import Path, PurePosixPath
from typing import Any

from hil.lab.agent import digest_of
from hil.lab.nodes import RESULTS
from hil.lab.operations import Lab, Told
from hil.lab.remote import HostFailed, RemoteHost

DIGEST_S = 600.0  # of reading a long run on a slow card


def collect(lab: Lab, run: str, out: Path) -> Told:
    """Fetch what is new or has changed: the receiver's results to `out`, every node's log to `out`/logs.

    By host how many files were fetched and how many there are.
    """
    out.mkdir(parents=True, exist_ok=True)
    receiver = lab.inventory.nodes["rx"].host

    def collect_one(host: RemoteHost) -> dict[str, Any]:
        folders = {f"runs/{run}/logs": out / "logs"}
        if host.name == receiver:
            folders[f"runs/{run}/{RESULTS}"] = out
        fetched = count = 0
        for folder, to in folders.items():
            for name, digest in host.ask("digests", folders=[folder], timeout_s=DIGEST_S).items():
                place = _safe_place(host, to, PurePosixPath(name).relative_to(folder).parts)
                count += 1
                if not place.is_file() or digest_of(place) != digest:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    host.fetch(name, place)
                    fetched += 1
        return {"files": count, "fetched": fetched}

    return lab.everywhere(collect_one)


def _safe_place(host: RemoteHost, to: Path, parts: tuple[str, ...]) -> Path:
    """Where a file goes: below `to`, whatever a host calls it."""
    if not parts or any(part in ("..", "/", "") or "\0" in part for part in parts):
        raise HostFailed(f"{host.name} ({host.where}) names a file {'/'.join(parts)!r}, which is not taken.")
    return to.joinpath(*parts)
