"""What every node process shares: joining the bus, stopping in order, going down with its parent."""

import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

import click

from hil.bus.client import BusClient
from hil.bus.messages import Body, Bye, Forgotten, Heartbeat, Hello, Refused, Start, Stop
from hil.bus.presence import Silence
from hil.config import RunConfig
from hil.errors import HilError, UsageError
from radio.memory import keep_freed_memory

log = logging.getLogger(__name__)
BUSY_S = 2.0  # how long a node whose coordinator has gone may take to notice
AGAIN_S = 0.1  # until a signal is repeated that was swallowed
PARENT_VARIABLE = "SEMNOMA_HIL_PARENT"


class Stopped(BaseException):
    """Raised in the main thread by SIGTERM or SIGINT, so that `finally` blocks turn transmitters off.

    No Exception: what turns any fault of a library into a sentence must not take it for one.
    """


class Apart(HilError):
    """This node and its coordinator have lost each other; it may ask to join again."""


def stop_on_signals() -> None:
    """Turn SIGTERM and SIGINT into `Stopped`, and watch the supervisor if there is one.

    Where Python lets no exception out (a callback from C, as the compiler's, or `__del__`), the signal comes again. A
    node that its supervisor started must not outlive it (a supervisor can be killed without a word).
    """

    def handler(number: int, _frame: FrameType | None) -> NoReturn:
        raise Stopped(signal.Signals(number).name)

    signal.signal(signal.SIGTERM, handler)
    signal.signal(signal.SIGINT, handler)
    sys.unraisablehook = _swallowed
    parent = os.environ.get(PARENT_VARIABLE)
    if parent:
        threading.Thread(target=_watch_parent, args=(int(parent),), daemon=True).start()


def _swallowed(lost: "sys.UnraisableHookArgs") -> None:
    if isinstance(lost.exc_value, Stopped):
        number = signal.Signals[str(lost.exc_value)]
        threading.Timer(AGAIN_S, os.kill, (os.getpid(), number)).start()
    else:
        sys.__unraisablehook__(lost)


def _watch_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


def connect(config: RunConfig, name: str) -> BusClient:
    """Open this node's end of the bus. name: "tx0", "rx", "air". Its memory is set up for bursts too."""
    keep_freed_memory()
    bus = config.bus
    client = BusClient(
        bus.endpoint,
        name,
        heartbeat_s=bus.heartbeat_s,
        timeout_s=bus.node_timeout_s,
        keys_folder=bus.keys,
    )
    threading.Thread(target=_end_with_coordinator, args=(client,), name="end", daemon=True).start()
    return client


def _end_with_coordinator(bus: BusClient) -> None:
    """A node that is busy while its coordinator dies ends all the same: compiling, or waiting for its radio."""
    while not bus.coordinator.gone:
        if bus.leaving.wait(0.2):
            return
    if not bus.leaving.wait(BUSY_S):
        log.error("the coordinator has gone")
        os.kill(os.getpid(), signal.SIGTERM)


@contextlib.contextmanager
def membership(config: RunConfig, name: str) -> Iterator[BusClient]:
    """This node's end of the bus while the block runs; the coordinator hears why it ended. A signal aborts."""
    stop_on_signals()
    bus, reason = connect(config, name), ""
    try:
        yield bus
    except Stopped as stopped:
        reason = str(stopped)
        raise click.Abort from stopped
    except Exception as error:
        reason = str(error)
        raise
    finally:
        leave(bus, reason)


def join(bus: BusClient, hello: Hello, join_timeout_s: float) -> Start:
    """Say hello until the coordinator starts the run: as long as it is heard, and join_timeout_s when it is not.

    Raises UsageError when it refuses this node, HilError when it does not answer, stops or dies.
    """
    began_s = time.monotonic()
    while time.monotonic() - max(began_s, bus.coordinator.heard_s) < join_timeout_s:  # heard: it waits for the others
        bus.send(hello)
        retry = time.monotonic() + 1.0
        while time.monotonic() < retry:
            message = bus.receive(0.2)
            if message is None:
                continue
            match message.body:
                case Start():
                    return message.body
                case Refused(reason=reason):
                    raise UsageError(reason)
                case Silence(reason=reason, gone=True):
                    raise HilError(f"{reason}.")
                case Stop(reason=reason) | Silence(reason=reason):
                    log.debug("still waiting: %s", reason)
                case Heartbeat() | Forgotten():
                    pass
    raise HilError(
        f"no start from a coordinator at {bus.endpoint} within {join_timeout_s:g} s; "
        f"is semnoma-hil coordinator running there, and are all nodes up?"
    )


def keep_place(bus: BusClient, hello: Hello, body: Body | Silence, rejoin_timeout_s: float) -> Stop | None:
    """What receiver and air do as the coordinator falls silent or has lost them: say Hello again, or stop for good."""
    match body:
        case Silence(reason=reason, gone=gone):
            if gone or time.monotonic() - bus.coordinator.heard_s > rejoin_timeout_s:
                return Stop(complete=False, reason=reason)
            log.warning("%s", reason)
            bus.send(hello)
        case Forgotten():
            log.warning("the coordinator had lost this node; it joins again")
            bus.send(hello)
    return None


def word_of_the_end(bus: BusClient, patience_s: float) -> Stop | None:
    """What a node does whose radio's other end has gone: perhaps the run is over, and the Stop still on its way."""
    end_s = time.monotonic() + patience_s
    while time.monotonic() < end_s:
        message = bus.receive(0.1)
        if message is not None and isinstance(message.body, Stop):
            return message.body
        if bus.coordinator.gone:
            break
    return None


def leave(bus: BusClient, reason: str = "") -> None:
    """Tell the coordinator, then close. Further signals are ignored: the node is on its way out."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(HilError):  # a dead bus says no goodbye, and what it died of is on its way up already
        bus.send(Bye(reason))
    bus.close()
