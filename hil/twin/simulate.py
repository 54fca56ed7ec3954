"""Slots over the simulated air in this very process: transmitters, air and receiver without a bus between them.

What the nodes of a loopback run do with a slot is done here in the same order (pre-correction of carriers, fading in
blocks of a slot, the receiver's report back to the transmitters), so that a recorded run and its twin can be compared.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from calibration.loops.frequency import precorrect
from hil.bus.messages import CsiReport, Grant, Hello, Sent, UserCommand
from hil.bus.parts import SentItem
from hil.config import RunConfig
from hil.session.burst.slot_receiver import SlotReceiver
from hil.session.burst.training import waveform_of
from hil.session.control import SessionControl
from hil.session.slot import Slot
from radio.air.medium import Medium
from radio.samples import Samples
from radio.waveform.burst.header import FrameHeader
from radio.waveform.transmission.transmitter import BurstTransmitter

Payload = Callable[[Slot, int, CsiReport | None], tuple[np.ndarray, FrameHeader]]


def simulate(
    config: RunConfig, plan: Iterable[Slot], payload: Payload, powers: Callable[[Slot], np.ndarray | None] | None = None
) -> Iterator[Slot]:
    """The planned slots (grant, start) as they come out of the air: samples, received frame, CSI and what was sent.

    payload(slot, user, csi): symbols complex64 [k] and header of a user's burst; csi is the last slot's report, None in
    the first. powers: of a slot, see `BurstReceiver.receive`. Users in the grant's lost_users are silent. The samples
    of a slot are those of its own air time.
    """
    medium, receiver = Medium(config.air), SlotReceiver(config, remember=False)
    # Gains stay as configured: these transmitters say that they cannot go lower.
    hellos = {user: Hello("tx", user, 0, "") for user in range(config.users)}
    control = SessionControl(config, hellos, repeats=False)
    csi: CsiReport | None = None
    for slot in plan:
        grant, start = slot.grant, slot.start
        medium.block_samples = start.slot_samples
        commands = control.commands(grant.slot, grant.slot_tick, grant.frame is None, set(grant.lost_users))
        for user, command in enumerate(commands):
            if user in grant.lost_users or command.silent:
                continue
            symbols, header = payload(slot, user, csi)
            transmitter = BurstTransmitter(waveform_of(config.waveform, grant), user)
            burst = transmitter.modulate(symbols, header) * np.float32(config.radio.tx_amplitude)
            burst = precorrect(burst, command.correction_hz, config.sample_rate_hz)
            burst = (burst / np.maximum(np.abs(burst), np.float32(1.0))).astype(np.complex64)
            tick = slot.burst_tick - command.advance_ticks
            medium.add_burst(user, Samples(burst[np.newaxis], tick, config.sample_rate_hz))
            slot.sent[user] = _sent(grant, header, command)
            slot.symbols[user] = symbols
            slot.originals.setdefault(user, np.zeros((0, 0, 3), np.uint8))
        data = medium.render(grant.slot_tick, start.slot_samples)
        medium.forget_before(grant.slot_tick + start.slot_samples)
        slot.samples = Samples(data, grant.slot_tick, config.sample_rate_hz)
        slot.powers = powers(slot) if powers else None
        receiver.receive(slot)
        if slot.csi is not None:
            control.take(slot.csi)
        csi = slot.csi
        yield slot


def random_payload(n_symbols: int, seed: int) -> Payload:
    """Gaussian symbols, which is what codecs' latents look like; probes (frame None) carry none."""

    def payload(slot: Slot, user: int, _csi: CsiReport | None) -> tuple[np.ndarray, FrameHeader]:
        if slot.grant.frame is None:
            return np.zeros(0, np.complex64), FrameHeader.probe(user)
        rng = np.random.default_rng([seed, slot.grant.slot, user])
        symbols = (rng.standard_normal((n_symbols, 2)) @ [1, 1j] / np.sqrt(2)).astype(np.complex64)
        return symbols, FrameHeader(slot.grant.frame, user, "image", 0, 0, n_symbols, 0)

    return payload


def _sent(grant: Grant, header: FrameHeader, command: UserCommand) -> Sent:
    return Sent(
        slot=grant.slot,
        frame=grant.frame,
        user=command.user,
        picture=header.picture,
        height=header.height,
        width=header.width,
        n_symbols=header.n_symbols,
        behind=[SentItem()] * (header.pictures - 1),
        precorrection_hz=command.correction_hz,
        advance_ticks=command.advance_ticks,
    )
