"""How each node of a lab is started on its host; paths start at runs/RUN of the host's folder."""

from collections.abc import Sequence

from hil.bus.wire import is_loopback
from hil.config import RunConfig
from hil.lab.files import CONFIG
from hil.lab.inventory import Inventory, sim_endpoint

RESULTS = "results"  # of the receiver, below runs/RUN


def arguments(inventory: Inventory, config: RunConfig, name: str) -> list[str]:
    """What follows `python`."""
    node = inventory.nodes[name]
    user = name.removeprefix("tx")
    command = "tx" if name.startswith("tx") else name
    words = ["-P", "-m", "hil", command, "--config", f"../../{CONFIG}", "--keys", "../../keys"]
    device = node.device or config.radio.device
    if name == "air":
        words += ["--device", device]
        if not is_loopback(sim_endpoint(device)):
            words += ["--allow-remote"]
    elif name == "rx":
        words += ["--device", device, "--out", RESULTS]
    elif command == "tx":
        words += ["--user", user, "--device", device]
        words += ["--images", node.images] if node.images else []
    return words


def environment(nodes_there: Sequence[str]) -> dict[str, str]:
    """Of a host's nodes: several do not fight with their thread pools for the same cores."""
    return {"OMP_NUM_THREADS": "1"} if len(nodes_there) > 1 else {}
