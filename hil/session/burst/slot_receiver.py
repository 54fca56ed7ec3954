"""Receiving a granted slot: the one body that the receiver node, a replay and a twin run over a slot's samples."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from hil.bus.messages import UserCsi
from hil.config import RunConfig
from hil.session.burst.receivers import Receivers
from hil.session.channel_report import csi_report
from hil.session.mirror import note_mirror
from hil.session.repeated_slot import aligned
from hil.session.slot import NOT_SENT, Slot
from hil.session.stream_follower import Read, StreamFollower
from hil.session.tones import note_tones
from radio.samples import EventKind, RadioEvent, Samples, without_unusable
from radio.waveform.channel.delay_memory import DelayMemory
from radio.waveform.quality.rails import clipped_values
from radio.waveform.reception.frame import ReceivedFrame
from radio.waveform.reception.receiver import BurstReceiver


@dataclass
class SlotReceiver:
    """Receives the slots of one session in their order.

    read: samples of a radio that may lose some, from a tick on; a burst that is not at its place is looked for in
    them. None: a slot's own samples are all that there is.
    await_sent: returns once the slot's transmitters have told of their bursts, or will not; asked when a header could
    not be read. None: what was told is in the slot.
    events: what the radio met since it was asked last.
    remember: the arrivals of a slot help to measure the channels of the next, where rx.remember_delays is set.
    """

    config: RunConfig
    read: Read | None = None
    await_sent: Callable[[Slot], None] | None = None
    events: Callable[[], Iterable[RadioEvent]] | None = None
    remember: bool = True

    def __post_init__(self) -> None:
        self.receivers = Receivers(self.config.waveform)
        self._follower = StreamFollower(self.receivers.long)
        remember = self.remember and self.config.rx.remember_delays
        self._memory = DelayMemory(self.config.waveform) if remember else None

    def window(self, read: Read, slot: Slot) -> Samples:
        """A slot's samples where they are by now, with the ticks of the schedule."""
        return self._follower.window(read, slot)

    def receive(self, slot: Slot, arrivals: Sequence[UserCsi] | None = None) -> None:
        """Fill in the slot's received, csi, tones, events and latency from its samples (complex64 [antennas, samples]).

        What is no number in the samples becomes silence. slot.powers are those of `BurstReceiver.receive`.
        arrivals: of users who repeat the slot; None: those that a recorded slot's csi tells of. Where they arrived too
        far apart, or nobody was found, there is nothing to receive, and csi holds the arrivals.
        """
        assert slot.samples is not None
        if arrivals is None:
            arrivals = slot.csi.users if slot.start.repeats and slot.csi else []
        slot.samples, unusable = without_unusable(slot.samples)
        if unusable:
            slot.events["unusable"] = slot.events.get("unusable", 0) + unusable
        if clipped := clipped_values(slot.samples.data):
            slot.events[EventKind.CLIPPED] = clipped
        repeats, expected = slot.start.repeats, slot.burst_tick
        receiver = self._follower.receiver = self.receivers.of(slot.grant)
        clock = slot.ready_s = slot.heard_s = time.perf_counter()
        if not repeats or aligned(arrivals):
            slot.received = self._received(receiver, slot, expected)
        slot.latency_ms["phy"] = (time.perf_counter() - clock) * 1e3
        note_mirror(receiver, slot, None if repeats else expected)
        note_tones(slot)
        for event in self.events() if self.events else ():
            if event.kind != EventKind.CLIPPED or not clipped:  # counted above
                slot.events[event.kind] = slot.events.get(event.kind, 0) + event.count
        slot.csi = csi_report(slot.received, slot.grant, slot.samples.end_tick, expected, receiver.config, arrivals)

    def _received(self, receiver: BurstReceiver, slot: Slot, expected: int) -> ReceivedFrame | None:
        """By the headers in the bursts; where one cannot be read, once more by those that transmitters told."""
        memory = None if slot.start.repeats else self._memory  # radios without a common clock expect no tick
        receive = partial(receiver.receive, expected_tick=expected, memory=memory, powers=slot.powers)
        assert slot.samples is not None
        if self.read is None or slot.start.repeats or not _anything_sent(slot):
            frame = receive(slot.samples)
        else:
            frame = self._follower.receive(self.read, slot, memory)
        if slot.grant.frame is None or self._every_header_read(frame, slot):
            return frame
        if self.await_sent is not None:
            self.await_sent(slot)
            if self._every_header_read(frame, slot):  # nobody else will be heard
                return frame
        return receive(slot.samples, told=slot.told_headers())

    def _every_header_read(self, frame: ReceivedFrame | None, slot: Slot) -> bool:
        read = {user.user for user in frame.users if user.header_read} if frame else set()
        return slot.alive(self.config.users) <= read


def _anything_sent(slot: Slot) -> bool:
    """Whether a burst may be in or around a slot, as far as its transmitters tell: none was, where all came late."""
    return not slot.sent or any(not sent.events.keys() & NOT_SENT for sent in slot.sent.values())
