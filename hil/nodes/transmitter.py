"""A transmitter node: picture or other item, semantic encoder, OFDM burst, radio. Nothing here imports torch."""

import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from calibration.loops.frequency import precorrect
from hil.bus.client import BusClient
from hil.bus.messages import (
    Capture,
    CsiReport,
    Forgotten,
    Grant,
    Heartbeat,
    Hello,
    NodeLost,
    Refused,
    Sent,
    Start,
    Stop,
    UserCommand,
)
from hil.bus.parts import ItemRun
from hil.bus.plausible import plausible_db
from hil.bus.presence import Silence
from hil.config import RunConfig
from hil.errors import HilError
from hil.language.captioner import Captioner
from hil.language.writer import NoteWriter
from hil.nodes.node import Apart, join
from hil.nodes.outgoing import Outgoing, encoded
from hil.session.bits_length import longest_bits
from hil.session.burst.plan import runs_of
from hil.session.csi_path import CsiPath
from hil.session.keeping_time import transmits_by_repeating
from hil.session.rotation import RotationLoop
from hil.session.sharing import sharing_of, told
from hil.session.sinr_floor import SinrFloor
from hil.session.slot import burst_tick
from hil.video.capture import patience_s, told_capture
from hil.video.play import Ended, LivePicture, LivePictures
from models.images import ImageSource, Picture
from models.modality.base import Item, Items
from models.modality.halves import Sending
from radio.device import Radio, RadioSettings
from radio.errors import NobodyLeads
from radio.samples import Samples
from radio.waveform.burst.grid import ResourceGrid
from radio.waveform.burst.header import FrameHeader
from radio.waveform.transmission.transmitter import BurstTransmitter

log = logging.getLogger(__name__)

Source = ImageSource | Items


def picture_index(frame: int, user: int, users: int, n_pictures: int) -> int:
    """Which item of the source a user sends in a frame: users take them in turn, also where sources differ."""
    return (frame * users + user) % n_pictures


def longest_burst(config: RunConfig, images: Source, encoder: Sending, user: int) -> int:
    """Samples of the longest burst this user will send in the run, from the items' sizes alone."""
    grid = ResourceGrid(config.waveform, longest_bits(config.waveform))
    frames = range(min(config.frames, len(images)))
    indices = sorted({picture_index(f, user, config.users, len(images)) for f in frames})
    uses = {encoder.channel_uses(height, width) for height, width in images.sizes(indices)}
    return max(grid.burst_length(k) for k in uses)


