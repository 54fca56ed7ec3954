"""The receiver run on a recording: the same samples, the same ground truth, the same pictures and rows."""

import contextlib
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
from hil.session.burst.slot_receiver import SlotReceiver
from hil.session.mirror import mirrored
from radio.devices.file import FileRadio
from radio.recording import open_recording
from radio.samples import Samples


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
        radio = FileRadio(str(recording))

        def read(tick: int, n_samples: int) -> Samples:
            samples = radio.receive(tick, n_samples)
            return mirrored(samples) if config.rx.mirrored else samples

        receiver, recorder = SlotReceiver(config, read), open_recorder(config, out)
        with contextlib.closing(radio), contextlib.closing(recorder) if recorder else contextlib.nullcontext():
            for slot in slots:
                slot.samples, slot.powers = receiver.window(read, slot), decoder.powers(slot.grant)
                receiver.receive(slot)
                if recorder is not None:
                    recorder.record(slot)
                if slot.grant.frame is not None:
                    frames = decoder.make_all(slot)
                    for frame in frames:
                        held_back.take(frame)  # the session may have sent it again later
                    decoder.record_all(frames)
                slot.samples = slot.received = None  # a long recording must not fill the memory
            for row, pictures in held_back.release():
                writer.append(row, pictures.get("original"), pictures.get("received"))
    return finish_run(out, config, stopwatch, report=report)


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in values.items():
        pairs += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(f"{prefix}{name}", value)]
    return pairs
