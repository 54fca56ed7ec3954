"""What an action would do to each host of a lab, as lines, without a connection."""

from hil.config import RunConfig
from hil.lab import nodes
from hil.lab.files import key_names, shared_files
from hil.lab.inventory import Inventory

_ALONE = {
    "status": "ask for the state of {names}",
    "down": "end {names} by SIGTERM, after 10 s by SIGKILL",
    "collect": "fetch what is new of runs/{run}",
}


def rehearse(action: str, inventory: Inventory, config: RunConfig, run: str) -> dict[str, list[str]]:
    """Lines by host. action: check, up, status, down or collect."""
    shared = shared_files(config) if action in ("check", "up") else {}
    plan = {}
    for name, host in inventory.hosts.items():
        names = inventory.nodes_on(name)
        if not names:
            continue
        user = f"{host.user}@" if host.user else ""
        port = f" port {host.port}" if host.port else ""
        lines = [f"{name}: ssh {user}{host.address}{port}"]
        if action in _ALONE:
            lines.append("  " + _ALONE[action].format(names=", ".join(names), run=run))
        else:
            size_mb = sum(len(content.data) for content in shared.values()) / 1e6
            keys = key_names(inventory, name)
            lines.append(f"  send what differs of {len(shared)} files ({size_mb:.1f} MB) to {host.folder}")
            lines.append(f"  send the keys {', '.join(keys)}")
        if action == "check":
            lines.append("  look at packages, drivers, clock, and whether it reaches " + inventory.bus)
        if action == "up":
            for node in sorted(names, key=lambda one: one != "coordinator"):
                words = " ".join(nodes.arguments(inventory, config, node))
                lines.append(f"  start {node} in {host.folder}/runs/{run}: {host.python} {words}")
        plan[name] = lines
    return plan
