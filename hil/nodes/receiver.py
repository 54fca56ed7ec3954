"""The receiver node: samples of a slot, the waveform's receiver, CSI back to the coordinator, decoding behind.

The main thread keeps pace with the radio; decoding and refinement run in a second thread, scoring and writing in a
third (flushing files is waiting for the disk), at most `BurstPlan.undecoded_frames` behind (the coordinator holds the
next grant back).
"""

import contextlib
import logging
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import msgspec
import numpy as np

from hil.bus.client import BusClient
from hil.bus.messages import (
    CsiReport,
    Forgotten,
    FrameDone,
    Grant,
    Heartbeat,
    Hello,
    Link,
    NodeLost,
    Refused,
    Sent,
    Start,
    Stop,
    Truth,
    UserCsi,
    Watched,
)
from hil.bus.plausible import plausible_link
from hil.bus.presence import Silence
from hil.bus.wire import Received
from hil.config import RunConfig
from hil.dataset.recorders import Recorder
from hil.decoding.frame_decoder import DecodedFrame, FrameDecoder
from hil.decoding.unsent import HeldBack
from hil.errors import HilError
from hil.nodes.node import join, keep_place
from hil.nodes.telemetry import TelemetryPublisher
from hil.session.burst.slot_receiver import SlotReceiver
from hil.session.csi_path import CsiPath
from hil.session.keeping_time import check_receiver
from hil.session.mirror import mirrored
from hil.session.repeated_slot import aligned, find_arrivals, one_period, receive_repeated
from hil.session.slot import Slot, original_of
from hil.video.view import LiveView
from radio.device import Radio
from radio.errors import DeviceError, DeviceGone, RadioError
from radio.samples import Samples

log = logging.getLogger(__name__)
LAST_WORK_S = 1.5  # what a thread of a node that was told to end gets for the frame in its hands
GROUND_TRUTH_WAIT_S = 10.0  # how long scoring waits for originals and truth that travel over the bus


