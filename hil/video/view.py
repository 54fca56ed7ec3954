"""The receiver's side of a video: pictures handed to the live page at once, timed, and recorded."""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from hil.bus.clock import CoordinatorClock, machine
from hil.config import RunConfig
from hil.decoding.frame_decoder import DecodedFrame
from hil.errors import UsageError
from hil.session.slot import Slot
from hil.video.recording import Recording
from hil.video.stages import Received, live_facts

log = logging.getLogger(__name__)
FOLDER = "video"


class LiveView:
    """out: the run's folder, in which `video/user0.mp4` and so on are made. show: shows pictures by user, at once."""

    def __init__(
        self,
        config: RunConfig,
        out: Path,
        clock: CoordinatorClock,
        show: Callable[[Slot, Mapping[int, Mapping[str, Any]]], None] = lambda _slot, _pictures: None,
    ) -> None:
        self._kept = config.video.record
        self._folder, self._clock, self._show = out / FOLDER, clock, show
        self._machine = machine()
        self._recordings: dict[int, Recording] = {}

    def shown(self, frame: DecodedFrame) -> DecodedFrame:
        """Show what of the frame is live, and note in its rows how old it is by then. The same frame."""
        slot, decoded_s = frame.slot, time.monotonic()
        captures = {user: sent.capture for user, sent in slot.sent.items() if user in frame.made and sent.capture}
        if not captures or slot.heard_s is None:
            return frame
        self._show(slot, {user: frame.made[user][1] for user in captures})
        for user, capture in captures.items():
            row, pictures = frame.made[user]
            if row.decoded and not capture.repeated:
                self._record(user, capture.captured_s, pictures)
            received_s = slot.heard_s + slot.latency_ms.get("phy", 0.0) / 1e3
            times = Received(slot.heard_s, received_s, decoded_s, time.monotonic())
            facts = live_facts(capture, times, self._machine, self._clock.offset())
            row.live = facts if row.decoded or facts is None else replace(facts, stages_ms={}, total_ms=None)
        return frame

    def close(self) -> None:
        """Write what is recorded to its end."""
        for recording in self._recordings.values():
            recording.close()

    def _record(self, user: int, at_s: float, pictures: Mapping[str, Any]) -> None:
        if self._kept == "off":
            return
        try:
            if user not in self._recordings:
                self._recordings[user] = Recording(free_name(self._folder, user))
        except UsageError as error:
            log.warning("no video is recorded: %s", error)
            self._kept = "off"
            return
        beside = pictures.get("original") if self._kept == "side-by-side" else None
        self._recordings[user].write(at_s, pictures["received"], beside)


def free_name(folder: Path, user: int) -> Path:
    """user0.mp4, or user0-2.mp4 and so on where a receiver that was started again has left its own."""
    number = 1
    while (path := folder / f"user{user}{f'-{number}' if number > 1 else ''}.mp4").exists():
        number += 1
    return path
