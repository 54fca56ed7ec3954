"""Whether the hosts of a lab are fit for a run: programs, radios' drivers, clocks, links."""

import contextlib
import json
import time
from typing import Any

from hil.lab.inventory import Inventory, sim_endpoint
from hil.lab.operations import Lab, Told
from hil.lab.remote import RemoteHost

ROUNDS = 8
DOCTOR_S, REACH_S = 120.0, 5.0
_PARTS = {"tx": ("core", "transmitter"), "rx": ("core", "transmitter", "receiver")}


def check(lab: Lab) -> Told:
    """Send what is lacking, then look. By host its facts and "problems", sentences; a host that failed has "error"."""
    told = lab.provision()
    able = [name for name, facts in told.items() if "error" not in facts]
    with _listeners(lab, able) as places:

        def look(host: RemoteHost) -> dict[str, Any]:
            problems = _lacking(host, lab.inventory, lab)
            offset_s, uncertainty_s = clock_offset_s(host)
            limit_s = lab.inventory.max_clock_offset_s
            if abs(offset_s) - uncertainty_s > limit_s:
                problems.append(
                    f"its clock is {offset_s:+.3f} s from this machine's, more than max_clock_offset_s ({limit_s:g}); "
                    "let chrony or systemd-timesyncd set it"
                )
            links = {}
            for what, (address, port, listening) in places.items():
                answer = host.ask("reach", host=address, port=port, limit_s=REACH_S)
                if "error" in answer:
                    why = listening if listening not in ("ready", "taken") else answer["error"]
                    problems.append(f"it cannot reach the {what} at {address}:{port}: {why}")
                else:
                    links[what] = answer["connect_ms"]
            clock = {"clock_offset_s": round(offset_s, 6), "clock_uncertainty_s": round(uncertainty_s, 6)}
            return {**clock, "connect_ms": links, "problems": problems}

        found = lab.everywhere(look, able)
    return {name: facts | found.get(name, {}) for name, facts in told.items()}


def clock_offset_s(host: RemoteHost) -> tuple[float, float]:
    """(the host's time less this machine's, half the round trip that it was told in), of the quickest of several."""
    best = (0.0, float("inf"))
    with host.talk("clock") as exchange:
        for _ in range(ROUNDS):
            before = time.time()
            there = float(exchange("?"))
            after = time.time()
            best = min(best, (there - (before + after) / 2, (after - before) / 2), key=lambda one: one[1])
    return best


def _lacking(host: RemoteHost, inventory: Inventory, lab: Lab) -> list[str]:
    """Packages and drivers that the nodes there need and do not find, by the doctor of what was sent."""
    doctor = ["-P", "-m", "hil", "doctor", "--json"]  # its code 1 says that something the simulator needs is missing
    done = host.ask("execute", argv=doctor, limit_s=DOCTOR_S, timeout_s=DOCTOR_S + lab.inventory.timeout_s)
    try:
        findings = json.loads(done["out"])["findings"]
    except (ValueError, KeyError):
        last = (done["err"].strip().splitlines() or ["it said nothing"])[-1]
        return [f"the program does not start with {host.host.python}: {last}"]
    problems = []
    names = inventory.nodes_on(host.name)
    parts = {part for name in names for part in _PARTS.get(name[:2], ("core",))}
    lacking = [f["name"] for f in findings if f["part"] in parts and not f["ok"]]
    if lacking:
        extras = ",".join(sorted({"rx" if name == "rx" else "tx" for name in names}))
        problems.append(f'{", ".join(lacking)} missing; pip install -c constraints.txt "semnoma-hil[{extras}]" there')
    for name in names:
        scheme = (inventory.nodes[name].device or lab.config.radio.device).partition(":")[0]
        for finding in findings:
            if finding["part"] == "radio" and finding["name"] == scheme and not finding["ok"]:
                problems.append(f"{name} cannot open {scheme}: {finding['state']}")
    return problems


@contextlib.contextmanager
def _listeners(lab: Lab, able: list[str]) -> Any:
    """Somebody to answer on the ports that the nodes will use: what -> (host, port, what the listener says)."""
    wanted = {"coordinator": lab.inventory.bus.removeprefix("tcp://")}
    if "air" in lab.inventory.nodes:
        node = lab.inventory.nodes["air"]
        wanted["air"] = sim_endpoint(node.device or lab.config.radio.device).removeprefix("tcp://")
    places = {}
    with contextlib.ExitStack() as listening:
        for what, endpoint in wanted.items():
            address, _, port = endpoint.rpartition(":")
            name = lab.inventory.nodes[what].host
            said = f"its host {name} has failed"
            if name in able:
                talk = lab.hosts[name].talk("listen", host=address, port=int(port))
                said = json.loads(listening.enter_context(talk)(None) or '"it does not listen"')
            places[what] = (address, int(port), said)
        yield places
