"""What is done to a whole lab: hosts side by side, and one that fails is named while the others go on."""

import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hil.config import RunConfig
from hil.errors import HilError
from hil.lab import nodes
from hil.lab.files import FOLDERS, differing, key_files, make_keys, shared_files, write_archive
from hil.lab.inventory import Inventory
from hil.lab.remote import HostFailed, RemoteHost

SEND_TIMEOUT_S = 600.0  # of unpacking what was sent on a slow card
PREPARE_TIMEOUT_S = 900.0  # of compiling on a slow processor
GRACE_S = 10.0
Told = dict[str, dict[str, Any]]  # by host; a host that failed has "error"


class Lab:
    """The hosts of an inventory; `close` ends the connections and nothing that runs there."""

    def __init__(
        self, inventory: Inventory, config: RunConfig, say: Callable[[str], None] = lambda _line: None
    ) -> None:
        """say: hears what takes long."""
        self.inventory, self.config, self._say = inventory, config, say
        used = {node.host for node in inventory.nodes.values()}
        self.hosts = {name: RemoteHost(name, host, inventory) for name, host in inventory.hosts.items() if name in used}

    def close(self) -> None:
        """Safe to call twice."""
        for host in self.hosts.values():
            host.close()

    def provision(self) -> Told:
        """Send what hosts lack or have otherwise; by host what it is and how many files were sent."""
        make_keys(self.inventory)
        shared = shared_files(self.config)

        def provision_one(host: RemoteHost) -> dict[str, Any]:
            wanted = shared | key_files(self.inventory, host.name)
            there = host.ask("digests", folders=FOLDERS)
            changed, superfluous = differing(wanted, there)
            if changed or superfluous:
                with tempfile.TemporaryDirectory() as folder:
                    archive = Path(folder) / "incoming.tar.gz"
                    write_archive(archive, wanted, changed)
                    self._say(f"{host.name}: sending {len(changed)} files, {archive.stat().st_size / 1e6:.1f} MB")
                    host.send(archive, archive.name)
                host.ask("unpack", archive=archive.name, remove=superfluous, timeout_s=SEND_TIMEOUT_S)
            if any(name.startswith("code/radio/") for name in changed):
                self._prepare(host)
            return {**host.ask("facts"), "files": len(wanted), "sent": len(changed), "removed": len(superfluous)}

        return self.everywhere(provision_one)

    def _prepare(self, host: RemoteHost) -> None:
        """Compile what a receiver or an air would make the others wait for."""
        if {"rx", "air"} & set(self.inventory.nodes_on(host.name)):
            self._say(f"{host.name}: compiling ahead, which takes a minute or more")
            argv = ["-P", "-m", "hil", "prepare", "--json"]
            host.ask("execute", argv=argv, limit_s=PREPARE_TIMEOUT_S, timeout_s=PREPARE_TIMEOUT_S)

    def start(self, run: str, able: Iterable[str]) -> Told:
        """Start the nodes of the hosts in `able`, the coordinator first. By host {"nodes": {name: answer}}.

        HilError when the coordinator could not be started: nobody would lead the others, and none is started.
        """
        leader = self.inventory.nodes["coordinator"].host
        hosts = list(able)
        if leader not in hosts:
            raise HilError(f"{leader} has failed and the coordinator runs there, so no node was started.")

        def start_on(host: RemoteHost, names: list[str]) -> dict[str, Any]:
            there = self.inventory.nodes_on(host.name)
            told = {}
            for name in names:
                argv = nodes.arguments(self.inventory, self.config, name)
                told[name] = host.ask("start", name=name, argv=argv, environment=nodes.environment(there), run=run)
            return {"nodes": told}

        try:
            first = start_on(self.hosts[leader], ["coordinator"])
        except HostFailed as failed:
            raise HilError(f"{failed} The coordinator was not started, and so no other node was.") from None
        told = self.everywhere(
            lambda host: start_on(host, [n for n in self.inventory.nodes_on(host.name) if n != "coordinator"]), hosts
        )
        if "nodes" in told[leader]:
            told[leader]["nodes"] |= first["nodes"]
        return told

    def status(self) -> Told:
        """By host {"nodes": {name: state}} of what was started there."""
        return self.everywhere(lambda host: {"nodes": host.ask("status")})

    def stop(self) -> Told:
        """End every node that was started, transmitters first. By host {"nodes": {name: how it ended}}."""
        wait_s = GRACE_S + self.inventory.timeout_s
        return self.everywhere(lambda host: {"nodes": host.ask("stop", grace_s=GRACE_S, timeout_s=wait_s)})

    def everywhere(self, work: Callable[[RemoteHost], dict[str, Any]], names: Iterable[str] | None = None) -> Told:
        """Do work on these hosts, or all, at the same time. A host that fails is told by its sentence."""

        def guarded(host: RemoteHost) -> dict[str, Any]:
            try:
                return work(host)
            except HostFailed as failed:
                return {"error": str(failed)}

        hosts = [self.hosts[name] for name in (names if names is not None else self.hosts)]
        with ThreadPoolExecutor(max_workers=max(1, len(hosts))) as pool:
            return dict(zip((host.name for host in hosts), pool.map(guarded, hosts), strict=True))
