"""Tones that a slot was received beside: foreign carriers, a clock's spur, the receiver's own DC offset."""

from hil.session.slot import Slot
from radio.samples import EventKind
from radio.waveform.acquisition.tones import without_tones


def note_tones(slot: Slot) -> None:
    """Keep the slot's tones and count them as an event, also where no burst was found beside them."""
    if slot.received is not None:
        slot.tones = slot.received.tones
    elif slot.samples is not None:
        slot.tones = without_tones(slot.samples.data)[1]
    if slot.tones:
        slot.events[EventKind.INTERFERENCE] = len(slot.tones)