@dataclass
class ReceiverNode:
    """`run` serves grants until the coordinator stops the run, finishes decoding, returns its Stop message.

    reopen: opens the radio once more where it has failed, as after a sleep.
    """

    config: RunConfig
    bus: BusClient
    radio: Radio
    decoder: FrameDecoder
    recorder: Recorder | None = None
    reopen: Callable[[], Radio] | None = None

    def __post_init__(self) -> None:
        with_air = self._with_air = self.config.radio.device.startswith("sim")
        self._slot_receiver = SlotReceiver(
            self.config,
            read=None if with_air else self._read,  # an air loses no samples
            await_sent=self._await_sent,
            events=lambda: self.radio.events(),  # of the one that is open by then
        )
        self._csi_path = CsiPath(self.config.feedback, self.config.sample_rate_hz)  # as every transmitter's
        self._slots: dict[int, Slot] = {}
        self._changed = threading.Condition()
        self._jobs: queue.Queue[Slot | None] = queue.Queue()
        self._decoded: queue.Queue[list[DecodedFrame] | None] = queue.Queue()  # the frames of a slot
        self._stopping = False
        self._held_back = HeldBack()
        self._failure: Exception | None = None
        self._postponed: deque[Received] = deque()
        self._telemetry = TelemetryPublisher(self.config, self.bus.send)
        self.decoder.on_recorded = self._telemetry.recorded

    def run(self) -> Stop:
        """Raises HilError or UsageError; what was recorded before stays."""
        self._slot_receiver.receivers.long.warm_up()
        self._live = LiveView(self.config, self.decoder.writer.out, self.bus.clock, self._telemetry.shown)
        self._hello = Hello(role="rx", user=None, process_id=os.getpid(), config_digest=self.config.digest())
        start = join(self.bus, self._hello, self.config.bus.join_timeout_s)
        check_receiver(self.radio, start.repeats)
        workers = [
            threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
            for name, work in (("decoding", self._decode_all), ("recording", self._record_all))
        ]
        for worker in workers:
            worker.start()
        stop: Stop | None = None
        try:
            stop = self._serve(start)
            return stop
        finally:
            with self._changed:
                self._stopping = True
                self._changed.notify_all()
            alone = stop is None or self.bus.coordinator.gone
            if alone:  # what is not decoded yet is sent again when the run is resumed
                _empty(self._jobs)
            self._jobs.put(None)
            workers[0].join(timeout=LAST_WORK_S if alone else 30)
            self._decoded.put(None)
            workers[1].join(timeout=LAST_WORK_S if alone else 30)
            if (
                stop is not None and stop.complete
            ):  # nobody will send them again; a run that was cut short does when it is resumed
                for row, pictures in self._held_back.release():
                    self.decoder.writer.append(row, pictures.get("original"), pictures.get("received"))
                    self.decoder.on_recorded(row, {})
            self._live.close()
            self._telemetry.close()

    def _serve(self, start: Start) -> Stop:
        while True:
            if self._failure is not None:
                raise HilError(str(self._failure)) from self._failure
            message = self._postponed.popleft() if self._postponed else self.bus.receive(0.2)
            if message is None:
                continue
            match message.body:
                case Grant() as grant:
                    if (told := self._served(grant)) is None:
                        self._slot(grant, start)
                    else:
                        self.bus.send(told)
                case Sent() as sent:
                    self._note_sent(sent, message)
                case Truth(links=links):
                    self._note_truth(links)
                case Watched():
                    self._telemetry.watch()
                case Stop() as stop:
                    return stop
                case Silence() | Forgotten():
                    stopped = keep_place(self.bus, self._hello, message.body, self.config.bus.rejoin_timeout_s)
                    if stopped is not None:
                        return stopped
                case NodeLost(role="tx", user=int(user)):
                    self._note_lost(user)
                case Refused(reason=reason):
                    raise HilError(reason)
                case NodeLost() | Heartbeat() | Start():
                    pass

    def _served(self, grant: Grant) -> CsiReport | None:
        """What was reported where this very grant has come before: it is told again to a node that comes back.

        The report may be what the break has swallowed, and the coordinator waits for one.
        """
        slot = self._slots.get(grant.slot)
        return (
            slot.csi
            if slot is not None and not slot.start.repeats and grant.slot_tick == slot.grant.slot_tick
            else None
        )

    def _slot(self, grant: Grant, start: Start) -> None:
        """Receive one slot, report its channel, hand it to the decoder."""
        slot = Slot(grant, start, encoder_csi=self._csi_path.take(grant.csi, grant.slot_tick))
        if grant.slot in self._slots:  # granted again: what its first attempt met still counts
            slot.events |= self._slots[grant.slot].events
        self._slots[grant.slot] = slot
        for old in [number for number in self._slots if number < grant.slot - 16]:
            del self._slots[old]
        clock = time.perf_counter()
        try:
            slot.samples, arrivals = self._samples_after_all(slot)
        except RadioError as error:
            raise HilError(f"the receiver's radio failed: {error}") from error
        slot.latency_ms["receive"] = _milliseconds_since(clock)
        slot.powers = self.decoder.powers(slot.grant)
        self._slot_receiver.receive(slot, arrivals)
        self.bus.now_tick = slot.samples.end_tick
        assert slot.csi is not None
        self.bus.send(slot.csi)
        comes_again = start.repeats and not aligned(arrivals) and not grant.last_attempt
        if (grant.frame is not None or self.recorder is not None) and not comes_again:
            self._jobs.put(slot)

    def _samples_after_all(self, slot: Slot) -> tuple[Samples, list[UserCsi]]:
        """As `_samples`; a radio that fails is opened once more."""
        try:
            return self._samples(slot)
        except DeviceGone:
            raise
        except DeviceError as error:
            if self.reopen is None:
                raise
            log.warning("%s The radio is opened again.", error)
            self.radio.close()
            self.radio = self.reopen()
            return self._samples(slot)

    def _samples(self, slot: Slot) -> tuple[Samples, list[UserCsi]]:
        """A slot's samples; where transmitters repeat, one period of them and every user's arrival in it."""
        start = slot.start
        if not start.repeats:
            return self._slot_receiver.window(self._read, slot), []
        self._await_sent(slot)
        samples = receive_repeated(self.config, self.radio, start.slot_samples)
        samples = mirrored(samples) if self.config.rx.mirrored else samples
        slot.grant = msgspec.structs.replace(slot.grant, slot_tick=samples.start_tick)
        grid = self._slot_receiver.receivers.long.grid
        arrivals = find_arrivals(grid, samples, start.slot_samples, start.guard_samples)
        return one_period(samples, start.slot_samples), arrivals

    def _read(self, tick: int, n_samples: int) -> Samples:
        samples = self.radio.receive(tick, n_samples, timeout_s=self.config.bus.frame_timeout_s)
        return mirrored(samples) if self.config.rx.mirrored else samples

    def _await_sent(self, slot: Slot) -> None:
        """Wait for the transmitters' messages about this slot, which contain the headers that were lost in a fade."""
        deadline = time.monotonic() + GROUND_TRUTH_WAIT_S
        while not slot.alive(self.config.users) <= set(slot.sent) and time.monotonic() < deadline:
            if self.bus.coordinator.gone:
                return
            message = self.bus.receive(0.05)
            if message is None:
                continue
            if isinstance(message.body, Sent):
                self._note_sent(message.body, message)
            elif isinstance(message.body, NodeLost) and message.body.user is not None:
                self._note_lost(message.body.user)
            else:
                self._postponed.append(message)

    def _note_sent(self, sent: Sent, message: Received) -> None:
        slot = self._slots.get(sent.slot)
        if slot is None or len(message.attachments) != 2:
            return
        original, symbols = original_of(sent, message.attachments[0]), message.attachments[1]
        if original is None or symbols.nbytes != 8 * sent.n_symbols:
            log.warning("user %d's original of slot %d has the wrong size; not scored", sent.user, sent.slot)
            return
        with self._changed:
            slot.sent[sent.user] = sent
            slot.lost.discard(sent.user)
            slot.originals[sent.user] = original
            slot.symbols[sent.user] = np.frombuffer(symbols, np.complex64)
            self._changed.notify_all()

    def _note_lost(self, user: int) -> None:
        """Nobody waits for what a lost transmitter had to say of the slots that are open."""
        with self._changed:
            for slot in self._slots.values():
                if user not in slot.sent:
                    slot.lost.add(user)
            self._changed.notify_all()

    def _note_truth(self, links: list[Link]) -> None:
        with self._changed:
            for link in filter(plausible_link, links):
                for slot in self._slots.values():
                    inside = link.burst_start_tick - slot.grant.slot_tick
                    if 0 <= inside < slot.start.slot_samples:
                        slot.links[link.user] = link
            self._changed.notify_all()

    def _guarded(self, work: Callable[[], None]) -> None:
        """A thread must never die silently: the main loop reports what ended it."""
        try:
            work()
        except Exception as error:
            log.exception("%s failed", threading.current_thread().name)
            self._failure = error

    def _decode_all(self) -> None:
        while (slot := self._jobs.get()) is not None:
            clock = time.perf_counter()
            if not self._ground_truth_came(slot):
                continue
            if self._with_air and self.config.air.pace is None:
                # An air without a clock sends as soon as it may: no frame has waited for the one before it.
                slot.ready_s = time.perf_counter() - slot.latency_ms["phy"] / 1e3
            elif slot.ready_s is not None:  # only scoring waits for the truth: a deadline does not count it
                slot.ready_s += time.perf_counter() - clock
            if self.recorder is not None:
                self.recorder.record(slot)
            if slot.grant.frame is not None:
                self._decoded.put([self._live.shown(frame) for frame in self.decoder.make_all(slot)])

    def _record_all(self) -> None:
        while (frames := self._decoded.get()) is not None:
            again = [self._held_back.take(frame) for frame in frames]
            images = self.decoder.record_all(frames)
            self._telemetry.offer(frames[-1].slot)
            for frame, decoded, users in zip(frames, images, again, strict=True):
                assert frame.slot.grant.frame is not None
                self.bus.send(FrameDone(frame.slot.grant.frame, decoded, users))

    def _ground_truth_came(self, slot: Slot) -> bool:
        """Wait for what transmitters and air say about a slot; False for one that the run's end cut in two.

        Such a frame is not recorded, and sent again when the run is resumed. In a run that goes on, a frame whose
        truth never came is recorded without.
        """
        here = partial(slot.ground_truth_here, self.config.users, self._with_air)
        bus = self.config.bus

        def over() -> bool:
            return self._stopping or here()

        with self._changed:
            self._changed.wait_for(over, GROUND_TRUTH_WAIT_S)
            if not over() and time.monotonic() - self.bus.coordinator.heard_s > 2 * bus.heartbeat_s:
                self._changed.wait_for(over, bus.node_timeout_s)  # is it the coordinator that has gone?
            return here() or not self._stopping


def _empty(jobs: "queue.Queue[Slot | None]") -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            jobs.get_nowait()


def _milliseconds_since(clock: float) -> float:
    return (time.perf_counter() - clock) * 1e3
