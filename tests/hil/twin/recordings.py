"""Recordings of the simulated air with impairments that a test chooses, made in this process in a second."""

from hil.bus.messages import Grant, Start
from hil.config import RunConfig
from hil.results.session_recording import SessionRecorder
from hil.session.slot import Slot
from hil.twin.simulate import random_payload, simulate
from radio.waveform.burst.grid import ResourceGrid

TWO_LINKS = ({"gain_db": 1.0, "delay_samples": 2.3}, {"gain_db": -1.26, "delay_samples": 4.6})  # sums to 3 dB
AIR = {"tx_ppm": (1.5, -2.0), "rx_ppm": 0.5, "links": TWO_LINKS}


def mask(shift_db):
    return {"mask": tuple((f, level + shift_db) for f, level in ((1e3, -80), (1e4, -90), (1e5, -100), (1e6, -125)))}


def run_config(seed=3, snr_db=20.0, channel="awgn", **air):
    return RunConfig.model_validate({"seed": seed, "snr_db": snr_db, "channel": channel, "air": AIR | air})


def plan(config, slots, n_symbols, probes=3):
    guard = config.radio.guard_samples
    length = ResourceGrid(config.waveform).burst_length(n_symbols) + 2 * guard
    frames = [None] * probes + list(range(slots - probes))
    return [Slot(Grant(i, frame, i * length, None), Start(length, guard)) for i, frame in enumerate(frames)]


def record(path, config, slots=30, n_symbols=1024, lost=()):
    """Returns the path of the recording's metadata."""
    recorder = SessionRecorder(path, config)
    slotted = plan(config, slots, n_symbols)
    for slot in slotted:
        slot.grant.lost_users.extend(lost)
    for slot in simulate(config, slotted, random_payload(n_symbols, config.seed)):
        recorder.record(slot)
        slot.samples = None
    recorder.close()
    return path
