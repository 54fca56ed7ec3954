"""A slot whose burst carries several pictures of every user, as one slot for each of its frames."""

from dataclasses import replace

import msgspec

from hil.bus.messages import Sent
from hil.session.slot import Slot
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.reception.several import picture_of


def pictures_of(slot: Slot, grid: ResourceGrid) -> list[Slot]:
    """Everything that is known of each picture, once everything is known of the slot; the slot itself where it has one.

    What is of the burst as a whole (channels, samples, events, latencies) is the same in all of them.
    """
    count = slot.grant.pictures
    return [slot] if count == 1 or slot.grant.frame is None else [_picture(slot, grid, n) for n in range(count)]


def _picture(slot: Slot, grid: ResourceGrid, place: int) -> Slot:
    count, first = slot.grant.pictures, slot.grant.frame or 0
    told = {user: sent for user, sent in slot.sent.items() if 1 + len(sent.behind) == count or sent.ended is not None}
    several = {user: sent for user, sent in told.items() if sent.ended is None}
    uses = {user: sent.n_symbols // count for user, sent in several.items()}
    return replace(
        slot,
        grant=msgspec.structs.replace(slot.grant, frame=first + place, pictures=1),
        received=None if slot.received is None else picture_of(slot.received, grid, place, count),
        sent=told | {user: sent_picture(sent, place) for user, sent in several.items()},
        originals={user: slot.originals[user][place] for user in several},
        symbols={user: slot.symbols[user][place * k : (place + 1) * k] for user, k in uses.items()},
        links=dict(slot.links),
        latency_ms=dict(slot.latency_ms),
        place=place,
        burst=slot,
    )


def sent_picture(sent: Sent, place: int) -> Sent:
    """What a transmitter said of one picture of its burst."""
    own = msgspec.structs.replace(
        sent,
        frame=None if sent.frame is None else sent.frame + place,
        n_symbols=sent.n_symbols // (1 + len(sent.behind)),
        behind=[],
    )
    return own if place == 0 else msgspec.structs.replace(own, **msgspec.structs.asdict(sent.behind[place - 1]))
