"""The receiver run on a recording: the same samples, the same ground truth, the same pictures and rows."""

import contextlib
import time
from pathlib import Path
from typing import Any

from hil.config import RunConfig, load_config
from hil.dataset.recorders import open_recorder
from hil.decoding.unsent import HeldBack
from hil.nodes.receiver_setup import open_decoder
from hil.report.finish import Stopwatch, finish_run
from hil.results.run_folder import write_config
from hil.results.session_recording import recorded_config, recorded_slots
from hil.results.writer import ResultWriter
from hil.session.channel_report import csi_report
from hil.session.mirror import mirrored, note_mirror
from hil.session.repeated_slot import aligned
from hil.session.slot import NOT_SENT, Slot
from hil.session.stream_follower import Read, StreamFollower
from hil.session.tones import note_tones
from radio.devices.file import FileRadio
from radio.recording import open_recording
from radio.samples import EventKind, Samples
from radio.waveform.channel.delay_memory import DelayMemory
from radio.waveform.quality.rails import clipped_values
from radio.waveform.reception.receiver import BurstReceiver


def replay_config(recording: Path, overrides: dict[str, Any] | None = None) -> RunConfig:
    """The recorded configuration with overrides (dotted names) laid over it.

    Raises ConfigurationError for what is no recording, UsageError for one of other origin or a bad override.
    """
    values = dict(recorded_config(open_recording(recording)))
    flat = {name: value for name, value in _flat(values) if name.split(".")[0] not in ("waveform", "air")}
    for section in ("waveform", "air"):
        shared = ("sample_rate_hz", "center_frequency_hz", "rx_antennas", "users", "seed", "channel")
        mine = {f"{section}.{name}": value for name, value in (values.get(section) or {}).items() if name not in shared}
        flat |= mine
    flat |= {
        "radio.device": f"file:{recording}",
        "rx.record": None,
        "rx.capture": (),
        "rx.mirrored": False,
        **(overrides or {}),
    }
    return load_config(None, flat)


def run_replay(recording: Path, config: RunConfig, out: Path, report: bool = True) -> dict[str, Any]:
    """Receive, decode and score every recorded frame into the folder out; returns the summary.

    report: False leaves report.html to `semnoma-hil report`.

    Raises UsageError or ConfigurationError for the recording, ResultsError for the folder, ModelError for the codec.
    """
    stopwatch = Stopwatch()
    slots = list(recorded_slots(open_recording(recording)))
    with contextlib.closing(ResultWriter(out, resume=False)) as writer:
        write_config(out, config)
        decoder, held_back = open_decoder(config, writer), HeldBack(told=any(slot.sent for slot in slots))
        receiver = BurstReceiver(config.waveform)
        memory = DelayMemory(config.waveform) if config.rx.remember_delays else None
        follower, radio = StreamFollower(receiver), FileRadio(str(recording))

        def read(tick: int, n_samples: int) -> Samples:
            samples = radio.receive(tick, n_samples)
            return mirrored(samples) if config.rx.mirrored else samples

        recorder = open_recorder(config, out)
        with contextlib.closing(radio), contextlib.closing(recorder) if recorder else contextlib.nullcontext():
            for slot in slots:
                slot.samples, slot.powers = follower.window(read, slot), decoder.powers(slot.grant)
                receive_slot(config, receiver, slot, memory, follower, read)
                if recorder is not None:
                    recorder.record(slot)
                if slot.grant.frame is not None:
                    frame = decoder.make(slot)
                    held_back.take(frame)  # the session may have sent it again later
                    decoder.record(frame)
                slot.samples = slot.received = None  # a long recording must not fill the memory
            for row, pictures in held_back.release():
                writer.append(row, pictures.get("original"), pictures.get("received"))
    return finish_run(out, config, stopwatch, report=report)


def _anything_sent(slot: Slot) -> bool:
    """Whether a burst may be in or around a slot, as far as its transmitters tell: none was, where all came late."""
    return not slot.sent or any(not sent.events.keys() & NOT_SENT for sent in slot.sent.values())


def receive_slot(
    config: RunConfig,
    receiver: BurstReceiver,
    slot: Slot,
    memory: DelayMemory | None = None,
    follower: StreamFollower | None = None,
    read: Read | None = None,
) -> None:
    """What the receiver node does with the samples of a granted slot: fills in received and csi.

    follower, read: where samples may be missing and more of them can be had.
    """
    assert slot.samples is not None
    clock = slot.ready_s = time.perf_counter()
    expected = slot.burst_tick
    if slot.start.repeats and not (slot.csi and aligned(slot.csi.users)):
        return  # its users did not arrive together: the node did not try to receive them either
    memory = None if slot.start.repeats else memory
    if follower is not None and read is not None and not slot.start.repeats and _anything_sent(slot):
        slot.received = follower.receive(read, slot, memory)
    else:
        slot.received = receiver.receive(slot.samples, expected, memory=memory, powers=slot.powers)
    alive = slot.alive(config.users)
    heard = {user.user for user in slot.received.users if user.header_read} if slot.received else set()
    if slot.grant.frame is not None and not alive <= heard:
        told = slot.told_headers()
        slot.received = receiver.receive(slot.samples, expected, told=told, memory=memory, powers=slot.powers)
    note_mirror(receiver, slot, None if slot.start.repeats else expected)
    note_tones(slot)
    if clipped := clipped_values(slot.samples.data):
        slot.events[EventKind.CLIPPED] = clipped
    slot.latency_ms["phy"] = (time.perf_counter() - clock) * 1e3
    slot.csi = csi_report(slot.received, slot.grant, slot.samples.end_tick, expected, config.waveform)


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in values.items():
        pairs += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(f"{prefix}{name}", value)]
    return pairs
