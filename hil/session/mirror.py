"""A mirrored spectrum: I and Q swapped at a connector or in a driver, or an oscillator above the signal."""

import logging

import numpy as np

from hil.session.slot import Slot
from radio.samples import Samples
from radio.waveform.reception.receiver import BurstReceiver

log = logging.getLogger(__name__)
EVENT = "mirrored_spectrum"
REMEDY = "the received spectrum is mirrored (I and Q swapped, or a high-side mixer): set rx.mirrored=true"


def mirrored(samples: Samples) -> Samples:
    """The same samples with their spectrum turned about the carrier."""
    return Samples(np.conj(samples.data), samples.start_tick, samples.sample_rate_hz)


def is_mirrored(receiver: BurstReceiver, samples: Samples, expected_tick: int | None) -> bool:
    """Whether a header can be read in the mirror, where none could be read as the samples are."""
    frame = receiver.receive(mirrored(samples), expected_tick)
    return frame is not None and any(user.header_read for user in frame.users)


def note_mirror(receiver: BurstReceiver, slot: Slot, expected_tick: int | None) -> None:
    """Where nobody's header was read, say so if the mirror shows one: an event of the slot, and the remedy."""
    read = slot.received is not None and any(user.header_read for user in slot.received.users)
    if slot.samples is None or read or not is_mirrored(receiver, slot.samples, expected_tick):
        return
    slot.events[EVENT] = 1
    log.warning("slot %d: %s", slot.grant.slot, REMEDY)
