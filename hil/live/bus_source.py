"""The state from a running coordinator, as an observer on its bus; looks for the next one when a run is over."""

import contextlib
import logging
import secrets
import threading
import time
from pathlib import Path

from pydantic import ValidationError

from hil.bus.client import BusClient
from hil.bus.messages import Hello, Overview, Refused, RunFacts, Stop, Telemetry
from hil.bus.presence import Silence
from hil.bus.wire import Received
from hil.config import RunConfig
from hil.live.state import LiveState

log = logging.getLogger(__name__)
HELLO_S = 1.0
ATTEMPT_S = 5.0  # after this a fresh connection is made: an old one would send every Hello that it had queued
SILENCE_S = 5.0


class BusSource:
    """Observes the coordinator at `endpoint` in a thread of its own until closed.

    key: names the run in the state; None takes the coordinator's own name of it.
    """

    def __init__(self, state: LiveState, endpoint: str, keys_folder: Path | None = None, key: str | None = None):
        self._state, self._endpoint, self._keys, self._key = state, endpoint, keys_folder, key
        self._closing = threading.Event()
        self._connect().close()  # raises UsageError for keys that are missing, here and not in the thread
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave the bus."""
        self._closing.set()
        self._thread.join(timeout=5)

    def _connect(self) -> BusClient:
        name = f"observer-{secrets.token_hex(4)}"
        return BusClient(
            self._endpoint, name, heartbeat_s=0.5, timeout_s=SILENCE_S, keys_folder=self._keys, key="observer"
        )

    def _run(self) -> None:
        while not self._closing.is_set():
            with contextlib.closing(self._connect()) as bus:
                sentence = self._watch(bus)
            self._state.source(False, sentence)
            self._closing.wait(0.5)

    def _watch(self, bus: BusClient) -> str:
        """Until the run ends or nobody answers; returns why in a sentence."""
        joined, last_hello, began = False, 0.0, time.monotonic()
        while not self._closing.is_set():
            now = time.monotonic()
            if not joined and now - began > ATTEMPT_S:
                return f"no coordinator answers at {self._endpoint}"
            if not joined and now - last_hello > HELLO_S:
                bus.send(Hello(role="observer", user=None, process_id=0, config_digest=""))
                last_hello = now
            message = bus.receive(0.2)
            if message is None:
                continue
            match message.body:
                case Refused(reason=reason):
                    self._closing.wait(2.0)
                    return f"the coordinator refused: {reason}"
                case RunFacts() as facts:
                    joined = joined or self._begin(facts)
                case Stop(complete=complete, reason=reason) if joined:
                    return "the run is finished" if complete else f"the run has stopped: {reason}"
                case Silence(reason=reason) if joined:
                    return f"the run has stopped: {reason}"
                case Stop() | Silence():
                    pass
                case _ if joined:
                    self._take(message)
        return "closed"

    def _begin(self, facts: RunFacts) -> bool:
        try:
            config = RunConfig.model_validate(facts.config)
        except ValidationError as error:
            log.warning("the coordinator's configuration is not one of this version: %s", error)
            self._state.source(False, "the coordinator runs another version: its configuration cannot be read")
            return False
        self._state.begin(self._key or facts.run, config, facts.frames_to_send, facts.run)
        self._state.source(True, f"live from the coordinator at {self._endpoint}")
        return True

    def _take(self, message: Received) -> None:
        match message.body:
            case Overview() as overview:
                self._state.overview(overview)
            case Telemetry() as telemetry:
                self._state.telemetry(telemetry, message.attachments)
