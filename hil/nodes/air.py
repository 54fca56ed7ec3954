"""The simulated air as a node: runs the IQ server, follows the run's slots, tells the ground truth."""

import os
import threading
from dataclasses import dataclass

from hil.bus.client import BusClient
from hil.bus.messages import Forgotten, Hello, Link, NodeLost, Refused, Start, Stop, Truth
from hil.bus.presence import Silence
from hil.config import RunConfig
from hil.errors import HilError
from hil.nodes.node import join, keep_place
from radio.air.medium import LinkTruth
from radio.air.serving.server import AirServer

POLL_S = 0.2


@dataclass
class AirNode:
    """`run` serves samples until the coordinator stops the run; returns its Stop message."""

    config: RunConfig
    bus: BusClient
    server: AirServer

    def run(self) -> Stop:
        """Fading blocks are slots: one realisation of the channel per slot. Truth goes out behind a slot's samples."""
        hello = Hello(role="air", user=None, process_id=os.getpid(), config_digest=self.config.digest())
        serving = threading.Thread(target=self.server.run, name="air", daemon=True)
        serving.start()
        start = join(self.bus, hello, self.config.bus.join_timeout_s)
        self.server.set_block_samples(start.slot_samples)
        self.server.on_rendered = self._tell_truth
        while True:
            message = self.bus.receive(POLL_S)
            if message is not None:
                match message.body:
                    case Stop() as stop:
                        return stop
                    case Silence() | Forgotten():
                        stopped = keep_place(self.bus, hello, message.body, self.config.bus.rejoin_timeout_s)
                        if stopped is not None:
                            return stopped
                    case NodeLost(role="tx", user=int(user)):
                        self.server.drop_transmitter(user)
                    case Refused(reason=reason):
                        raise HilError(reason)
                    case Start():
                        pass
            if not serving.is_alive():
                raise HilError("the simulated air's sample server has ended.")
            self._tell_truth()  # also of what nobody has received

    def _tell_truth(self) -> None:
        links = self.server.drain_truth()
        if links:
            self.bus.send(Truth([_link(link) for link in links]))


def _link(truth: LinkTruth) -> Link:
    return Link(
        user=truth.user,
        burst_start_tick=truth.burst_start_tick,
        cfo_hz=float(truth.cfo_hz),
        clock_ppm=float(truth.clock_ppm),
        delay_samples=float(truth.delay_samples),
        tap_delays_samples=[float(delay) for delay in truth.tap_delays_samples],
        tap_gains=[[(float(g.real), float(g.imag)) for g in antenna] for antenna in truth.tap_gains],
        noise_power=float(truth.noise_power),
    )
