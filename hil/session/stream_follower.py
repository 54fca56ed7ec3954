"""Keeping to the schedule when a radio loses samples without saying so, or hands some over twice.

Bursts then come earlier, or later, than their ticks say, for the rest of the session. Where no header can be read at
the place of the schedule, the burst is looked for around it; the windows of all later slots follow what was found.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hil.session.slot import Slot
from radio.errors import RadioError
from radio.samples import Samples
from radio.waveform.channel.delay_memory import DelayMemory
from radio.waveform.quality.repeated_buffers import without_repeats
from radio.waveform.reception.frame import ReceivedFrame
from radio.waveform.reception.receiver import BurstReceiver

log = logging.getLogger(__name__)
REACH_SAMPLES = 16384  # on either side; four buffers of a usual driver
SEARCHED_SAMPLES = 2048  # on either side of every place that is tried
DRIFTED_SAMPLES = 384  # of the 512 that are searched without a reason: then windows follow even what is still found
DAMAGED_SHARE = 0.1  # of a payload's symbols: from there on it is asked whether buffers were repeated

Read = Callable[[int, int], Samples]  # first tick, samples


@dataclass
class StreamFollower:
    """late_samples: by which bursts come later than the schedule by now; negative: earlier."""

    receiver: BurstReceiver
    late_samples: int = 0

    def window(self, read: Read, slot: Slot) -> Samples:
        """A slot's samples where they are by now, with the ticks of the schedule."""
        samples = read(slot.grant.slot_tick + self.late_samples, slot.start.slot_samples)
        return Samples(samples.data, samples.start_tick - self.late_samples, samples.sample_rate_hz)

    def receive(self, read: Read, slot: Slot, memory: DelayMemory | None) -> ReceivedFrame | None:
        """The slot's burst out of slot.samples, or out of what lies around them; then these are replaced."""
        assert slot.samples is not None
        expected = slot.burst_tick
        frame = self.receiver.receive(slot.samples, expected, memory=memory, powers=slot.powers)
        if _is_of(frame, slot):
            assert frame is not None
            if _is_damaged(frame):  # a buffer that comes twice within a burst leaves its header as it is
                return self._search(read, slot, expected) or frame
            drift = frame.start_tick - expected
            if abs(drift) > DRIFTED_SAMPLES:
                self._follow(slot, drift, 0)
            return frame
        return self._search(read, slot, expected) or frame

    def _search(self, read: Read, slot: Slot, expected: int) -> ReceivedFrame | None:
        tick, length = slot.grant.slot_tick, slot.start.slot_samples
        try:
            around = read(tick + self.late_samples - REACH_SAMPLES, length + 2 * REACH_SAMPLES)
        except RadioError:  # what lies around a slot is extra
            return None
        first = around.start_tick - self.late_samples
        data, repeated = without_repeats(around.data, self.receiver.grid.preamble_slot_samples)
        for away in sorted(range(-REACH_SAMPLES, REACH_SAMPLES + 1, 2 * SEARCHED_SAMPLES), key=abs):
            samples = Samples(data, first, around.sample_rate_hz)
            frame = self.receiver.receive(samples, expected + away, SEARCHED_SAMPLES, powers=slot.powers)
            if not _is_of(frame, slot):
                continue
            assert frame is not None
            late = frame.start_tick - expected
            if repeated == 0 and abs(late) < SEARCHED_SAMPLES // 4:
                return None  # it is where it ought to be: nothing was lost, and nothing is gained
            begin = tick + late - first
            window = data[:, max(begin, 0) : begin + length]
            window = np.pad(window, ((0, 0), (max(-begin, 0), length - window.shape[1] - max(-begin, 0))))
            slot.samples = Samples(window, tick, around.sample_rate_hz)
            self._follow(slot, late, repeated)
            return self.receiver.receive(slot.samples, expected, powers=slot.powers)
        return None

    def _follow(self, slot: Slot, late: int, repeated: int) -> None:
        """Move all later windows and say so. late: of the burst, without the repeated samples."""
        self.late_samples += late + repeated
        doubled, lost = repeated + max(late, 0), max(-late, 0)
        for event, count in (("repeated_samples", doubled), ("lost_samples", lost)):
            if count:
                slot.events[event] = slot.events.get(event, 0) + count
                log.warning("slot %d: %d samples were %s; windows follow", slot.grant.slot, count, event.split("_")[0])


def _is_damaged(frame: ReceivedFrame) -> bool:
    return any(one.quality is not None and one.quality.hit.mean() > DAMAGED_SHARE for one in frame.users)


def _is_of(frame: ReceivedFrame | None, slot: Slot) -> bool:
    """Whether a header was read that names the slot's frame, or that of a probe."""
    headers = [user.header for user in frame.users if user.header_read] if frame else []
    probe = slot.grant.frame is None
    return any(
        one is not None and (one.kind == "probe") == probe and one.frame == (slot.grant.frame or 0) for one in headers
    )
