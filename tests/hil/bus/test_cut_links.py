"""Connections try again every second after a cut; what a run makes of one is seen in tests/proof/test_hosts.py."""

import contextlib
import os
import socket
import time

import pytest

from hil.bus.client import BusClient
from hil.bus.server import BusServer
from radio.air.config import AirConfig
from radio.air.serving.server import AirServer
from radio.cut_links import _GIVEN_UP_MS, _TCP_RTO_MAX_MS
from radio.safety.open import open_radio


def knows_a_limit():
    with socket.socket() as own, contextlib.suppress(OSError):
        own.setsockopt(socket.IPPROTO_TCP, _TCP_RTO_MAX_MS, 1000)
        return True
    return False


pytestmark = pytest.mark.skipif(not knows_a_limit(), reason="this kernel has no TCP_RTO_MAX_MS (Linux 6.15)")


def connections(endpoint):
    """(longest time between two tries, time after which it is given up) of this process's ends of it, in ms."""
    port, found = int(endpoint.rsplit(":", 1)[1]), []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if not os.readlink(f"/proc/self/fd/{number}").startswith("socket:"):
                continue
            with socket.fromfd(int(number), socket.AF_INET, socket.SOCK_STREAM) as own:
                is_tcp = own.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == socket.AF_INET
                if is_tcp and port in (own.getsockname()[1], own.getpeername()[1]):  # which listeners have not
                    options = (_TCP_RTO_MAX_MS, socket.TCP_USER_TIMEOUT)
                    found.append(tuple(own.getsockopt(socket.IPPROTO_TCP, option) for option in options))
    return found


def until_set_up(endpoint, count, meanwhile=lambda: None):
    end = time.monotonic() + 60.0
    while (found := connections(endpoint)) != [(1000, _GIVEN_UP_MS)] * count:
        assert time.monotonic() < end, found
        meanwhile()
        time.sleep(0.05)


def test_both_ends_of_the_bus_try_every_second():
    server = BusServer("tcp://127.0.0.1:*")
    node = BusClient(server.endpoint, "tx0", heartbeat_s=0.05, timeout_s=60.0)
    until_set_up(server.endpoint, 2)
    node.close()
    server.close()


def test_both_ends_of_the_simulated_air_try_every_second():
    air = AirServer(AirConfig.ideal(), "tcp://127.0.0.1:*")
    air.serve_in_thread()
    radio = open_radio(f"sim:{air.endpoint}", role="rx")
    until_set_up(
        air.endpoint, 4, radio.now_tick
    )  # it looks at its connection when it waits for an answer; 2 heartbeat's
    radio.close()
    air.close()