def sizes_by_frame(config: RunConfig, images: Source, encoder: Sending, user: int) -> list[ItemRun]:
    """What the user sends frame after frame, until it begins anew or the run ends."""
    count = len(images)
    frames = range(min(config.frames, count // math.gcd(count, config.users)))
    sizes = images.sizes([picture_index(frame, user, config.users, count) for frame in frames])
    return runs_of((height, width, encoder.channel_uses(height, width)) for height, width in sizes)


@dataclass
class TransmitterNode:
    """One user. `run` serves grants until the coordinator stops the run; returns its Stop message.

    settings: those that the radio is configured with. carrier_start_hz: its offset against the receiver as far as a
    calibration tells. live: what is sent in place of the images, which then only tell the size. silence: ends
    what the radio repeats. captioner: None for bursts that carry no more than their pictures' names beside them.
    """

    config: RunConfig
    user: int
    bus: BusClient
    radio: Radio
    encoder: Sending
    images: Source
    settings: RadioSettings
    carrier_start_hz: float = 0.0
    live: LivePictures | None = None
    silence: Callable[[], None] = lambda: None
    captioner: Captioner | None = None

    def __post_init__(self) -> None:
        self._transmitter = BurstTransmitter(self.config.waveform, self.user)
        self._with_short = BurstTransmitter(self.config.waveform.shortened(), self.user)
        self._floor = SinrFloor()
        self._csi_path = CsiPath(self.config.feedback, self.config.sample_rate_hz)
        self._gain_db = 0.0
        self._notes = NoteWriter(self.captioner, self.config.waveform.bits_bytes)
        self._longest_bits = longest_bits(self.config.waveform)

    def run(self) -> Stop:
        """Raises HilError or UsageError when the coordinator does not answer, refuses or has gone, Apart if silent."""
        hello = Hello(
            role="tx",
            user=self.user,
            process_id=os.getpid(),
            config_digest=self.config.digest(),
            now_tick=self.radio.now_tick(),
            max_burst_samples=longest_burst(self.config, self.images, self.encoder, self.user),
            pictures=len(self.images),
            sizes=self._sizes(),
            repeats=transmits_by_repeating(self.radio),
            carrier_start_hz=self.carrier_start_hz,
            lowest_gain_db=self._lowest_gain_db(),
            live=self.live is not None,
        )
        start = join(self.bus, hello, self.config.bus.join_timeout_s)
        self._rotation = RotationLoop(start.slot_samples)
        while True:
            message = self.bus.receive(1.0)
            if message is None:
                self.bus.now_tick = self.radio.now_tick()
                continue
            match message.body:
                case Grant() as grant:
                    self._serve(grant, start)
                case Stop() as stop:
                    return stop
                case Silence(reason=reason, gone=gone):
                    raise (HilError if gone else Apart)(reason)
                case Forgotten():
                    raise Apart("the coordinator had lost this node")
                case Refused(reason=reason):
                    raise HilError(reason)
                case NodeLost() | Heartbeat() | Start():
                    pass

    def _serve(self, grant: Grant, start: Start) -> None:
        """Encode, modulate and transmit one slot, then tell what was sent."""
        if self.user in grant.lost_users:  # granted before this node was back: nobody expects it in this slot
            self.radio.idle_until(grant.slot_tick + start.slot_samples)
            return
        live = self.live.take(patience_s(self.config)) if self.live and grant.frame is not None else None
        if isinstance(live, Ended):
            self.bus.send(Sent(grant.slot, None, self.user, ended=live.reason), [b"", b""])
            self.silence()
            self.radio.idle_until(grant.slot_tick + start.slot_samples)
            return
        clock = time.perf_counter()
        csi = self._csi_path.take(grant.csi, grant.slot_tick)
        command = self._command(grant)
        if start.repeats and grant.csi:
            self._rotation.update(grant.csi, self.user)
        outgoing = Outgoing(FrameHeader.probe(self.user))
        if grant.frame is not None:
            outgoing = self._encoded(grant, csi, live)
        events = dict(outgoing.events)
        encode_ms = _milliseconds_since(clock)
        clock = time.perf_counter()
        tick = burst_tick(grant, start) - command.advance_ticks
        burst = self._modulate(grant.short, outgoing, command.correction_hz, tick)
        modulate_ms = _milliseconds_since(clock)
        capture = told_capture(live, self.bus.clock.offset()) if live else None
        clock = time.perf_counter()
        if not command.silent:
            self._set_gain(command.gain_db)
            try:
                self.radio.transmit(self._as_period(burst, grant.slot, start) if start.repeats else burst)
            except NobodyLeads:
                events["unled"] = 1  # the guard has told: this slot stays empty
        self.radio.idle_until(grant.slot_tick + start.slot_samples)
        latency = {"encode": encode_ms, "modulate": modulate_ms, "transmit": _milliseconds_since(clock)}
        self.bus.now_tick = burst.end_tick
        papr_db = self._transmitter.papr_db(burst.data[0])
        self._report(grant, command, csi, outgoing, latency, papr_db, events, capture)

    def _encoded(self, grant: Grant, csi: CsiReport | None, live: LivePicture | None) -> Outgoing:
        """The items of the burst's frames, encoded as the channel report tells."""
        assert grant.frame is not None
        frames = range(grant.frame, grant.frame + (1 if live else grant.pictures))
        turns = [picture_index(frame, self.user, self.config.users, len(self.images)) for frame in frames]
        numbers = [live.number] if live else turns
        items: list[Picture | Item] = [live.picture] if live else [self.images[number] for number in numbers]
        sharing = sharing_of(grant, self.config)
        side = self._floor.informed(told(self.encoder, csi, self.config.users, sharing), csi)
        side = side.without_floor() if live else side  # a video has no time for symbols shared out over its pictures
        symbols = encoded(self.encoder, items, self.user, side, sharing)
        bits_symbols = min(grant.bits_symbols, self._longest_bits)
        return Outgoing.of(grant.frame, self.user, items, numbers, symbols, bits_symbols, self._notes)

    def _command(self, grant: Grant) -> UserCommand:
        """This user's command of the grant; one that no radio can follow is ignored."""
        command = next((one for one in grant.commands if one.user == self.user), UserCommand(self.user))
        within = abs(command.correction_hz) <= self.config.sample_rate_hz / 2 and plausible_db(command.gain_db)
        return command if within else UserCommand(self.user)

    def _sizes(self) -> list[ItemRun]:
        """Of the items frame by frame, where several may go in one burst."""
        if self.config.burst.pictures == 1 or self.live is not None:
            return []
        return sizes_by_frame(self.config, self.images, self.encoder, self.user)

    def _lowest_gain_db(self) -> float:
        """How far the gain can go down from the one that is set; not at all where nobody knows that."""
        base_db = self.settings.tx_gain_db
        return 0.0 if base_db is None else self.radio.capabilities.tx_gain_db[0] - base_db

    def _set_gain(self, gain_db: float) -> None:
        """Relative to the configured gain, never above it; the guard checks it too."""
        base_db = self.settings.tx_gain_db
        if base_db is not None and gain_db != self._gain_db:
            self.radio.configure(replace(self.settings, tx_gain_db=base_db + min(gain_db, 0.0)))
            self._gain_db = gain_db

    def _as_period(self, burst: Samples, slot: int, start: Start) -> Samples:
        """One period with the burst in its place, rotated so that it arrives aligned with the other users'."""
        period = np.zeros((1, start.slot_samples), np.complex64)
        period[:, start.guard_samples : start.guard_samples + burst.n_samples] = burst.data
        return Samples(period, self._rotation.apply(slot), burst.sample_rate_hz)

    def _modulate(self, short: bool, outgoing: Outgoing, correction_hz: float, tick: int) -> Samples:
        """Scale to full scale, pre-correct the carrier, keep within the converter."""
        rate = self.config.sample_rate_hz
        transmitter = self._with_short if short else self._transmitter
        burst = transmitter.modulate(outgoing.symbols, outgoing.header, outgoing.protected)
        burst = burst * np.float32(self.config.radio.tx_amplitude)
        if correction_hz:
            burst = precorrect(burst, correction_hz, rate)
        peak = np.abs(burst)
        over = peak > 1.0
        burst[over] /= peak[over]
        return Samples(burst[np.newaxis].astype(np.complex64), tick, rate)

    def _report(
        self,
        grant: Grant,
        command: UserCommand,
        csi: CsiReport | None,
        outgoing: Outgoing,
        latency_ms: dict[str, float],
        papr_db: float,
        events: dict[str, int],
        capture: Capture | None,
    ) -> None:
        for event in self.radio.events():
            events[event.kind] = events.get(event.kind, 0) + event.count
        age_s = (grant.slot_tick - csi.measured_tick) / self.config.sample_rate_hz if csi else None
        sent = Sent(
            slot=grant.slot,
            frame=grant.frame,
            user=self.user,
            csi_slot=csi.slot if csi else None,
            csi_age_s=age_s,
            precorrection_hz=command.correction_hz,
            advance_ticks=command.advance_ticks,
            gain_db=command.gain_db,
            loops={"frequency": command.frequency, "timing": command.timing, "power": command.power},
            papr_db=papr_db,
            latency_ms=latency_ms,
            events=events,
            capture=capture,
            **outgoing.told(),
        )
        self.bus.send(sent, [outgoing.values.data.cast("B"), np.ascontiguousarray(outgoing.symbols).data.cast("B")])


def _milliseconds_since(clock: float) -> float:
    return (time.perf_counter() - clock) * 1e3
