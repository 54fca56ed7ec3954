"""Slots of two users over the simulated air with their truth, in this process; and slots made by hand."""

import numpy as np

from hil.bus.messages import Grant, Link, Sent, Start
from hil.config import RunConfig
from hil.session.slot import Slot
from radio.air.medium import Medium
from radio.samples import Samples
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.reception.receiver import BurstReceiver
from radio.waveform.transmission.transmitter import BurstTransmitter

PRECORRECTION_HZ = (120.0, -80.0)  # of each user, far less than what is left of their carriers
ADVANCE_TICKS = (0, 3)  # by which their bursts leave early
SIZES = ((4, 8), (8, 4), (8, 8))  # of the pictures, in turn


def run_config(**values):
    air = {"tx_ppm": (0.4, -0.3), "rx_ppm": 0.1, "phase_noise": None}
    return RunConfig.model_validate({"snr_db": 25.0, "seed": 5, "channel": "tdl-a", "air": air, **values})


def air_slots(config, frames=3, n_symbols=600):
    """A sounding, then frames, each heard and with all that is true of it."""
    grid, medium, receiver = ResourceGrid(config.waveform), Medium(config.air), BurstReceiver(config.waveform)
    rng, guard = np.random.default_rng(config.seed), config.radio.guard_samples
    length = grid.burst_length(n_symbols) + 2 * guard
    medium.block_samples = length
    for number in range(frames + 1):
        frame = None if number == 0 else number - 1
        slot = Slot(Grant(number, frame, number * length, None), Start(length, guard))
        for user in range(config.users):
            _send(slot, user, config, medium, rng, n_symbols)
        data = medium.render(slot.grant.slot_tick, length)
        slot.samples = Samples(data, slot.grant.slot_tick, config.sample_rate_hz)
        slot.received = receiver.receive(slot.samples, slot.burst_tick)
        yield slot


def _send(slot, user, config, medium, rng, n_symbols):
    frame, number = slot.grant.frame, slot.grant.slot
    height, width = SIZES[(number + user) % len(SIZES)]
    k = 0 if frame is None else n_symbols - 100 * user
    symbols = (rng.standard_normal((k, 2)) @ [1, 1j] / np.sqrt(2)).astype(np.complex64)
    header = FrameHeader.probe(user) if frame is None else FrameHeader(frame, user, "image", height, width, k, number)
    burst = BurstTransmitter(config.waveform, user).modulate(symbols, header) * np.float32(config.radio.tx_amplitude)
    turns = np.arange(burst.size) * (PRECORRECTION_HZ[user] / config.sample_rate_hz)
    burst = (burst * np.exp(-2j * np.pi * turns)).astype(np.complex64)
    tick = slot.burst_tick - ADVANCE_TICKS[user]
    truth = medium.add_burst(user, Samples(burst[np.newaxis], tick, config.sample_rate_hz))
    gains = [[(float(g.real), float(g.imag)) for g in antenna] for antenna in truth.tap_gains]
    delays = [float(delay) for delay in truth.tap_delays_samples]
    slot.links[user] = Link(
        user, tick, truth.cfo_hz, truth.clock_ppm, truth.delay_samples, delays, gains, truth.noise_power
    )
    slot.symbols[user] = symbols
    if frame is None:
        slot.sent[user] = Sent(number, None, user, precorrection_hz=PRECORRECTION_HZ[user])
        slot.originals[user] = np.zeros((0, 0, 3), np.uint8)
        return
    slot.originals[user] = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    slot.sent[user] = Sent(
        number, frame, user, picture=number, image_id=f"bïld {number}.png", height=height, width=width, n_symbols=k,
        precorrection_hz=PRECORRECTION_HZ[user],
    )  # fmt: skip


def plain_slot(config, number, length=2000):
    """Nothing was received; the samples are the slot's number plus one, its only symbol as well."""
    slot = Slot(Grant(number, number, number * length, None), Start(length, 64))
    slot.samples = Samples(
        np.full((config.rx_antennas, length), number + 1, np.complex64), number * length, config.sample_rate_hz
    )
    slot.sent[0] = Sent(number, number, 0, picture=number, image_id=str(number), height=1, width=2, n_symbols=1)
    slot.originals[0] = np.full((1, 2, 3), number % 256, np.uint8)
    slot.symbols[0] = np.full(1, number + 1, np.complex64)
    return slot
